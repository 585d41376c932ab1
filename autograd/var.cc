#include "autograd/var.h"

#include <algorithm>

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "tensor/map.h"

namespace bijou {
namespace {

constinit thread_local bool recording = true;
constinit thread_local bool anomaly = false;
constinit thread_local bool in_pass = false;  // ops of a rule run: what is wrong with them is told of the rule's op
constinit thread_local uint64_t next_id = 1;

Node* new_leaf(Tensor value, bool requires_grad) {
  Node* node = new (allocate_node(sizeof(Node))) Node(std::move(value));
  node->bytes = sizeof(Node);
  node->id = next_id++;
  node->requires_grad = requires_grad;
  return node;
}

void check_finite(const Tensor& x, const char* what, const char* op) {
  check(all_finite(x), "anomaly: ", op, " made the first ", what, " that is not finite, of shape ", x.shape());
}

}  // namespace

// ---- Var and Node ---------------------------------------------------------------------------------------------------

Var::Var(Tensor value) : node_(new_leaf(std::move(value), false)) {}
Var::Var(real value) : Var(scalar(value)) {}
const Var& Var::grad() const {
  static const Var nothing;
  return node_ ? node_->grad : nothing;
}
void Var::set_grad(Var g) {
  check(!g || g.shape() == shape(), "set_grad: a gradient of shape ", g ? g.shape() : Shape{}, " for a value of shape ",
        shape());
  node_->grad = std::move(g);
}

Var parameter(Tensor value) { return Node::make(new_leaf(std::move(value), true)); }

void Node::changed(int i) const {
  fail(op, ": input ", i, " of shape ", in_shape(i), " was changed in place after it was saved for backward");
}

void Node::result_changed() const {
  fail(op, ": its result of shape ", value.shape(), " was changed in place after it was saved for backward");
}

// Frees a node whose last handle is gone, and the nodes that only it held: one after the other, not recursively,
// since a chain may be a million long. Nodes that wait for their end are linked through `next`.
void Node::destroy(Node* node) {
  constinit thread_local Node* dying = nullptr;
  constinit thread_local bool busy = false;
  node->next = std::exchange(dying, node);
  if (busy) return;  // an outer call is emptying the list
  busy = true;
  while (Node* last = dying) {
    dying = last->next;
    for (Input& input : last->inputs) input.~Input();
    const size_t bytes = last->bytes;
    last->~Node();
    release_node(last, bytes);
  }
  busy = false;
}

// ---- Recording ------------------------------------------------------------------------------------------------------

bool grad_enabled() { return recording; }
NoGrad::NoGrad() : before_(std::exchange(recording, false)) {}
NoGrad::~NoGrad() { recording = before_; }
EnableGrad::EnableGrad() : before_(std::exchange(recording, true)) {}
EnableGrad::~EnableGrad() { recording = before_; }
DetectAnomaly::DetectAnomaly() : before_(std::exchange(anomaly, true)) {}
DetectAnomaly::~DetectAnomaly() { anomaly = before_; }

namespace detail {

bool wants_graph(std::span<const Var> inputs) {
  if (!recording) return false;
  for (const Var& x : inputs)
    if (x.requires_grad()) return true;
  return false;
}

Var constant(const char* op, Tensor value) {
  if (anomaly && !in_pass) check_finite(value, "value", op);
  return value;
}

Var finish(Node* node, void* input_memory, size_t bytes, const char* op, std::span<const Var> inputs) {
  node->bytes = bytes;
  node->id = next_id++;
  node->op = op;
  node->requires_grad = true;
  node->version = node->value.version();
  auto* slots = static_cast<Node::Input*>(input_memory);
  for (size_t i = 0; i < inputs.size(); ++i)
    new (slots + i) Node::Input{inputs[i], inputs[i] ? inputs[i].value().version() : 0};
  node->inputs = {slots, inputs.size()};
  Var y = Node::make(node);
  if (anomaly && !in_pass) check_finite(node->value, "value", op);
  return y;
}

}  // namespace detail

// ---- The engine -----------------------------------------------------------------------------------------------------

namespace {

// A switch that is set while this lives.
struct Setting {
  Setting(bool& flag, bool on) : flag(flag), before(std::exchange(flag, on)) {}
  ~Setting() { flag = before; }
  bool &flag, before;
};

// One backward pass. Nodes that have received a cotangent wait in a heap, the youngest on top: when it is popped, all
// its consumers, which are younger, have been popped before, and its cotangent is complete.
class Pass {
 public:
  explicit Pass(GradOptions options) : options_(options) {}
  Pass(const Pass&) = delete;
  ~Pass() {
    for (Place& p : places_) leave(p);
  }

