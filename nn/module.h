// Module: a part of a network, a value that names its parameters.
//
//   struct Mlp : nn::Module {
//     nn::Linear hidden{{.in = 784, .out = 128}}, out{{.in = 128, .out = 10}};
//     void members(nn::Visitor& visit) override { visit("hidden", hidden), visit("out", out); }
//     Var operator()(const Var& x) const { return out(relu(hidden(x))); }
//   };
//
// Its members are public data: parameters (Var), buffers (Tensor: state that is not trained) and other modules. The one
// method members() says what they are called; lists, state dicts, modes, counts and copies all come from that.
//
// Copying a module shares its parameters and buffers, as copying a Var or a Tensor does; clone() makes new ones.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/var.h"

namespace bijou::nn {

class Visitor;

using StateDict = std::vector<std::pair<std::string, Tensor>>;  // in the order of members()

struct Module {
  bool training = true;  // are we training, or evaluating? Dropout and batch normalisation ask

  virtual ~Module() = default;
  virtual void members(Visitor& visit) { (void)visit; }

  // "encoder.0.weight" and its Var. One that has several names (tied weights) is listed under its first.
  std::vector<std::pair<std::string, Var>> named_parameters() const;
  std::vector<Var> parameters() const;
  StateDict named_buffers() const;

  // Parameters and buffers under all their names. The tensors are the module's own, not copies.
  StateDict state_dict() const;
  // Copies the numbers of `state` into the module. Throws one Error that lists every missing, unexpected or misshapen
  // entry, before anything is changed.
  void load_state_dict(const StateDict& state);

  void train(bool on = true);  // this module and all within
  void eval() { train(false); }
  void zero_grad();
  int64_t num_parameters() const;
  std::string summary() const;  // a table: name, module, shape, count
};

// What members() speaks to. It notes down every member by its full name, and enters child modules.
class Visitor {
 public:
  struct Member {  // one of the three pointers is set
    std::string name;
    Module* owner;
    Var* parameter = nullptr;
    Tensor* buffer = nullptr;
    Module* module = nullptr;
  };

  explicit Visitor(Module& module) : owner_(&module) { module.members(*this); }
  const std::vector<Member>& members() const { return members_; }

  void operator()(std::string_view name, Var& parameter);  // one that is absent (no bias) is skipped
  void operator()(std::string_view name, Tensor& buffer);  // likewise
  void operator()(std::string_view name, Module& child);
  template <std::derived_from<Module> M>
  void operator()(std::string_view name, std::vector<M>& children) {  // "name.0", "name.1", ...
    for (size_t i = 0; i < children.size(); ++i) (*this)(std::string(name) + "." + std::to_string(i), children[i]);
  }

 private:
  Module* owner_;
  std::string prefix_;
  std::vector<Member> members_;
};

// Gives m parameters and buffers of its own, equal to those it shared with other modules. Weights that are tied within
// m stay tied, to each other.
void unshare(Module& m);

// A copy that shares nothing with m.
template <std::derived_from<Module> M>
M clone(const M& m) {
  M copy = m;
  unshare(copy);
  return copy;
}

}  // namespace bijou::nn
