#include "optim/swa.h"

#include "nn/norm.h"

namespace bijou::optim {
namespace {

// Puts modes and momenta back, also where a pass throws.
struct Restore {
  std::vector<std::pair<nn::Module*, bool>> modes;
  std::vector<std::pair<nn::BatchNorm*, double>> momenta;
  ~Restore() {
    for (auto& [module, training] : modes) module->training = training;
    for (auto& [norm, momentum] : momenta) norm->options.momentum = momentum;
  }
};

}  // namespace

void refresh_statistics(nn::Module& model, int64_t batches, const std::function<void(int64_t)>& forward) {
  check(batches > 0, "refresh_statistics: ", batches, " batches");
  Restore before;
  auto note = [&](nn::Module* module) {
    before.modes.emplace_back(module, module->training);
    if (auto* norm = dynamic_cast<nn::BatchNorm*>(module)) before.momenta.emplace_back(norm, norm->options.momentum);
  };
  note(&model);
  const nn::Visitor visitor(model);
  for (const nn::Visitor::Member& member : visitor.members())
    if (member.module) note(member.module);
  const NoGrad off;
  model.train();
  for (int64_t i = 0; i < batches; ++i) {
    for (auto& [norm, momentum] : before.momenta) norm->options.momentum = 1 / double(i + 1);
    forward(i);
  }
}

}  // namespace bijou::optim
