// Linear bijectors along axis 1: they mix the features of [B, D], or the channels of [B, C, H, W] at every pixel alike,
// where they are invertible 1x1 convolutions.
//
//   z = W x,    log |det dz/dx| = h w log |det W|
//
//   Permutation, Reverse    W is a permutation                              log |det| = 0
//   Householder             W = H_1 ... H_K,  H = I - 2 v vᵀ / vᵀv          log |det| = 0
//   DenseLinear             W is any matrix, at first a rotation            an LU decomposition in every step
//   LuLinear                W = P L (U + diag(s))                           log |det| = sum log |s|, eq. 10 of Glow
//
// In LuLinear P and the signs of s stay what they were in a random rotation, L has ones on its diagonal. From
// D. Kingma, P. Dhariwal, "Glow: generative flow with invertible 1x1 convolutions", NeurIPS 2018; Householder products
// in flows from J. Tomczak, M. Welling, "Improving variational auto-encoders using Householder flow", 2016.
#pragma once

#include "autograd/linalg.h"
#include "autograd/ops.h"
#include "flows/bijector.h"
#include "tensor/random.h"

namespace bijou::flows {

struct Permutation : Bijector {
  explicit Permutation(const Indices& order);  // z_i = x_order[i]; throws where it is not a permutation
  void members(nn::Visitor& visit) override { visit("order", order); }
  Tensor order;  // [D]; a buffer, since a checkpoint without it would be worthless

 protected:
  Latent f(const Var& x, const Var& context) const override;
  Data g(const Var& z, const Var& context) const override;
};
// A random one, and the one that counts down.
Permutation random_permutation(int64_t features, Generator& g = default_generator());
Permutation reverse(int64_t features);

// What the others share: they say what W, W⁻¹ and log |det W| are. x: [B, features] or [B, features, H, W].
struct LinearBijector : Bijector {
  virtual Var weight() const = 0;  // W [features, features]
  virtual Var inverse_weight() const = 0;
  virtual Var log_abs_det() const = 0;  // []

 protected:
  Latent f(const Var& x, const Var& context) const override;
  Data g(const Var& z, const Var& context) const override;
};

struct Householder : LinearBijector {
  Householder(int64_t features, int64_t reflections, Generator& g = default_generator());
  void members(nn::Visitor& visit) override { visit("v", v); }
  Var weight() const override;
  Var inverse_weight() const override { return transpose(weight(), 0, 1); }
  Var log_abs_det() const override { return real(0); }
  Var v;  // [reflections, features]
};

// Nothing keeps W from becoming singular in training; LuLinear cannot.
struct DenseLinear : LinearBijector {
  explicit DenseLinear(int64_t features, Generator& g = default_generator());
  void members(nn::Visitor& visit) override { visit("w", w); }
  Var weight() const override { return w; }
  Var inverse_weight() const override;  // throws NotInvertible where W is singular
  Var log_abs_det() const override { return bijou::slogdet(w).logabsdet; }
  Var w;
};

struct LuLinear : LinearBijector {
  explicit LuLinear(int64_t features, Generator& g = default_generator());
  void members(nn::Visitor& visit) override {
    visit("p", p), visit("sign", sign), visit("lower", lower), visit("upper", upper), visit("log_s", log_s);
  }
  Var weight() const override;
  Var inverse_weight() const override;
  Var log_abs_det() const override { return sum(log_s); }

  Tensor p, sign;           // fixed: a permutation matrix [features, features], and the signs of s [features]
  Var lower, upper, log_s;  // only what is below, and above, the diagonals of the first two counts

 private:
  Var l() const;
  Var u() const;
};

}  // namespace bijou::flows
