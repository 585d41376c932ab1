// Coupling layers: one part of x is kept, and tells a network how to move the other part. Whatever the network is, the
// Jacobian is triangular, and the inverse is as cheap as the way forth: the network sees the same part both ways.
//
//   z_kept = x_kept,   params = net(x_kept, context),   z_moved = h(x_moved; params),   log |det| = sum log |h'|
//
//   additive   h(x) = x + t               L. Dinh, D. Krueger, Y. Bengio, "NICE", ICLR workshop 2015
//   affine     h(x) = x exp(s) + t        L. Dinh, J. Sohl-Dickstein, S. Bengio, "Density estimation using Real NVP",
//                                         ICLR 2017; s = b tanh(a) for a of the net and a learnt b, as there: an
//                                         unbounded exp is where flows get their NaNs from
//   spline     h a monotone spline        flows/spline.h
//
// Parts are the two halves of axis 1 (features, or channels), or what a mask says: checkerboards, odd and even columns.
#pragma once

#include "flows/bijector.h"
#include "flows/spline.h"
#include "nn/sequential.h"

namespace bijou::flows {

struct Coupling : Bijector {
  struct Options {
    int64_t features;   // of x along axis 1, at least 2 where there is no mask
    bool flip = false;  // halves: keep the second and move the first
    Tensor mask = {};   // 1 where x is kept, 0 where it is moved: broadcasts to x without its batch axis. None: halves

    int64_t kept() const;   // features that the network sees; with a mask all of them, with zeros where x is moved
    int64_t moved() const;  // features for which it must answer; with a mask all of them, some in vain
  };

  // The conditioner takes x_kept [B, kept, ...], with the features of the context behind (an image's context is
  // repeated at every pixel), to [B, params_per_feature * moved, ...]. Throws where nothing is left to be kept or to be
  // moved.
  Coupling(Options options, nn::AnyModule conditioner);
  void members(nn::Visitor& visit) override;

  Options options;
  nn::AnyModule conditioner;

 protected:
  struct Moved {
    Var value, log_det;
  };
  // h or, if `back`, its inverse, but for where `kept` (which broadcasts) is not 0.
  virtual Moved move(const Var& x, const Var& params, const Tensor& kept, bool back) const = 0;
  virtual int64_t params_per_feature() const = 0;

  Latent f(const Var& x, const Var& context) const override;
  Data g(const Var& z, const Var& context) const override;

 private:
  Moved apply(const Var& h, const Var& context, bool back) const;
  Var ask(const Var& kept, const Var& context) const;
};

struct AdditiveCoupling : Coupling {  // params: t
  using Coupling::Coupling;

 protected:
  Moved move(const Var& x, const Var& params, const Tensor& kept, bool back) const override;
  int64_t params_per_feature() const override { return 1; }
};

struct AffineCoupling : Coupling {  // params: a of all moved features, then t of all
  AffineCoupling(Options options, nn::AnyModule conditioner);
  void members(nn::Visitor& visit) override { Coupling::members(visit), visit("bound", bound); }
  Var bound;  // b [moved], 1 at first

 protected:
  Moved move(const Var& x, const Var& params, const Tensor& kept, bool back) const override;
  int64_t params_per_feature() const override { return 2; }
};

struct SplineCoupling : Coupling {  // params: the 3 bins - 1 of one feature, then those of the next
  SplineCoupling(Options options, nn::AnyModule conditioner, int64_t bins = 8, SplineOptions spline = {});
  int64_t bins;
  SplineOptions spline;

 protected:
  Moved move(const Var& x, const Var& params, const Tensor& kept, bool back) const override;
  int64_t params_per_feature() const override { return 3 * bins - 1; }
};

// ---- Masks and networks ---------------------------------------------------------------------------------------------

// [1, height, width]: 1 where row + column is even, or odd. For images; the next layer takes the other parity.
Tensor checkerboard(int64_t height, int64_t width, bool odd = false);
// [features]: 1, 0, 1, 0, ... or 0, 1, 0, 1, ...
Tensor alternating(int64_t features, bool odd = false);

struct NetOptions {
  int64_t in, out;
  std::vector<int64_t> hidden = {64, 64};
  bool zero = true;    // the last layer begins at zero, and a coupling layer so as the identity
  double dropout = 0;  // behind each ReLU, in training; a coupling can be inverted only without
};
// Linear layers with ReLUs between them.
nn::Sequential mlp(const NetOptions& o);
// Convolutions with ReLUs between them, of 3x3, 1x1, 1x1, ..., and 3x3 again: Glow's network.
nn::Sequential convnet(const NetOptions& o);

}  // namespace bijou::flows
