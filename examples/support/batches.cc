#include "examples/support/batches.h"

#include <algorithm>

#include "tensor/indexing.h"

namespace bijou::support {

Batches::Batches(const Dataset& data, const BatchOptions& options, const Generator& g)
    : data_(data), options_(options), generator_(g) {
  check(options.size >= 1, "batches: a size from 1 expected, not ", options.size);
  per_epoch_ = (data.size() + (options.drop_last ? 0 : options.size - 1)) / options.size;
  check(per_epoch_ >= 1, "batches: ", data.size(), " images do not fill a batch of ", options.size);
}

Batch Batches::at(int64_t step) {
  check(step >= 0, "batches: there is no step ", step);
  const int64_t epoch = step / per_epoch_;
  if (epoch != epoch_) {
    Generator g = generator_.fork(uint64_t(epoch));
    order_ = randperm(data_.size(), g);
    epoch_ = epoch;
  }
  const int64_t first = step % per_epoch_ * options_.size;
  const Indices rows = order_.rows(first, std::min(first + options_.size, data_.size()));
  return {index_select(data_.images, 0, rows), index_select(data_.labels, 0, rows)};
}

}  // namespace bijou::support
