#include "optim/optimizer.h"

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
  const auto own = state_dict();
  check(state.size() == own.size(), name_, ": a state of ", own.size(), " tensors expected, not of ", state.size());
  for (size_t k = 0; k < own.size(); ++k)
    check(state[k].first == own[k].first && state[k].second.shape() == own[k].second.shape(), name_, ": state ",
          own[k].first, " ", own[k].second.shape(), " expected, not ", state[k].first, " ", state[k].second.shape());
  size_t k = 0;
  for (Slot& slot : slots_) {
    slot.state.step = int64_t(state[k++].second.item());
    for (size_t b = 0; b < buffers_.size(); ++b) slot.state.buffers[b].copy_from(state[k++].second);
  }
}

}  // namespace bijou::optim
