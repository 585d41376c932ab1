#include "nn/losses.h"

#include "autograd/elementwise.h"
#include "nn/distributions.h"
#include "peer.h"

namespace bijou::peer {
namespace {

using nn::Reduction;

constexpr Reduction kReductions[] = {Reduction::kMean, Reduction::kSum, Reduction::kNone};  // check.py knows the order

// A loss of x and a target of the same shape.
Case pairwise(
    const char* name, std::function<Var(const Var&, const Var&, Reduction)> f,
    std::function<Tensor(Draw&, const Shape&)> target = [](Draw& d, const Shape& s) { return d.normal(s); }) {
  return {name, [=](Draw& d) -> Problem {
            const Shape shape = d.shape(1, 3);
            const int64_t which = d.size(0, 2);
            return {{d.normal(shape) * real(2), target(d, shape)},
                    [=](const Vars& x) -> Vars { return {f(x[0], x[1], kReductions[which])}; },
                    {{"reduction", number(double(which))}}};
          }};
}

Problem classes(Draw& d) {
  Shape shape = d.shape(1, 3);
  const int64_t count = d.size(1, 30), which = d.size(0, 2);
  Indices targets = d.below(count, shape);
  if (targets.numel() > 1) targets.mutable_data()[1] = kIgnoreIndex;
  shape.push_back(count);
  const double smoothing = d.coin() ? 0.25 : 0;
  return {{d.normal(shape)},
          [=](const Vars& x) -> Vars {
            return {nn::cross_entropy(x[0], targets, {.label_smoothing = smoothing, .reduction = kReductions[which]})};
          },
          {{"reduction", number(double(which))}, {"smoothing", number(smoothing)}},
          {{"index", targets}}};
}

// A location, a scale and a point: densities, the entropy, and a sample for given noise.
template <class Distribution>
Problem density(Draw& d) {
  const Shape shape = d.shape(1, 3);
  Shape row = shape;
  row[0] = 1;
  const auto seeded = [](const Distribution& p) {
    Generator g(7);
    return p.rsample(g);
  };
  const Tensor noise = seeded({Var(zeros(shape)), Var(ones(shape))}).value();
  return {{d.normal(row), d.between(real(0.5), 2, shape), d.normal(shape)},
          [=](const Vars& x) -> Vars {
            const Var location = broadcast_to(x[0], x[1].shape());
            const Distribution p{location, x[1]};
            return {p.log_prob(x[2]), p.log_prob_rows(x[2]), p.entropy(), seeded(p)};
          },
          {},
          {},
          {{"noise", noise}}};
}

Problem divergence(Draw& d) {
  const Shape shape = d.shape(1, 3);
  const auto scale = [&] { return d.between(real(0.5), 2, shape); };
  return {{d.normal(shape), scale(), d.normal(shape), scale()}, [](const Vars& x) -> Vars {
            return {nn::kl_divergence({x[0], x[1]}, {x[2], x[3]})};
          }};
}

Problem coin(Draw& d) {
  const Shape shape = d.shape(1, 3);
  return {{d.normal(shape), d.between(0, 1, shape)}, [](const Vars& x) -> Vars {
            const nn::Bernoulli p{x[0]};
            return {p.log_prob(x[1]), p.log_prob_rows(x[1]), p.entropy()};
          }};
}

Problem die(Draw& d) {
  Shape shape = d.shape(1, 3);
  const int64_t count = d.size(1, 30);
  const Indices k = d.below(count, shape);
  shape.push_back(count);
  return {{d.normal(shape)},
          [=](const Vars& x) -> Vars {
            const nn::Categorical p{x[0]};
            return {p.log_prob(k), p.entropy()};
          },
          {},
          {{"index", k}}};
}

template <class Component>
Problem mixture(Draw& d) {
  const Shape shape{d.size(1, 5), d.size(1, 9)}, parts{shape[0], shape[1], d.size(1, 4)};
  return {{d.normal(parts), d.normal(parts), d.between(real(0.5), 2, parts), d.normal(shape)},
          [](const Vars& x) -> Vars {
            return {nn::Mixture<Component>{x[0], {x[1], x[2]}}.log_prob(x[3])};
          }};
}

Tensor probabilities(Draw& d, const Shape& shape) { return d.probabilities(shape); }

}  // namespace

void loss_cases(Cases& cases) {
  cases.insert(
      cases.end(),
      {
          {"cross_entropy", classes},
          pairwise(
              "soft_cross_entropy",
              [](const Var& x, const Var& t, Reduction r) { return nn::cross_entropy(x, t, {.reduction = r}); },
              probabilities),
          pairwise(
              "kl_div",
              [](const Var& x, const Var& p, Reduction r) {
                return nn::kl_div(log_softmax(x, -1), p, {.reduction = r});
              },
              probabilities),
          pairwise(
              "binary_cross_entropy_with_logits",
              [](const Var& x, const Var& t, Reduction r) {
                return nn::binary_cross_entropy_with_logits(x, t, {.reduction = r});
              },
              [](Draw& d, const Shape& s) { return d.between(0, 1, s); }),
          pairwise("mse_loss",
                   [](const Var& x, const Var& t, Reduction r) { return nn::mse_loss(x, t, {.reduction = r}); }),
          pairwise("l1_loss",
                   [](const Var& x, const Var& t, Reduction r) { return nn::l1_loss(x, t, {.reduction = r}); }),
          pairwise("huber_loss",
                   [](const Var& x, const Var& t, Reduction r) {
                     return nn::huber_loss(x, t, {.delta = real(1.5), .reduction = r});
                   }),
          {"Normal", density<nn::Normal>},
          {"Logistic", density<nn::Logistic>},
          {"kl_divergence", divergence},
          {"Bernoulli", coin},
          {"Categorical", die},
          {"Mixture of normals", mixture<nn::Normal>},
          {"Mixture of logistics", mixture<nn::Logistic>},
      });
}

}  // namespace bijou::peer