  // For grad(): only what lies between the outputs and these nodes is to be visited.
  void aim_at(std::span<const Var> outputs, std::span<const Var> inputs) {
    aimed_ = true;
    for (const Var& x : inputs) place(x).target = true;
    std::vector<size_t> order;  // everything the outputs came from
    auto visit = [&](const Var& v) {
      if (!v.requires_grad()) return;
      const size_t before = places_.size();
      Place& p = place(v);
      if (places_.size() > before || (p.target && !p.seen)) order.push_back(size_t(&p - places_.data()));
      p.seen = true;
    };
    for (const Var& y : outputs) visit(y);
    for (size_t k = 0; k < order.size(); ++k)
      for (const Node::Input& input : places_[order[k]].node.node()->inputs) visit(input.var);
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return id(a) < id(b); });
    for (size_t k : order) {  // oldest first: a node leads to an input if one of its inputs does
      bool leads = places_[k].target || places_[k].node.node()->released;  // it may have: run() will complain
      for (const Node::Input& input : places_[k].node.node()->inputs)
        leads = leads || (input.var.requires_grad() && place(input.var).leads);
      places_[k].leads = leads;
    }
  }

  // Adds g to the cotangent of x, summed to the shape of x where an op stretched it. The one place for both.
  void add(const Var& x, Var g) {
    if (g.shape() != x.shape()) g = sum_to(g, x.shape());
    Place& p = place(x);
    if (!p.cotangent) {
      p.cotangent = std::move(g);
      heap_.push_back({x.node()->id, uint32_t(&p - places_.data())});
      std::push_heap(heap_.begin(), heap_.end());
    } else {
      accumulate(p.cotangent, std::move(g));
    }
  }

  // Walks back to the leaves. done(node, cotangent) is told of leaves, and of the nodes aimed at.
  template <class Done>
  void run(const Done& done) {
    const Setting inside(in_pass, true);
    std::vector<Var> d;
    std::vector<uint8_t> unwanted;
    while (!heap_.empty()) {
      Place& p = pop();
      const bool target = p.target;
      Var g = std::exchange(p.cotangent, {});
      const Var x = leave(p);
      Node& node = *x.node();
      check(!node.released || target, "backward: the graph of ", node.op,
            " was freed by an earlier backward; pass .retain_graph = true there");
      if (aimed_ ? target : node.inputs.empty()) done(x, g);
      const size_t n = node.inputs.size();
      if (n == 0) continue;  // a leaf
      if (d.size() < n) d.resize(n);
      if (aimed_) {
        unwanted.assign(n, 0);
        for (size_t i = 0; i < n; ++i) unwanted[i] = !leads_to_target(node.inputs[i].var);
      }
      Grads grads(node, d.data(), aimed_ ? unwanted.data() : nullptr);
      if (aimed_ && std::find(unwanted.begin(), unwanted.end(), 0) == unwanted.end()) continue;
      node.vjp(g, grads);
      g = {};
      for (size_t i = 0; i < n; ++i) {
        if (!d[i]) continue;
        if (!grads.wants(int(i))) {
          d[i] = {};
          continue;
        }
        if (anomaly) check_finite(d[i].value(), "gradient", node.op);
        add(node.inputs[i].var, std::move(d[i]));
      }
      if (!options_.retain_graph && !options_.create_graph) release(node);
    }
  }

  static void accumulate(Var& sum, Var g) {
    if (!recording && sum.node()->refs == 1 && !sum.value().is_shared()) {
      Tensor& s = sum.mutable_value();
      detail::evaluate<1>([](Lane a, Lane b) { return std::array{a + b}; }, s.shape(),
                          std::array{&std::as_const(s), &g.value()}, {&s});
    } else {
      sum = sum + g;
    }
  }

 private:
  struct Place {
    Var node;
    Var cotangent;
    bool target = false;  // an input of grad()
    bool leads = true;    // is one, or lies on a way to one
    bool seen = false;
    uint32_t slot_before = 0;
  };
  struct Waiting {
    uint64_t id;
    uint32_t place;
    bool operator<(const Waiting& o) const { return id < o.id; }
  };

