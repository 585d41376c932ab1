// Var: a Tensor that remembers where it came from; and the engine that walks back.
//
//   Var w = parameter(randn({3, 4}));
//   Var loss = sum(tanh(matmul(x, w)));
//   backward(loss);                                       // w.grad() = dL/dw
//   Var g = grad(loss, {w}, {.create_graph = true})[0];   // the same as a Var, to be differentiated again
//
// An op computes its value and records how a cotangent dL/dy becomes the cotangents dL/dx of its inputs (a
// vector-Jacobian product, VJP). The rule is written in ops on Vars: run with recording off it is the fast backward
// pass; with recording on, its result has a graph of its own. So gradients of gradients come for free.
//
// The engine keeps no state in the graph but the .grad of leaves. Graphs are built and walked on one thread.
#pragma once

#include <initializer_list>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace bijou {

struct Node;
class Grads;

class Var {
 public:
  Var() = default;    // nothing: a missing gradient, an absent bias
  Var(Tensor value);  // a constant
  Var(real value);    // a constant of shape []
  Var(const Var& o) : node_(o.node_) { retain(); }
  Var(Var&& o) noexcept : node_(std::exchange(o.node_, nullptr)) {}
  Var& operator=(const Var& o) { return *this = Var(o); }
  Var& operator=(Var&& o) noexcept { return std::swap(node_, o.node_), *this; }
  ~Var() { drop(); }

  explicit operator bool() const { return node_; }
  const Tensor& value() const&;
  Tensor value() && { return std::as_const(*this).value(); }  // shares the numbers: for (real x : f(y).value())
  Tensor& mutable_value();                                    // for optimizers and buffers: changes are not recorded
  const Shape& shape() const { return value().shape(); }
  int dim() const { return value().dim(); }
  int64_t size(int axis) const { return value().size(axis); }
  int64_t numel() const { return value().numel(); }
  real item() const { return value().item(); }

  bool requires_grad() const;             // does it depend on a parameter?
  const Var& grad() const;                // what backward() accumulated; nothing if there was none
  void set_grad(Var g);                   // set_grad({}) forgets it
  Var detach() const { return value(); }  // the same numbers without the past

  Node* node() const { return node_; }
  bool same_as(const Var& o) const { return node_ == o.node_; }

 private:
  friend struct Node;
  inline void retain();
  inline void drop();
  Node* node_ = nullptr;
};

// A leaf that wants a gradient.
Var parameter(Tensor value);

struct Node {
  explicit Node(Tensor v) : value(std::move(v)) {}
  virtual ~Node() = default;

  struct Input {
    Var var;
    uint32_t version;  // of its value when it was saved
  };

  uint32_t refs = 1;
  uint32_t slot = 0;     // a hint for the engine: where this node may stand in the running backward pass
  uint64_t id = 0;       // creation number: inputs are older than outputs
  Node* next = nullptr;  // while it waits to be freed
  const char* op = "leaf";
  Tensor value;
  Var grad;
  std::span<Input> inputs;
  size_t bytes = 0;  // of the block this node lives in
  bool requires_grad = false;
  bool released = false;  // a backward pass has gone through and let the inputs go
  uint32_t version = 0;   // of the value when the op had made it

  // Turns g = dL/d(value) into the cotangents of the inputs.
  virtual void vjp(const Var& g, Grads& d) const { (void)g, (void)d; }

  // The value of input i, as it was when the op ran; throws if it was changed in place since.
  const Var& in(int i) const {
    const Input& input = inputs[size_t(i)];
    if (input.var.value().version() != input.version) [[unlikely]]
      changed(i);
    return input.var;
  }
  // The value that the op made; throws if it was changed in place since.
  const Tensor& out() const {
    if (value.version() != version) [[unlikely]]
      result_changed();
    return value;
  }
  [[noreturn]] void changed(int i) const;
  [[noreturn]] void result_changed() const;
  const Shape& in_shape(int i) const { return inputs[size_t(i)].var.shape(); }

  // The first handle of a new node.
  static Var make(Node* node) {
    Var v;
    v.node_ = node;
    return v;
  }
  static void destroy(Node* node);
};

