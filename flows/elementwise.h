// The change of variables, on one variable at a time: z = f(x) for a monotone f, applied to every element.
//
//   p(x) = p(z) |dz/dx|,    log |det dz/dx| = sum_i log |f'(x_i)|
//
// The slide's example, y = exp(x) of a normal x, is Inverse(Exp()) with a normal base: the log-normal density. A curve
// is stretched where f is steep and squeezed where it is flat, and the density pays for it by the factor |f'|.
//
//   Affine      z = x exp(s) + t         s and t are learnt
//   Exp         z = exp(x)               z > 0            Inverse(Exp()) is log
//   Softplus    z = log(1 + exp(x))      z > 0
//   Sigmoid     z = 1 / (1 + exp(-x))    0 < z < 1        Inverse(Sigmoid()) is logit
//   Tanh        z = tanh(x)              -1 < z < 1       Inverse(Tanh()) is atanh
//   LeakyRelu   z = x, or slope x below 0
//   Asinh       z = asinh(x)             Inverse(Asinh()) makes heavy tails
//
// Log-slopes are written so that nothing cancels: log(1 - tanh(x)²) by the letter is -infinity from x = 9 on in float.
// The slope of the inverse is that of f at x = g(z), upside down. Where f saturates, digits of x are lost for good:
// tanh(9) is 1 in float. To score samples take sample_and_log_prob, which never has to come back.
#pragma once

#include "flows/bijector.h"

namespace bijou::flows {

// An x or a z that the map doesn't know: log of a negative number.
struct OutsideDomain : Error {
  using Error::Error;
};

// x and z: [B, ...].
struct Elementwise : Bijector {
 protected:
  virtual Var bend(const Var& x) const = 0;     // z
  virtual Var unbend(const Var& z) const = 0;   // x
  virtual Var log_det(const Var& x) const = 0;  // sum_i log |f'(x_i)|, [B]
  // The values that z can take: low < z < high. Beyond them, the inverse throws OutsideDomain.
  struct Range {
    real low, high;
  };
  virtual Range range() const;  // all numbers

  Latent f(const Var& x, const Var& context) const override;
  Data g(const Var& z, const Var& context) const override;
};

struct Affine : Elementwise {
  explicit Affine(const Shape& event);  // the shape of x without its batch axis
  void members(nn::Visitor& visit) override { visit("log_scale", log_scale), visit("shift", shift); }
  Var log_scale, shift;  // s and t, 0 at first

 protected:
  Var bend(const Var& x) const override;
  Var unbend(const Var& z) const override;
  Var log_det(const Var& x) const override;
};

struct Exp : Elementwise {
 protected:
  Var bend(const Var& x) const override;
  Var unbend(const Var& z) const override;
  Var log_det(const Var& x) const override;
  Range range() const override;
};

struct Softplus : Elementwise {
 protected:
  Var bend(const Var& x) const override;
  Var unbend(const Var& z) const override;
  Var log_det(const Var& x) const override;
  Range range() const override;
};

struct Sigmoid : Elementwise {
 protected:
  Var bend(const Var& x) const override;
  Var unbend(const Var& z) const override;
  Var log_det(const Var& x) const override;
  Range range() const override;
};

struct Tanh : Elementwise {
 protected:
  Var bend(const Var& x) const override;
  Var unbend(const Var& z) const override;
  Var log_det(const Var& x) const override;
  Range range() const override;
};

struct LeakyRelu : Elementwise {
  explicit LeakyRelu(real slope);  // > 0
  real slope;

 protected:
  Var bend(const Var& x) const override;
  Var unbend(const Var& z) const override;
  Var log_det(const Var& x) const override;
};

struct Asinh : Elementwise {
 protected:
  Var bend(const Var& x) const override;
  Var unbend(const Var& z) const override;
  Var log_det(const Var& x) const override;
};

}  // namespace bijou::flows
