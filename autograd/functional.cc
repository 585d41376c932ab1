#include "autograd/functional.h"

#include <map>

#include "tensor/random.h"

namespace bijou {

Tensor vjp(const VarFunction& f, const Tensor& x, const Tensor& v) {
  const EnableGrad on;
  const Var input = parameter(x);
  return grad(f(input), Var(v), std::span(&input, 1))[0].value();
}

Tensor jvp(const VarFunction& f, const Tensor& x, const Tensor& u) {
  check(u.shape() == x.shape(), "jvp: a direction of shape ", u.shape(), " for an input of shape ", x.shape());
  const EnableGrad on;
  const Var input = parameter(x), y = f(input), v = parameter(zeros(y.shape()));
  const Var vj = grad(y, v, std::span(&input, 1), {.create_graph = true})[0];
  return grad(vj, Var(u), std::span(&v, 1))[0].value();
}

Tensor jacobian(const VarFunction& f, const Tensor& x) {
  const EnableGrad on;
  const Var input = parameter(x), y = f(input);
  Tensor j({y.numel(), x.numel()});
  for (int64_t i = 0; i < y.numel(); ++i) {
    Tensor seed = zeros(y.shape());
    seed.mutable_data()[i] = 1;
    j.row(i).copy_from(grad(y, Var(seed), std::span(&input, 1), {.retain_graph = true})[0].value().flatten());
  }
  return j;
}

Tensor hessian(const VarFunction& f, const Tensor& x) {
  return jacobian([&f](const Var& v) { return grad(f(v), {v}, {.create_graph = true})[0]; }, x);
}

std::vector<Tensor> hvp(const std::function<Var()>& loss, std::span<const Var> params, std::span<const Tensor> v) {
  check(v.size() == params.size(), "hvp: ", v.size(), " tensors for ", params.size(), " parameters");
  const EnableGrad on;
  const std::vector<Var> g = grad(loss(), params, {.create_graph = true});
  std::vector<Tensor> result;
  for (const Var& h : grad(g, params, std::vector<Var>(v.begin(), v.end()))) result.push_back(h.value());
  return result;
}

// ---- checkpoint -----------------------------------------------------------------------------------------------------

namespace {

// What y was made from and is older than `start`. Nodes are numbered as they are made: those before `start` are not
// of our making, and wait in vain at the front of the queue.
std::vector<Var> inputs_of(const Var& y, uint64_t start) {
  std::map<uint64_t, Var> queue{{y.node()->id, y}};
  while (!queue.empty() && queue.rbegin()->first >= start) {
    const Var youngest = queue.extract(std::prev(queue.end())).mapped();
    for (const Node::Input& input : youngest.node()->inputs)
      if (input.var.requires_grad()) queue.emplace(input.var.node()->id, input.var);
  }
  std::vector<Var> inputs;
  for (auto& [id, input] : queue) inputs.push_back(input);
  return inputs;
}

// While this lives, the nodes look like leaves: a backward pass ends at them, and gives the derivative by each with the
// others held fixed, even where one was made from another.
class Fence {
 public:
  explicit Fence(std::span<const Node::Input> nodes) : nodes_(nodes) {
    for (const Node::Input& n : nodes) pasts_.push_back(std::exchange(n.var.node()->inputs, {}));
  }
  ~Fence() {
    for (size_t i = nodes_.size(); i-- > 0;) nodes_[i].var.node()->inputs = pasts_[i];
  }
  Fence(const Fence&) = delete;

 private:
  std::span<const Node::Input> nodes_;
  std::vector<std::span<Node::Input>> pasts_;
};

// While this lives, default_generator() goes on from `state`; then from where it was.
class Replay {
 public:
  explicit Replay(const Generator& state) : before_(std::exchange(default_generator(), state)) {}
  ~Replay() { default_generator() = before_; }
  Replay(const Replay&) = delete;

 private:
  Generator before_;
};

}  // namespace

Var checkpoint(const std::function<Var()>& f) {
  if (!grad_enabled()) return f();
  const uint64_t start = Var(real(0)).node()->id;  // everything f makes is younger than this node
  const Generator generator = default_generator();
  const Var y = f();
  if (!y.requires_grad() || y.node()->id < start) return y;
  return record("checkpoint", y.value(), inputs_of(y, start), [f, generator](const Node& node, const Var& g, Grads& d) {
    std::vector<Var> wanted;
    for (int i = 0; i < int(node.inputs.size()); ++i)
      if (const Var& x = node.in(i); d.wants(i)) wanted.push_back(x);
    const Replay replay(generator);
    Var again;
    {
      const EnableGrad on;
      again = f();
    }
    const Fence fence(node.inputs);
    std::vector<Var> gradients = grad(again, g, wanted, {.create_graph = grad_enabled()});
    for (int i = 0, next = 0; i < int(node.inputs.size()); ++i)
      if (d.wants(i)) d[i] = std::move(gradients[size_t(next++)]);
  });
}

}  // namespace bijou
