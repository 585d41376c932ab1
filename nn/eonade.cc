#include "nn/eonade.h"

#include <cmath>
#include <numeric>

#include "autograd/elementwise.h"
#include "nn/distributions.h"
#include "tensor/elementwise.h"

namespace bijou::nn {

OrderlessNade::OrderlessNade(Options o) : options(std::move(o)) {
  check(options.features > 0 && !options.hidden.empty() && options.orderings > 0,
        "OrderlessNade: features = ", options.features, ", ", options.hidden.size(),
        " hidden layers, orderings = ", options.orderings);
  int64_t in = 2 * options.features;
  for (const int64_t width : options.hidden) layers.push_back(Linear({.in = in, .out = width})), in = width;
  layers.push_back(Linear({.in = in, .out = options.features}));
  use_ordering(0);
}

Var OrderlessNade::logits(const Var& x, const Tensor& m) const {
  check(x.dim() == 2 && x.size(1) == options.features && m.shape() == x.shape(), "OrderlessNade: x and m of shape [B, ",
        options.features, "] expected, not ", x.shape(), " and ", m.shape());
  Var h = concat({x * Var(m), Var(m)}, 1);
  for (size_t l = 0; l + 1 < layers.size(); ++l) h = sigmoid(layers[l](h));
  return layers.back()(h);
}

Var OrderlessNade::loss(const Tensor& x, Generator& g) const {
  const int64_t batch = x.size(0), d = options.features;
  Tensor m({batch, d}), weight({batch});
  for (int64_t b = 0; b < batch; ++b) {
    const int64_t shown = g.below(d);
    const Indices ordering = randperm(d, g);
    for (int64_t i = 0; i < d; ++i) m.mutable_data()[b * d + ordering.data()[i]] = i < shown ? 1 : 0;
    weight.mutable_data()[b] = real(double(d) / double(d - shown));
  }
  const Var log_p = Bernoulli{logits(x, m)}.log_prob(x);
  return -sum(log_p * Var(real(1) - m), 1) * Var(weight);
}

void OrderlessNade::use_ordering(int64_t k) {
  check(k >= 0 && k < options.orderings, "OrderlessNade: ordering ", k, " of ", options.orderings);
  order.resize(size_t(options.features));
  std::iota(order.begin(), order.end(), 0);
  if (k == 0) return;
  Generator g = Generator(options.seed).fork(uint64_t(k));
  const Indices drawn = randperm(options.features, g);
  std::copy(drawn.begin(), drawn.end(), order.begin());
}

Var OrderlessNade::conditionals(const Var& x, const Var& condition) const {
  check(!condition, "OrderlessNade: it takes no condition");
  std::vector<Var> terms(order.size());
  Tensor m = zeros(x.shape());
  for (const int64_t i : order) {
    const Var logit = slice(logits(x, m.clone()), 1, i, i + 1);
    terms[size_t(i)] = Bernoulli{logit}.log_prob(slice(x, 1, i, i + 1));
    for (int64_t b = 0; b < x.size(0); ++b) m.mutable_data()[b * options.features + i] = 1;
  }
  return concat(terms, 1);
}

Tensor OrderlessNade::sample(int64_t n, const Var& condition, Generator& g) const {
  check(!condition, "OrderlessNade: it takes no condition");
  const NoGrad guard;
  Tensor x = zeros({n, options.features}), m = zeros(x.shape());
  for (const int64_t i : order) {
    const Tensor p = sigmoid(select(logits(x, m).value(), 1, i)), u = rand({n}, g);
    for (int64_t b = 0; b < n; ++b) {
      x.mutable_data()[b * options.features + i] = u.data()[b] < p.data()[b] ? real(1) : real(0);
      m.mutable_data()[b * options.features + i] = 1;
    }
  }
  return x;
}

Var OrderlessNade::ensemble_log_prob(const Var& x) {
  std::vector<Var> parts;
  for (int64_t k = options.orderings; k-- > 0;) use_ordering(k), parts.push_back(log_prob(x));
  return logsumexp(stack(parts, 0), 0) - real(std::log(double(options.orderings)));
}

}  // namespace bijou::nn
