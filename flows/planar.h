// Planar flow: space is bent along one direction, by a function that is constant on planes.
//
//   x = g(z) = z + û F(wᵀz + b),    log |det dx/dz| = log(1 + wᵀû F'(wᵀz + b)),    F tanh or a leaky ReLU
//
// F' lies between 0 and 1, so g is invertible where wᵀû > -1. That is built in: of a free u, the part along w is moved
// to
//
//   û = u + (m(a) - a) w / ‖w‖²,    a = wᵀu,    m(a) = -1 + softplus(a) + a floor of 1e-3
//
// so that wᵀû = m(a) and the slope 1 + wᵀû F' = F' p + (1 - F') is a mean of 1 and p = softplus(a) + 1e-3: it cannot
// come near 0, and its logarithm has nothing that cancels. D. Rezende, S. Mohamed, "Variational inference with
// normalizing flows", ICML 2015, appendix A.1.
//
// g, from latent to data, is the cheap way: made for sampling, and for reverse KL. The way back exists as well. What is
// unknown of z is one number, s = wᵀz + b, and taking wᵀ of the first equation
//
//   s + wᵀû F(s) = wᵀx + b,    then  z = x - û F(s)
//
// which a few steps of Newton's method solve to the last digit (flows/tanh_root.h), or, for the leaky ReLU, a division.
#pragma once

#include "flows/bijector.h"
#include "tensor/random.h"

namespace bijou::flows {

struct Planar : Bijector {
  enum class F { kTanh, kLeakyRelu };  // the slope of the latter is 0.1 below 0
  struct Options {
    int64_t features;
    int64_t context = 0;  // its length C; each example then has its own u, w and b
    F f = F::kTanh;
  };
  // w and b are random, and u such that û is small: nearly the identity.
  explicit Planar(const Options& o, Generator& g = default_generator());
  void members(nn::Visitor& visit) override {
    visit("u", u), visit("w", w), visit("b", b), visit("from_context", from_context);
  }

  Options options;
  Var u, w, b;       // [1, D], [1, D], [1, 1]
  Var from_context;  // [2 D + 1, C], 0 at first: times the context it is added to u, w and b

 protected:
  Latent f(const Var& x, const Var& context) const override;
  Data g(const Var& z, const Var& context) const override;

 private:
  struct Params {
    Var u, w, b, p;  // û; [1 or B, D or 1]
  };
  Params params(const Var& context) const;
};

}  // namespace bijou::flows
