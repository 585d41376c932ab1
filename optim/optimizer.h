// Optimizer: walks over the parameters and moves each against its gradient.
//
//   SGD optimizer(model.parameters(), {.lr = 0.1, .momentum = 0.9});
//   for (...) {
//     optimizer.zero_grad();
//     backward(loss(model));
//     optimizer.lr_scale = cosine(step, steps);   // see schedule.h
//     optimizer.step();
//   }
//
// A rule is one formula, one fused pass over memory, in the function descend() of its class. Parameters that need
// options of their own come in groups:
//
//   SGD optimizer({{weights, {.lr = 0.1, .weight_decay = 1e-4}}, {biases, {.lr = 0.1}}});
//   optimizer.groups()[1].lr = 0.2;
//
// Left out, for want of use here: AMSGrad, centred RMSprop, dampening, sparse gradients.
#pragma once

#include <array>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "autograd/var.h"

namespace bijou::optim {

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;

  double lr_scale = 1;  // multiplies the learning rate of every group

  void step();       // updates every parameter that has a gradient
  void zero_grad();  // forgets the gradients

  std::vector<Var> parameters() const;  // of all groups, in order

  // What the optimizer remembers from step to step, by number of the parameter: "0.step", "0.exp_avg", "1.step", ...
  // With it, and the same options, a run goes on bit for bit. Loading throws where names or shapes differ.
  std::vector<std::pair<std::string, Tensor>> state_dict() const;
  void load_state_dict(const std::vector<std::pair<std::string, Tensor>>& state);

 protected:
  struct State {
    int64_t step = 0;               // updates so far, this one included
    std::array<Tensor, 2> buffers;  // zero at first
  };

  // buffers: the names of those that the rule uses, at most two.
  Optimizer(const char* name, std::vector<std::string> buffers) : name_(name), buffers_(std::move(buffers)) {}
  void add(const Var& parameter, size_t group);

  // Moves the weights, of that group, against their gradient.
  virtual void descend(size_t group, Tensor& weights, const Tensor& gradient, State& state) = 0;

 private:
  struct Slot {
    Var parameter;
    size_t group;
    State state;
  };
  const char* name_;
  std::vector<std::string> buffers_;
  std::vector<Slot> slots_;
};

// An Optimizer whose groups have options of this type.
template <class Options>
class GroupedOptimizer : public Optimizer {
 public:
  struct Group {
    std::vector<Var> parameters;
    Options options = {};
  };

  std::vector<Options>& groups() { return options_; }  // the options of each group

 protected:
  GroupedOptimizer(const char* name, std::vector<std::string> buffers, const std::vector<Group>& groups)
      : Optimizer(name, std::move(buffers)) {
    for (const Group& group : groups) {
      check_options(group.options);
      for (const Var& parameter : group.parameters) add(parameter, options_.size());
      options_.push_back(group.options);
    }
    check(!parameters().empty(), name, ": no parameters");
  }
  const Options& options(size_t group) const { return options_[group]; }

 private:
  std::vector<Options> options_;
};

// Throws unless low <= value < high.
inline void check_option(const char* optimizer, const char* option, double value, double low, double high = HUGE_VAL) {
  check(value >= low && value < high, optimizer, ": ", option, " = ", value, " is not in [", low, ", ", high, ")");
}

}  // namespace bijou::optim
