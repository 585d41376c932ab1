// Mini-batches in random order. Batch number `step` is a function of the step and the generator alone, so a run resumes
// where it stopped by going on with the step it had reached: epoch e begins at step e * per_epoch().
//
//   Batches batches(train, {.size = 64}, Generator(run.seed));
//   for (int64_t step = 0; step < run.epochs * batches.per_epoch(); ++step) {
//     const auto [images, labels] = batches.at(step);
#pragma once

#include "examples/support/dataset.h"
#include "tensor/random.h"

namespace bijou::support {

struct BatchOptions {
  int64_t size;
  bool drop_last = false;  // leave out the last batch of an epoch where it would be smaller
};

struct Batch {
  Tensor images;   // [size, channels, height, width]
  Indices labels;  // [size]
};

class Batches {
 public:
  // Throws where there is not even one batch.
  Batches(const Dataset& data, const BatchOptions& options, const Generator& g);

  int64_t per_epoch() const { return per_epoch_; }
  Batch at(int64_t step);

 private:
  Dataset data_;
  BatchOptions options_;
  Generator generator_;
  int64_t per_epoch_;
  int64_t epoch_ = -1;  // the one that order_ belongs to
  Indices order_;
};

}  // namespace bijou::support
