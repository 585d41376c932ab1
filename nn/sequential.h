// Sequential: modules one after the other. Residual: a module beside a short cut.
//
//   nn::Sequential net(nn::Linear({.in = 784, .out = 128}), nn::ReLU(), nn::Linear({.in = 128, .out = 10}));
//   Var logits = net(x);
//
// Both hold modules of any class by value, each in an AnyModule. The formula of a residual block, y = x + f(x), is from
// K. He et al., "Deep residual learning for image recognition", CVPR 2016.
#pragma once

#include <memory>

#include "autograd/elementwise.h"
#include "nn/module.h"

namespace bijou::nn {

// A value that holds any module, or any function, from one Var to one Var. The parameters of a module take part in
// everything; whatever a function holds is its own affair.
class AnyModule {
 public:
  template <class F>
  requires(!std::same_as<F, AnyModule> && std::is_invocable_r_v<Var, const F&, const Var&>) AnyModule(F f)
      : held_(std::make_unique<Held<F>>(std::move(f))) {}
  AnyModule(const AnyModule& o) : held_(o.held_->copy()) {}
  AnyModule(AnyModule&&) noexcept = default;
  AnyModule& operator=(AnyModule o) noexcept { return held_.swap(o.held_), *this; }

  Var operator()(const Var& x) const { return held_->call(x); }
  Module* module() const { return held_->module(); }  // null where it holds a function

  // The module within, as what it is. Throws where it is something else.
  template <std::derived_from<Module> M>
  M& as() const {
    M* m = dynamic_cast<M*>(module());
    check(m != nullptr, "AnyModule: it holds something else than was asked for");
    return *m;
  }

 private:
  struct Holder {
    virtual ~Holder() = default;
    virtual Var call(const Var& x) const = 0;
    virtual std::unique_ptr<Holder> copy() const = 0;
    virtual Module* module() = 0;
  };
  template <class F>
  struct Held final : Holder {
    explicit Held(F function) : f(std::move(function)) {}
    Var call(const Var& x) const override { return f(x); }
    std::unique_ptr<Holder> copy() const override { return std::make_unique<Held>(f); }
    Module* module() override {
      if constexpr (std::derived_from<F, Module>) return &f;
      else return nullptr;
    }
    F f;
  };
  std::unique_ptr<Holder> held_;
};

struct Sequential : Module {
  Sequential() = default;
  explicit Sequential(AnyModule first, auto... more) {
    add(std::move(first));
    (add(std::move(more)), ...);
  }
  Sequential& add(AnyModule module) { return list.push_back(std::move(module)), *this; }

  Var operator()(const Var& x) const {
    Var y = x;
    for (const AnyModule& module : list) y = module(y);
    return y;
  }
  size_t size() const { return list.size(); }
  const AnyModule& operator[](size_t i) const {
    check(i < list.size(), "Sequential: there is no module ", i, " among ", list.size());
    return list[i];
  }
  void members(Visitor& visit) override {  // "0", "1", ...
    for (size_t i = 0; i < list.size(); ++i)
      if (Module* module = list[i].module()) visit(std::to_string(i), *module);
  }

  std::vector<AnyModule> list;
};

// x + body(x), of x's shape.
struct Residual : Module {
  explicit Residual(AnyModule module) : body(std::move(module)) {}
  Var operator()(const Var& x) const {
    const Var y = body(x);
    check(y.shape() == x.shape(), "Residual: the module turns ", x.shape(), " into ", y.shape());
    return x + y;
  }
  void members(Visitor& visit) override {
    if (Module* module = body.module()) visit("body", *module);
  }

  AnyModule body;
};

}  // namespace bijou::nn
