#include "nn/module.h"

#include <cxxabi.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <set>
#include <typeinfo>

namespace bijou::nn {
namespace {

// members() only names things, so a module that is not to be changed may be asked as well.
std::vector<Visitor::Member> members_of(const Module& m) { return Visitor(const_cast<Module&>(m)).members(); }

Tensor& values(const Visitor::Member& member) {
  return member.parameter ? member.parameter->mutable_value() : *member.buffer;
}

// The class of a module as it is written in the program, without namespaces and template arguments: "Linear".
std::string type_name(const Module& m) {
  char* text = abi::__cxa_demangle(typeid(m).name(), nullptr, nullptr, nullptr);
  std::string name = text ? text : "";
  std::free(text);
  name = name.substr(0, name.find('<'));
  const size_t colon = name.rfind(':');
  return colon == std::string::npos ? name : name.substr(colon + 1);
}

}  // namespace

// ---- Visitor --------------------------------------------------------------------------------------------------------

void Visitor::operator()(std::string_view name, Var& parameter) {
  if (parameter) members_.push_back({.name = prefix_ + std::string(name), .owner = owner_, .parameter = &parameter});
}

void Visitor::operator()(std::string_view name, Tensor& buffer) {
  if (buffer.data()) members_.push_back({.name = prefix_ + std::string(name), .owner = owner_, .buffer = &buffer});
}

void Visitor::operator()(std::string_view name, Module& child) {
  members_.push_back({.name = prefix_ + std::string(name), .owner = owner_, .module = &child});
  const std::string before = prefix_;
  Module* const parent = std::exchange(owner_, &child);
  prefix_ += std::string(name) + ".";
  child.members(*this);
  prefix_ = before;
  owner_ = parent;
}

// ---- What follows from the names ------------------------------------------------------------------------------------

std::vector<std::pair<std::string, Var>> Module::named_parameters() const {
  std::vector<std::pair<std::string, Var>> list;
  std::set<const Node*> seen;
  for (const auto& member : members_of(*this))
    if (member.parameter && seen.insert(member.parameter->node()).second)
      list.emplace_back(member.name, *member.parameter);
  return list;
}

std::vector<Var> Module::parameters() const {
  std::vector<Var> list;
  for (auto& [name, p] : named_parameters()) list.push_back(std::move(p));
  return list;
}

StateDict Module::named_buffers() const {
  StateDict list;
  for (const auto& member : members_of(*this))
    if (member.buffer) list.emplace_back(member.name, *member.buffer);
  return list;
}

StateDict Module::state_dict() const {
  StateDict state;
  for (const auto& member : members_of(*this))
    if (!member.module) state.emplace_back(member.name, values(member));
  return state;
}

void Module::load_state_dict(const StateDict& state) {
  std::map<std::string, const Tensor*> given;
  for (const auto& [name, tensor] : state) given[name] = &tensor;
  std::vector<std::pair<Tensor*, const Tensor*>> copies;
  std::string wrong;
  for (const auto& member : members_of(*this)) {
    if (member.module) continue;
    Tensor& mine = values(member);
    const auto found = given.find(member.name);
    if (found == given.end()) {
      wrong += "\n  missing: " + member.name + " " + to_string(mine.shape());
    } else if (found->second->shape() != mine.shape()) {
      wrong += "\n  wrong shape: " + member.name + " is " + to_string(mine.shape()) + " here and " +
               to_string(found->second->shape()) + " there";
    } else {
      copies.emplace_back(&mine, found->second);
    }
    if (found != given.end()) given.erase(found);
  }
  for (const auto& [name, tensor] : given) wrong += "\n  unexpected: " + name + " " + to_string(tensor->shape());
  check(wrong.empty(), "load_state_dict: the state is of another ", type_name(*this), ":", wrong);
  for (auto& [mine, theirs] : copies) mine->copy_from(*theirs);
}

void Module::train(bool on) {
  training = on;
  for (const auto& member : members_of(*this))
    if (member.module) member.module->training = on;
}

void Module::zero_grad() {
  for (Var& p : parameters()) p.set_grad({});
}

int64_t Module::num_parameters() const {
  int64_t n = 0;
  for (const Var& p : parameters()) n += p.numel();
  return n;
}

std::string Module::summary() const {
  std::vector<std::array<std::string, 4>> rows = {{"name", "module", "shape", "count"}};
  for (const auto& member : members_of(*this))
    if (member.parameter)
      rows.push_back({member.name, type_name(*member.owner), to_string(member.parameter->shape()),
                      std::to_string(member.parameter->numel())});
  rows.push_back({"total", type_name(*this), "", std::to_string(num_parameters())});
  std::array<size_t, 4> width{};
  for (const auto& row : rows)
    for (size_t c = 0; c < 4; ++c) width[c] = std::max(width[c], row[c].size());
  std::string table;
  for (const auto& row : rows) {
    for (size_t c = 0; c < 3; ++c) table += row[c] + std::string(width[c] - row[c].size() + 2, ' ');
    table += std::string(width[3] - row[3].size(), ' ') + row[3] + "\n";
  }
  return table;
}

// ---- clone ----------------------------------------------------------------------------------------------------------

void unshare(Module& m) {
  std::map<const void*, Var> parameters;  // by what they were; members that were the same stay the same
  std::map<const void*, Tensor> buffers;
  for (const auto& member : members_of(m)) {
    if (member.parameter) {
      Var& p = *member.parameter;
      Var& own = parameters[p.node()];
      if (!own) own = p.requires_grad() ? bijou::parameter(p.value().clone()) : Var(p.value().clone());
      p = own;
    } else if (member.buffer) {
      Tensor& own = buffers[member.buffer->data()];
      if (!own.data()) own = member.buffer->clone();
      *member.buffer = own;
    }
  }
}

}  // namespace bijou::nn
