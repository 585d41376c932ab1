// Sharpness-aware minimisation: look for weights around which the loss is low, not for one low point,
//
//   min over w of  L_SAM(w) = max over ‖ε‖_p <= ρ of L(w + ε).
//
// To first order the maximum lies where g·ε is largest, g = ∇L(w). With 1/p + 1/q = 1 that is at
//
//   ε = ρ sign(g) (|g| / ‖g‖_q)^(q-1),    so  ‖ε‖_p = ρ  and  g·ε = ρ ‖g‖_q
//
// (p = 2: ρ g / ‖g‖; p = ∞: ρ sign(g)), all weights taken together as one vector. A step has two passes: the first
// finds ε, the second the gradient at w + ε, by which the optimizer moves w.
//
//   SGD optimizer(net.parameters(), {.lr = 0.05, .momentum = 0.9});
//   Sam sam(optimizer, {.rho = 0.05});
//   for (...) {
//     const double loss = sam.step([&] { return nn::cross_entropy(net(images), labels); });
//
// m-sharpness: an ε for every m examples of the batch, and the mean of the gradients. The loss is asked for by rows:
//
//   Sam sam(optimizer, {.rho = 0.05, .m = 16});
//     sam.step(64, [&](int64_t first, int64_t last) {
//       return nn::cross_entropy(net(images.rows(first, last)), labels.rows(first, last));
//     });
//
// ASAM measures ε in units of the weights, ‖ε / T‖_p <= ρ with T = |w| + η. With η = 0 and no biases, a layer of ReLUs
// may be made larger and the next one as much smaller: L_SAM stays the same, as L does.
//
// The optimizer's weight decay is part of the descent alone; who wants it in both gradients, as the paper's code has
// it, adds it to the loss. To clip the gradient: sam.gradient(loss), clip_grad_norm(), optimizer.step().
//
// P. Foret, A. Kleiner, H. Mobahi, B. Neyshabur, "Sharpness-aware minimization for efficiently improving
// generalization", ICLR 2021; J. Kwon, J. Kim, H. Park, I. Choi, "ASAM: Adaptive sharpness-aware minimization for
// scale-invariant learning of deep neural networks", ICML 2021.
#pragma once

#include <functional>
#include <limits>
#include <optional>

#include "nn/norm.h"
#include "optim/optimizer.h"

namespace bijou::optim {

constexpr double kInfinityNorm = std::numeric_limits<double>::infinity();

struct SamOptions {
  double rho = 0.05;
  double p = 2;           // above 1; or kInfinityNorm
  bool adaptive = false;  // ASAM, which wants a rho some ten times larger
  double eta = 0.01;      // of T = |w| + eta. T = 1 for vectors: biases and, unlike in the paper's code, norms' scales
  int64_t m = 0;          // examples that share an ε; 0: the whole batch
  // Keep what the paper drops: ∇ L(w + ε(w)) has also the derivative of ε, which is one Hessian-vector product.
  bool second_order = false;
};

// While one of these lives, the weights are w + ε for the gradients that were in .grad; then they are w again, bit for
// bit, as w is kept. A gradient that is zero or not finite has no direction: ε = 0.
class Perturbation {
 public:
  Perturbation(const std::vector<Var>& parameters, const SamOptions& options);
  ~Perturbation();
  Perturbation(const Perturbation&) = delete;

 private:
  std::vector<std::pair<Var, Tensor>> kept_;
};

class Sam {
 public:
  using Loss = std::function<Var()>;
  using LossOfRows = std::function<Var(int64_t first, int64_t last)>;  // the mean over these examples

  explicit Sam(Optimizer& optimizer, const SamOptions& options = {});

  // One step. Returns the loss at w. Both passes drop out the same units, and only the first moves batch
  // normalisation's running statistics.
  double step(const Loss& loss);
  double step(int64_t rows, const LossOfRows& loss);

  // Its gradient alone, in .grad, with the weights where they were.
  double gradient(const Loss& loss);
  double gradient(int64_t rows, const LossOfRows& loss);

  // The same by hand, but that the second pass draws its dropout anew; without m and second_order:
  //   optimizer.zero_grad();
  //   backward(loss());  sam.ascent();    // w -> w + ε, and the gradients are forgotten
  //   backward(loss());  sam.descent();   // back to w, and the optimizer's step
  void ascent();
  void descent();

  SamOptions options;

 private:
  double gradient_of_part(const Loss& loss);  // of the examples that share an ε

  Optimizer& optimizer_;
  std::vector<Var> parameters_;
  std::optional<Perturbation> away_;        // between ascent() and descent()
  std::optional<nn::KeepStatistics> keep_;  // likewise
};

}  // namespace bijou::optim
