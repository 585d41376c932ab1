#include "optim/ema.h"

#include "tensor/map.h"

namespace bijou::optim::detail {

Averager::Averager(const nn::Module& average, const nn::Module& model) {
  const auto mine = average.parameters(), theirs = model.parameters();
  for (size_t i = 0; i < mine.size(); ++i) pairs_.emplace_back(mine[i], theirs[i]);
  const auto my_buffers = average.named_buffers(), their_buffers = model.named_buffers();
  for (size_t i = 0; i < my_buffers.size(); ++i) pairs_.emplace_back(my_buffers[i].second, their_buffers[i].second);
}

void Averager::mix(double part) {
  for (auto& [average, model] : pairs_)
    update<1>([part = real(part)](Lane& a, Lane x) { a = a + (x - a) * part; }, average.mutable_value(), model.value());
}

}  // namespace bijou::optim::detail
