#include "optim/optimizer.h"

#include <map>

namespace bijou::optim {

void Optimizer::add(const Var& parameter, size_t group) {
  check(parameter.requires_grad() && parameter.node()->inputs.empty(), name_, ": parameter ", slots_.size(),
        " is not a leaf that wants a gradient; make it with parameter()");
  for (const Slot& other : slots_)
    check(!other.parameter.same_as(parameter), name_, ": parameter ", slots_.size(), " of shape ", parameter.shape(),
          " was given twice");
  Slot slot{parameter, group, {}};
  for (size_t k = 0; k < buffers_.size(); ++k) slot.state.buffers[k] = zeros(parameter.shape());
  slots_.push_back(std::move(slot));
}

void Optimizer::step() {
  for (Slot& slot : slots_) {
    const Var& gradient = slot.parameter.grad();
    if (!gradient) continue;
    ++slot.state.step;
    descend(slot.group, slot.parameter.mutable_value(), gradient.value(), slot.state);
  }
}

void Optimizer::zero_grad() {
  for (Slot& slot : slots_) slot.parameter.set_grad({});
}

std::vector<Var> Optimizer::parameters() const {
  std::vector<Var> all;
  for (const Slot& slot : slots_) all.push_back(slot.parameter);
  return all;
}

std::vector<std::pair<std::string, Tensor>> Optimizer::state_dict() const {
  std::vector<std::pair<std::string, Tensor>> state;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const std::string number = std::to_string(i) + ".";
    state.emplace_back(number + "step", scalar(real(slots_[i].state.step)));
    for (size_t k = 0; k < buffers_.size(); ++k)
      state.emplace_back(number + buffers_[k], slots_[i].state.buffers[k].clone());
  }
  return state;
}

void Optimizer::load_state_dict(const std::vector<std::pair<std::string, Tensor>>& state) {
  const std::map<std::string, Tensor> given(state.begin(), state.end());
  const auto own = state_dict();
  check(given.size() == own.size(), name_, ": a state of ", own.size(), " tensors expected, not of ", given.size());
  for (const auto& [name, mine] : own) {
    const auto found = given.find(name);
    check(found != given.end(), name_, ": the state lacks ", name, " ", mine.shape());
    const Shape& theirs = found->second.shape();
    check(theirs == mine.shape(), name_, ": the state's ", name, " is ", theirs, ", not ", mine.shape());
  }
  for (size_t i = 0; i < slots_.size(); ++i) {
    const std::string number = std::to_string(i) + ".";
    slots_[i].state.step = int64_t(given.at(number + "step").item());
    for (size_t k = 0; k < buffers_.size(); ++k) slots_[i].state.buffers[k].copy_from(given.at(number + buffers_[k]));
  }
}

}  // namespace bijou::optim