  uint64_t id(size_t k) const { return places_[k].node.node()->id; }

  // The place of a node in this pass: node->slot says which. A pass may run inside a rule of another one (checkpoint),
  // so a slot is put back when its node leaves.
  Place& place(const Var& x) {
    uint32_t& slot = x.node()->slot;
    if (slot < places_.size() && places_[slot].node.same_as(x)) return places_[slot];
    const uint32_t before = slot;
    if (!free_.empty()) {
      slot = free_.back();
      free_.pop_back();
    } else {
      slot = uint32_t(places_.size());
      places_.emplace_back();
    }
    places_[slot] = Place{.node = x, .cotangent = {}, .slot_before = before};
    return places_[slot];
  }
  static Var leave(Place& p) {
    if (p.node) p.node.node()->slot = p.slot_before;
    return std::exchange(p.node, {});
  }

  bool leads_to_target(const Var& x) { return x.requires_grad() && place(x).leads; }

  Place& pop() {
    std::pop_heap(heap_.begin(), heap_.end());
    const uint32_t slot = heap_.back().place;
    heap_.pop_back();
    if (!aimed_) free_.push_back(slot);
    return places_[slot];
  }

  static void release(Node& node) {
    for (Node::Input& input : node.inputs) input.~Input();
    node.inputs = {};
    node.released = true;
  }

  GradOptions options_;
  bool aimed_ = false;
  std::vector<Place> places_;
  std::vector<uint32_t> free_;
  std::vector<Waiting> heap_;
};

Var seed_for(const Var& y, const Var& seed) {
  if (!seed) {
    check(y.numel() == 1, "backward: a shape of one element expected, or a seed; the shape is ", y.shape());
    return full(y.shape(), 1);
  }
  check(seed.shape() == y.shape(), "backward: a seed of shape ", seed.shape(), " for an output of shape ", y.shape());
  return seed;
}

}  // namespace

void backward(const Var& y, const Var& seed, GradOptions options) {
  check(y.requires_grad(), "backward: the loss depends on nothing that wants a gradient");
  const Setting on(recording, options.create_graph);
  Pass pass(options);
  pass.add(y, seed_for(y, seed));
  pass.run([&](const Var& leaf, Var& g) {
    Node& node = *leaf.node();
    if (node.grad) {
      Pass::accumulate(node.grad, std::move(g));
    } else {
      // Optimizers change gradients in place, so a leaf's must be its own.
      if (!options.create_graph && (g.node()->refs > 1 || g.value().is_shared())) g = Var(g.value().clone());
      node.grad = std::move(g);
    }
  });
}

void backward(const Var& loss, GradOptions options) { backward(loss, Var(), options); }

std::vector<Var> grad(std::span<const Var> outputs, std::span<const Var> inputs, std::span<const Var> seeds,
                      GradOptions options) {
  check(seeds.empty() || seeds.size() == outputs.size(), "grad: ", seeds.size(), " seeds for ", outputs.size(),
        " outputs");
  for (const Var& x : inputs)
    check(x.requires_grad(), "grad: an input does not want a gradient; make it with parameter()");
  const Setting on(recording, options.create_graph);
  Pass pass(options);
  pass.aim_at(outputs, inputs);
  for (size_t k = 0; k < outputs.size(); ++k) {
    const Var seed = seed_for(outputs[k], seeds.empty() ? Var() : seeds[k]);
    if (outputs[k].requires_grad()) pass.add(outputs[k], seed);
  }
  std::vector<Var> result(inputs.size());
  pass.run([&](const Var& x, const Var& g) {
    for (size_t i = 0; i < inputs.size(); ++i)
      if (inputs[i].same_as(x)) result[i] = g;
  });
  for (size_t i = 0; i < inputs.size(); ++i)
    if (!result[i]) result[i] = Var(zeros(inputs[i].shape()));
  return result;
}

std::vector<Var> grad(const Var& y, const Var& seed, std::span<const Var> inputs, GradOptions options) {
  return grad(std::span(&y, 1), inputs, std::span(&seed, 1), options);
}
std::vector<Var> grad(const Var& y, std::span<const Var> inputs, GradOptions options) {
  return grad(y, Var(), inputs, options);
}

}  // namespace bijou
