// Sylvester flow: planar flows with M hidden units instead of one.
//
//   x = g(z) = z + Q R₁ tanh(R₂ Qᵀ z + b)
//
// Q [D, M] has orthonormal columns, R₁ and R₂ [M, M] are upper triangular. By Sylvester's identity the determinant of
// D x D is one of M x M, and that matrix is triangular:
//
//   log |det dx/dz| = sum_i log(1 + c_i tanh'(a_i)),    c_i = (R₁)_ii (R₂)_ii,    a = R₂ Qᵀ z + b
//
// The diagonals go through a tanh, so that c_i > -1: g is invertible. Q is a product of Householder reflections, which
// is orthogonal whatever its numbers are. R. van den Berg, L. Hasenclever, J. Tomczak, M. Welling, "Sylvester
// normalizing flows for variational inference", UAI 2018.
//
// The way back, for which the paper has no formula, is a back-substitution: v = Qᵀ z obeys v + R₁ tanh(R₂ v + b) = Qᵀ
// x. In its last line stands v_M alone, in the line before that v_{M-1} and what is known by then, and so on up. Each
// is planar's equation of one unknown, a_i + c_i tanh(a_i) = something (flows/tanh_root.h). Then z = x - Q R₁ tanh(a).
//
// Left out: matrices that differ from example to example (with a context, b does), the orthogonal variant by iteration.
#pragma once

#include "flows/linear.h"
#include "nn/linear.h"

namespace bijou::flows {

struct Sylvester : Bijector {
  struct Options {
    int64_t features;
    int64_t hidden;           // M, at most as many as features
    int64_t reflections = 0;  // of Q; 0: M
    int64_t context = 0;      // its length C; a linear function of it is added to b
  };
  explicit Sylvester(const Options& o, Generator& g = default_generator());  // at first nearly the identity
  void members(nn::Visitor& visit) override {
    visit("reflections", reflections), visit("r1", r1), visit("r2", r2), visit("diagonal1", diagonal1);
    visit("diagonal2", diagonal2), visit("b", b), visit("from_context", from_context);
  }
  Var q() const;  // Q

  Options options;
  Householder reflections;
  Var r1, r2;                // [M, M], of which what is above the diagonal counts
  Var diagonal1, diagonal2;  // [M], before tanh
  Var b;                     // [1, M]
  Var from_context;          // [M, C], 0 at first

 protected:
  Latent f(const Var& x, const Var& context) const override;
  Data g(const Var& z, const Var& context) const override;

 private:
  struct Params {
    Var q, d1, d2, r1, r2, b;
  };
  Params params(const Var& v, const Var& context) const;
};

}  // namespace bijou::flows
