#include "nn/binary_made.h"

#include <cmath>
#include <numeric>

#include "nn/distributions.h"
#include "tensor/elementwise.h"

namespace bijou::nn {

BinaryMade::BinaryMade(Options o)
    : options(std::move(o)),
      made({.features = options.features,
            .hidden = options.hidden,
            .context = options.condition,
            .direct = options.direct}) {
  check(options.masks > 0, "BinaryMade: ", options.masks, " masks");
  use_mask(0);
}

void BinaryMade::use_mask(int64_t k) {
  check(k >= 0 && k < options.masks, "BinaryMade: mask ", k, " of ", options.masks);
  std::vector<int64_t> ordering(static_cast<size_t>(options.features));
  std::iota(ordering.begin(), ordering.end(), 0);
  Generator g = Generator(options.seed).fork(uint64_t(k));
  const bool drawn = options.masks > 1;
  if (drawn) {
    const Indices order = randperm(options.features, g);
    std::copy(order.begin(), order.end(), ordering.begin());
  }
  made.set_degrees(ordering, drawn ? Made::Degrees::kRandom : Made::Degrees::kEven, g);
}

Var BinaryMade::conditionals(const Var& x, const Var& condition) const {
  return Bernoulli{reshape(made(x, condition), x.shape())}.log_prob(x);
}

Tensor BinaryMade::sample(int64_t n, const Var& condition, Generator& g) const {
  return made.generate(n, condition,
                       [&](int64_t, const Tensor& logits) { return rand({n}, g) < sigmoid(logits.row(0)); });
}

Tensor BinaryMade::ensemble_log_prob(const Tensor& x, const Var& condition) {
  const NoGrad guard;
  std::vector<Tensor> parts;
  for (int64_t k = options.masks; k-- > 0;) use_mask(k), parts.push_back(log_prob(x, condition).value());
  return logsumexp(stack(parts, 0), 0) - real(std::log(double(options.masks)));
}

}  // namespace bijou::nn
