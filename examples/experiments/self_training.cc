#include "examples/experiments/self_training.h"

#include <cmath>

#include "autograd/map.h"
#include "examples/experiments/noisy_student.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "optim/sgd.h"
#include "tensor/indexing.h"

namespace bijou::experiments {

namespace {

// The part of the plane that is shown, and that the bells cover.
constexpr double kLeft = -1.7, kRight = 2.7, kBottom = -1.2, kTop = 1.7;

struct Points {
  Tensor x;
  Indices labels;
};
Points draw_moons(int64_t n, double share, double spread, Generator& g) {
  Points p{Tensor({n, 2}), Indices({n})};
  for (int64_t i = 0; i < n; ++i) {
    const bool second = (double(i) + 0.5) / double(n) < share;
    const double angle = M_PI * g.uniform();
    p.x.mutable_data()[2 * i] = real((second ? 1 - std::cos(angle) : std::cos(angle)) + spread * g.normal());
    p.x.mutable_data()[2 * i + 1] = real((second ? 0.5 - std::sin(angle) : std::sin(angle)) + spread * g.normal());
    p.labels.mutable_data()[i] = second;
  }
  return p;
}

// exp(-|x - c|² / 2s²) for all centres c of a grid, where |x - c|² = |x|² - 2 x·c + |c|².
nn::AnyModule bells() {
  constexpr double kStep = 0.25, kSharpness = 1 / (0.25 * 0.25);
  std::vector<real> at, squares;
  for (double x = kLeft; x < kRight; x += kStep)
    for (double y = kBottom; y < kTop; y += kStep) {
      at.push_back(real(x * kSharpness)), at.push_back(real(y * kSharpness));
      squares.push_back(real(-(x * x + y * y) * kSharpness / 2));
    }
  const Tensor scaled = Tensor::from(std::span<const real>(at), {int64_t(squares.size()), 2});
  const Tensor biases = Tensor::from(std::span<const real>(squares));
  return nn::AnyModule([=](const Var& x) {
    const Var own = map_sum([](auto a) { return a * a * real(-kSharpness / 2); }, 1, x);
    return map([](auto z, auto q) { return exp(z + q); }, linear(x, scaled, biases), unsqueeze(own, 1));
  });
}

// Softmax regression on the bells, by gradient descent on all examples at once. (Adam would take as large steps far
// from all examples as near them, and be sure everywhere.)
void train(nn::Sequential& model, const ssl::Examples& examples) {
  const nn::Linear& sums = model[1].as<nn::Linear>();
  optim::SGD optimizer(sums.parameters(), {.lr = 0.3, .momentum = 0.9, .weight_decay = 1e-3});
  const Tensor heights = model[0](Var(examples.x)).value();
  for (int step = 0; step < 100; ++step) {
    optimizer.zero_grad();
    backward(nn::cross_entropy(sums(Var(heights)), Var(examples.targets)));
    optimizer.step();
  }
}

// Runs it with the policy, measuring each round.
std::vector<Round> watched(ssl::SelfTraining how, const FewLabelled& data, const std::string& policy_name,
                           const Watch& watch) {
  std::vector<Round> rounds;
  how.select = [&](const Tensor& p, int64_t round) { return select(p, policy(policy_name, round, how.rounds, data)); };
  how.report = [&](int64_t, nn::Sequential& net, const ssl::PseudoLabels& pseudo) {
    rounds.push_back(measure(net, pseudo, data));
    if (watch) watch(net, pseudo);
    return true;
  };
  self_train(how, data.labelled, data.unlabelled);
  return rounds;
}

}  // namespace

FewLabelled make_moons(const MoonOptions& o, uint64_t seed) {
  Generator g(seed);
  const Points few = draw_moons(2 * o.labels, 0.5, o.spread, g);
  const Points many = draw_moons(400, o.share, o.spread, g), test = draw_moons(1000, 0.5, o.spread, g);
  return {{few.x, one_hot(few.labels, 2)}, many.x, many.labels, test.x, test.labels};
}

std::vector<std::string> policy_names() { return {"everything", "threshold", "top-k", "curriculum"}; }

ssl::SelectOptions policy(const std::string& name, int64_t round, int64_t rounds, const FewLabelled& data) {
  const double part = double(round) / double(rounds);
  const int64_t share = data.unlabelled.size(0) / data.labelled.targets.size(1);
  if (name == "threshold") return {.threshold = 0.8, .hard = true};
  if (name == "top-k") return {.per_class = std::max<int64_t>(1, int64_t(part * double(share))), .hard = true};
  if (name == "curriculum") return {.part = part, .hard = true};
  check(name == "everything", "policy: there is none called ", name);
  return {.hard = true};
}

std::vector<Round> self_train_moons(const FewLabelled& moons, const std::string& policy_name, int64_t rounds,
                                    const Watch& watch) {
  const nn::AnyModule features = bells();
  const int64_t count = features(Var(moons.labelled.x)).size(1);
  auto untrained = [&](int64_t) {
    nn::Linear sums({.in = count, .out = 2, .bias = false});
    sums.weight.mutable_value().fill(0);
    return nn::Sequential(features, sums);
  };
  auto on_all = [](nn::Sequential& model, const ssl::Examples& labelled, const ssl::Examples& pseudo, int64_t) {
    train(model, joined(labelled, pseudo));
  };
  return watched({.make_model = untrained, .train = on_all, .rounds = rounds}, moons, policy_name, watch);
}

std::vector<Round> self_train_images(const FewLabelled& data, const std::string& policy_name, int64_t rounds,
                                     const ssl::FitOptions& fit) {
  const Shape image(std::span(data.test_x.shape().begin() + 1, 3));
  ssl::SelfTraining how = ssl::noisy_student([=](int64_t) { return make_net(image, {.width = 8}); }, {.fit = fit});
  how.rounds = rounds;
  return watched(how, data, policy_name, {});
}

Tensor picture_of_moons(const FewLabelled& moons, nn::Sequential& net, const ssl::PseudoLabels& pseudo) {
  constexpr int64_t kWide = 264, kHigh = 174;
  constexpr double kScale = double(kWide) / (kRight - kLeft);
  constexpr double kColors[2][3] = {{0.10, 0.35, 0.80}, {0.90, 0.40, 0.05}},
                   kGrey[3] = {0.6, 0.6, 0.6};  // blue, orange
  Tensor plane({kHigh * kWide, 2}), canvas({1, 3, kHigh, kWide});
  for (int64_t p = 0; p < kHigh * kWide; ++p) {
    plane.mutable_data()[2 * p] = real(kLeft + (double(p % kWide) + 0.5) / kScale);
    plane.mutable_data()[2 * p + 1] = real(kTop - (double(p / kWide) + 0.5) / kScale);
  }
  real* to = canvas.mutable_data();
  auto paint = [&](int64_t pixel, auto color) {
    for (int64_t c = 0; c < 3; ++c) to[c * kHigh * kWide + pixel] = real(color(c));
  };
  const Tensor p = ssl::probabilities(net, plane);
  for (int64_t i = 0; i < kHigh * kWide; ++i) {
    const double sure = 2 * double(p.at({i, 1})) - 1;  // -1: class 0, 1: class 1
    paint(i, [&](int64_t c) { return 1 - 0.4 * std::abs(sure) * (1 - kColors[sure > 0][c]); });
  }
  auto dot = [&](const Tensor& x, int64_t i, double radius, const double* color) {
    const double mx = (double(x.at({i, 0})) - kLeft) * kScale, my = (kTop - double(x.at({i, 1}))) * kScale;
    for (int64_t v = std::max<int64_t>(0, int64_t(my - radius)); v < std::min(kHigh, int64_t(my + radius) + 1); ++v)
      for (int64_t u = std::max<int64_t>(0, int64_t(mx - radius)); u < std::min(kWide, int64_t(mx + radius) + 1); ++u) {
        const double d = std::hypot(double(u) + 0.5 - mx, double(v) + 0.5 - my);
        const bool rim = radius > 3 && d > radius - 1;
        if (d <= radius) paint(v * kWide + u, [&](int64_t c) { return rim ? 0 : color[c]; });
      }
  };
  for (int64_t i = 0; i < moons.unlabelled.size(0); ++i) dot(moons.unlabelled, i, 1.5, kGrey);
  for (int64_t i = 0; i < pseudo.rows.numel(); ++i)
    dot(moons.unlabelled, pseudo.rows.data()[i], 2, kColors[pseudo.targets.at({i, 1}) > real(0.5)]);
  for (int64_t i = 0; i < moons.labelled.size(); ++i)
    dot(moons.labelled.x, i, 5, kColors[moons.labelled.targets.at({i, 1}) > 0]);
  return canvas;
}

}  // namespace bijou::experiments
