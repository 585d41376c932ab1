// Densities for whole numbers: pixels 0 .. n-1 are spread over the intervals [x, x + 1), or else a density would grow
// without bounds at the values that occur.
//
//   v = (x + u) / n in [0, 1),  u ~ q(u | x):   log P(x) >= E_q [log p(v) - D log n - log q(u | x)]
//
//   uniform       q = 1                          B. Uria, I. Murray, H. Larochelle, "RNADE", NeurIPS 2013
//   variational   q is a conditional flow        J. Ho et al., "Flow++", ICML 2019
//   K samples     log P(x) >= E_q log 1/K sum_k p(v_k) / (n^D q(u_k | x)), tighter with every one:
//                                                Y. Burda, R. Grosse, R. Salakhutdinov, "Importance weighted
//                                                autoencoders", ICLR 2016
//
// and the logit of it, so that a flow over all of R may model it. There are three conventions for keeping away from the
// ends; this is that of the MAF paper and of Dinh's code, symmetric, with λ = 1e-6 for MNIST and 0.05 for CIFAR-10:
//
//   y = logit(λ + (1 - 2λ) v)
#pragma once

#include "flows/flow.h"
#include "tensor/random.h"

namespace bijou::flows {

struct Dequantized {
  Var v;      // in [0, 1), of x's shape
  Var log_q;  // log q(u | x) [B], to be taken from log p(v)
};

// x holds whole numbers 0 .. levels-1.
Dequantized dequantize(const Tensor& x, int64_t levels = 256, Generator& g = default_generator());

// u = sigmoid(e), e ~ the conditional flow's inverse of standard normal noise; its context is x / levels - 1/2, of x's
// shape. Maximise log p(v) - log_q by the parameters of both flows.
struct VariationalDequantizer : nn::Module {
  explicit VariationalDequantizer(AnyBijector bijector, int64_t levels = 256)
      : bijector(std::move(bijector)), levels(levels) {}
  Dequantized operator()(const Tensor& x, Generator& g = default_generator()) const;
  void members(nn::Visitor& visit) override { visit("bijector", *bijector); }

  AnyBijector bijector;
  int64_t levels;
};
// One for images [C, H, W]: four couplings by checkerboard, whose small convnets see the image beside the noise.
VariationalDequantizer image_dequantizer(const Shape& image, int64_t width = 16, int64_t levels = 256);

// An estimate of the bound of log P(x) by K samples, in nats: [B]. With K = 1 what is to be maximised.
using Dequantizer = std::function<Dequantized(const Tensor& x, Generator& g)>;
Var log_prob_of_levels(const Flow& flow, const Dequantizer& q, const Tensor& x, int64_t levels = 256,
                       int64_t samples = 1, Generator& g = default_generator());

// y = logit(λ + (1 - 2λ) v), elementwise. Throws OutsideDomain where λ + (1 - 2λ) v does not lie between 0 and 1.
struct ShrunkLogit : Bijector {
  struct Options {
    real lambda;  // in (0, 1/2)
  };
  explicit ShrunkLogit(Options o);
  Options options;

 protected:
  Latent f(const Var& v, const Var& context) const override;
  Data g(const Var& y, const Var& context) const override;
};

}  // namespace bijou::flows