inline void Var::retain() {
  if (node_) ++node_->refs;
}
inline void Var::drop() {
  if (node_ && --node_->refs == 0) Node::destroy(node_);
}
inline bool Var::requires_grad() const { return node_ && node_->requires_grad; }
inline const Tensor& Var::value() const& {
  check(node_ != nullptr, "a Var that holds nothing has no value");
  return node_->value;
}
inline Tensor& Var::mutable_value() { return const_cast<Tensor&>(value()); }

// Where a rule puts dL/d(input i), and learns whether anybody wants it.
class Grads {
 public:
  Grads(const Node& node, Var* d, const uint8_t* unwanted) : node_(node), d_(d), unwanted_(unwanted) {}
  bool wants(int i) const { return node_.inputs[size_t(i)].var.requires_grad() && !(unwanted_ && unwanted_[i]); }
  Var& operator[](int i) { return d_[i]; }

 private:
  const Node& node_;
  Var* d_;
  const uint8_t* unwanted_;  // null: all are wanted
};

// ---- Recording ------------------------------------------------------------------------------------------------------

bool grad_enabled();  // are ops being recorded?

struct NoGrad {  // while one of these lives, nothing is recorded
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;

 private:
  bool before_;
};

struct EnableGrad {
  EnableGrad();
  ~EnableGrad();
  EnableGrad(const EnableGrad&) = delete;

 private:
  bool before_;
};

// While one of these lives, the op that makes the first value or gradient that is NaN or infinite throws, by name.
struct DetectAnomaly {
  DetectAnomaly();
  ~DetectAnomaly();
  DetectAnomaly(const DetectAnomaly&) = delete;

 private:
  bool before_;
};

namespace detail {

template <class Rule>
struct NodeOf final : Node {
  NodeOf(Tensor value, Rule r) : Node(std::move(value)), rule(std::move(r)) {}
  void vjp(const Var& g, Grads& d) const override { rule(*this, g, d); }
  Rule rule;
};

bool wants_graph(std::span<const Var> inputs);
Var finish(Node* node, void* input_memory, size_t bytes, const char* op, std::span<const Var> inputs);
Var constant(const char* op, Tensor value);

}  // namespace detail

// The result of an op, remembering its inputs and its rule: (const Node& y, const Var& g, Grads& d) sets d[i] = dL/dx_i
// for each i that d.wants(i), from g = dL/dy. A d[i] left alone is zero; one larger than x_i is summed to its shape.
template <class Rule>
Var record(const char* op, Tensor value, std::span<const Var> inputs, Rule rule) {
  if (!detail::wants_graph(inputs)) return detail::constant(op, std::move(value));
  using N = detail::NodeOf<Rule>;
  const size_t bytes = sizeof(N) + inputs.size() * sizeof(Node::Input);
  char* memory = static_cast<char*>(allocate_node(bytes));
  Node* node = new (memory) N(std::move(value), std::move(rule));
  return detail::finish(node, memory + sizeof(N), bytes, op, inputs);
}
template <class Rule>
Var record(const char* op, Tensor value, std::initializer_list<Var> inputs, Rule rule) {
  return record(op, std::move(value), std::span(inputs.begin(), inputs.size()), std::move(rule));
}

// ---- Differentiating ------------------------------------------------------------------------------------------------

struct GradOptions {
  bool create_graph = false;  // record the backward pass itself, so that its result can be differentiated
  bool retain_graph = false;  // keep the graph for another pass (implied by create_graph)
};

// Adds dL/dp to the .grad of every leaf p that wants one. `loss` has one element, or `seed` = dL/d(loss) is given.
void backward(const Var& loss, GradOptions options = {});
void backward(const Var& y, const Var& seed, GradOptions options = {});

// d(sum of outputs · seeds)/d(inputs); zeros where an input was not used. .grad is left alone.
// Seeds may be missing for one-element outputs: 1.
std::vector<Var> grad(std::span<const Var> outputs, std::span<const Var> inputs, std::span<const Var> seeds,
                      GradOptions options = {});
std::vector<Var> grad(const Var& y, std::span<const Var> inputs, GradOptions options = {});
inline std::vector<Var> grad(const Var& y, std::initializer_list<Var> inputs, GradOptions options = {}) {
  return grad(y, std::span(inputs.begin(), inputs.size()), options);
}
std::vector<Var> grad(const Var& y, const Var& seed, std::span<const Var> inputs, GradOptions options = {});

}  // namespace bijou
