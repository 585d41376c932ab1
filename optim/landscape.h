// Pictures of a loss around its minimum: along a line, w + t d, or over a plane, w + s d₁ + t d₂.
//
// Directions are random, but filter by filter as long as the weights are: a network with ReLUs is the same function
// when one layer is doubled and the next halved, and its surface should not look flatter for that. Biases and
// normalisation layers stay where they are. H. Li, Z. Xu, G. Taylor, C. Studer, T. Goldstein, "Visualizing the loss
// landscape of neural nets", NeurIPS 2018.
//
//   const auto d = filter_normalized_direction(p, g);
//   const std::vector<double> y = along(p, d, {-1, -0.5, 0, 0.5, 1}, [&] { return mean_loss(objective); });
//
// And from one minimum to another: along(p, toward(p, other), ...), 0 being here and 1 there; I. Goodfellow, O.
// Vinyals, A. Saxe, "Qualitatively characterizing neural network optimization problems", ICLR 2015.
#pragma once

#include <functional>
#include <vector>

#include "autograd/var.h"
#include "tensor/random.h"

namespace bijou::optim {

// While one of these lives, the weights may be moved about; then they are again what they were, bit for bit.
class KeptWeights {
 public:
  explicit KeptWeights(const std::vector<Var>& parameters);
  ~KeptWeights();
  KeptWeights(const KeptWeights&) = delete;
  const std::vector<Tensor>& weights() const { return weights_; }

 private:
  std::vector<Var> parameters_;
  std::vector<Tensor> weights_;
};

using Direction = std::vector<Tensor>;  // of the parameters' shapes

Direction filter_normalized_direction(const std::vector<Var>& parameters, Generator& g);
Direction toward(const std::vector<Var>& from, const std::vector<Var>& to);  // to - from

// f() at w + t d for every t.
std::vector<double> along(const std::vector<Var>& parameters, const Direction& d, const std::vector<double>& t,
                          const std::function<double()>& f);
// f() at w + s a + t b: [s, t].
Tensor over_plane(const std::vector<Var>& parameters, const Direction& a, const Direction& b,
                  const std::vector<double>& s, const std::vector<double>& t, const std::function<double()>& f);

}  // namespace bijou::optim
