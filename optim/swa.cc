#include "optim/swa.h"

#include "nn/norm.h"

namespace bijou::optim {

void refresh_statistics(nn::Module& model, int64_t batches, const std::function<void(int64_t)>& forward) {
  check(batches > 0, "refresh_statistics: ", batches, " batches");
  const nn::Visitor visitor(model);
  std::vector<std::pair<nn::BatchNorm*, double>> norms;  // with the momentum they had
  for (const nn::Visitor::Member& member : visitor.members())
    if (auto* norm = dynamic_cast<nn::BatchNorm*>(member.module)) norms.emplace_back(norm, norm->options.momentum);
  const bool training = model.training;
  const NoGrad off;
  model.train();
  for (int64_t i = 0; i < batches; ++i) {
    for (auto& [norm, momentum] : norms) norm->options.momentum = 1 / double(i + 1);
    forward(i);
  }
  for (auto& [norm, momentum] : norms) norm->options.momentum = momentum;
  model.train(training);
}

}  // namespace bijou::optim
