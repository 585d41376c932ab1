// Writes all cases, each in several random sizes, to the .npz file that is named as the argument.
#include <cstdio>

#include "autograd/elementwise.h"
#include "peer.h"

namespace bijou::peer {

Shape Draw::shape(int low, int high) {
  Shape shape;
  const int64_t rank = size(low, high), longer = size(0, 8);
  for (int64_t a = 0; a < rank; ++a) shape.push_back(a == longer ? size(17, 70) : size(1, 5));
  return shape;
}

Axes Draw::axes(const Shape& shape) {
  Axes axes{};
  for (int a = 0; a < shape.rank(); ++a)
    if (coin()) axes.list.push_back(coin() ? a : a - shape.rank());
  if (axes.list.empty()) axes.list.push_back(axis(shape));
  return axes;
}

Tensor Draw::probabilities(const Shape& shape) { return softmax(normal(shape), -1); }

Tensor Draw::matrix(const Shape& shape) { return normal(shape) * real(0.3) + eye(shape[-1]) * real(2); }

namespace {

void write(const std::string& key, const Problem& p, Draw& draw, NamedTensors& out) {
  for (const auto& [name, value] : p.numbers) out.emplace_back(key + "number/" + name, value);
  for (const auto& [name, value] : p.indices) out.emplace_back(key + "index/" + name, to_tensor(value));
  for (const auto& [name, value] : p.tensors) out.emplace_back(key + "tensor/" + name, value);
  Vars x, g;
  for (const Tensor& input : p.x) x.push_back(parameter(input));
  const Vars y = p.f(x);
  for (const Var& output : y) g.push_back(parameter(draw.normal(output.shape())));

  Vars everything = x;
  everything.insert(everything.end(), g.begin(), g.end());
  const Vars fused = grad(y, x, g, {.retain_graph = true});  // by the rules that training runs
  const Vars d = grad(y, x, g, {.create_graph = true});      // by those that can be differentiated
  Var s = real(0);
  for (size_t i = 0; i < x.size(); ++i) {
    const std::string number = std::to_string(i);
    const Tensor v = draw.normal(x[i].shape());
    out.emplace_back(key + "x/" + number + (p.names.empty() ? "" : "/" + p.names[i]), x[i].value());
    out.emplace_back(key + "v/" + number, v);
    out.emplace_back(key + "fused/" + number, fused[i].value());
    out.emplace_back(key + "d/" + number, d[i].value());
    s = s + sum(d[i] * Var(v));
  }
  const Vars second = s.requires_grad() ? grad(s, everything) : Vars();
  for (size_t i = 0; i < second.size(); ++i) out.emplace_back(key + "dd/" + std::to_string(i), second[i].value());
  for (size_t k = 0; k < y.size(); ++k) {
    out.emplace_back(key + "y/" + std::to_string(k), y[k].value());
    out.emplace_back(key + "g/" + std::to_string(k), g[k].value());
  }
}

// A case draws the same numbers whatever other cases there are.
uint64_t seed_of(const std::string& name) {
  uint64_t seed = 0;
  for (char c : name) seed = seed * 31 + uint64_t(c);
  return seed;
}

}  // namespace
}  // namespace bijou::peer

int main(int, char** argv) {
  using namespace bijou;
  using namespace bijou::peer;
  constexpr int kTrials = 5;
  Cases cases;
  for (auto add : {elementwise_cases, structure_cases, image_cases, linalg_cases, layer_cases, loss_cases, optim_cases})
    add(cases);
  NamedTensors out;
  for (const Case& c : cases)
    for (int trial = 0; trial < kTrials; ++trial) {
      Draw draw{Generator(seed_of(c.name)).fork(uint64_t(trial))};
      try {
        write(c.name + "/" + std::to_string(trial) + "/", c.draw(draw), draw, out);
      } catch (const Error& e) {
        std::fprintf(stderr, "%s: %s\n", c.name.c_str(), e.what());
        return 1;
      }
    }
  save_npz(argv[1], out);
}
