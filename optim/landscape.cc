#include "optim/landscape.h"

#include <cmath>

#include "tensor/elementwise.h"
#include "tensor/map.h"

namespace bijou::optim {

KeptWeights::KeptWeights(const std::vector<Var>& parameters) : parameters_(parameters) {
  for (const Var& p : parameters) weights_.push_back(p.value().clone());
}

KeptWeights::~KeptWeights() {
  for (size_t i = 0; i < parameters_.size(); ++i) parameters_[i].mutable_value().copy_from(weights_[i]);
}

Direction filter_normalized_direction(const std::vector<Var>& parameters, Generator& g) {
  Direction d;
  for (const Var& p : parameters) {
    Tensor random = randn(p.shape(), g);
    if (p.dim() < 2) {
      d.push_back(zeros(p.shape()));
      continue;
    }
    const Shape rows{p.size(0), -1};  // a filter, or the weights of a unit, in each
    auto norms = [&](const Tensor& x) { return map_sum([](Lane x) { return x * x; }, 1, x.reshape(rows)); };
    const Tensor scale = sqrt(norms(p.value()) / norms(random)).reshape({-1, 1});
    d.push_back((random.reshape(rows) * scale).reshape(p.shape()));
  }
  return d;
}

Direction toward(const std::vector<Var>& from, const std::vector<Var>& to) {
  check(from.size() == to.size(), "toward: ", from.size(), " and ", to.size(), " parameters");
  Direction d;
  for (size_t i = 0; i < from.size(); ++i) {
    check(from[i].shape() == to[i].shape(), "toward: parameter ", i, " is ", from[i].shape(), " here and ",
          to[i].shape(), " there");
    d.push_back(to[i].value() - from[i].value());
  }
  return d;
}

std::vector<double> along(const std::vector<Var>& parameters, const Direction& d, const std::vector<double>& t,
                          const std::function<double()>& f) {
  check(d.size() == parameters.size(), "along: a direction of ", d.size(), " tensors for ", parameters.size(),
        " parameters");
  const KeptWeights kept(parameters);
  std::vector<double> values;
  for (const double step : t) {
    for (size_t i = 0; i < d.size(); ++i)
      Var(parameters[i]).mutable_value().copy_from(kept.weights()[i] + d[i] * real(step));
    values.push_back(f());
  }
  return values;
}

Tensor over_plane(const std::vector<Var>& parameters, const Direction& a, const Direction& b,
                  const std::vector<double>& s, const std::vector<double>& t, const std::function<double()>& f) {
  Tensor plane({int64_t(s.size()), int64_t(t.size())});
  int64_t row = 0;
  along(parameters, a, s, [&] {
    const std::vector<double> line = along(parameters, b, t, f);
    std::copy(line.begin(), line.end(), plane.row(row++).mutable_data());
    return 0.0;
  });
  return plane;
}

}  // namespace bijou::optim
