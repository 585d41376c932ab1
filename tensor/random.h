// Random numbers. Number p of the stream of a seed is a pure function of (seed, p), computed by counting (philox.h), so
// it comes out the same whoever computes it, in whatever order, on however many threads.
//
// A Generator is the seed and the position p of its next number. Each number drawn takes one position, whatever its
// distribution: ten numbers drawn at once or in two halves are the same numbers, and a double build sees those of a
// float build with more digits.
#pragma once

#include <cstdint>

#include "tensor/tensor.h"

namespace bijou {

// A small value: a copy replays the same numbers.
class Generator {
 public:
  // All there is to a generator, for checkpoints: Generator(g.state()) goes on where g is.
  struct State {
    uint64_t seed, position;
    bool operator==(const State&) const = default;
  };

  explicit Generator(uint64_t seed = 0) : state_{seed, 0} {}
  explicit Generator(State state) : state_(state) {}
  State state() const { return state_; }
  Generator fork(uint64_t stream) const;  // an independent stream; depends on the seed and `stream` alone
  void skip(uint64_t n) { state_.position += n; }

  // One number a call; the tensors below are faster for many.
  uint32_t next_uint32();
  double uniform();        // [0, 1), 53 bits
  double normal();         // mean 0, variance 1
  index below(int64_t n);  // 0 .. n-1, each with probability 1/n to within 2^-32; 1 <= n <= 2^31

 private:
  uint64_t next_bits();
  State state_;
};

Generator& default_generator();  // used where no other is given; its seed is 0 at first
void manual_seed(uint64_t seed);

// Each takes one position of g for every element of its result (categorical: one a row).

Tensor rand(const Shape& shape, Generator& g = default_generator());  // [0, 1): the same bits on every machine
Tensor uniform(const Shape& shape, real low, real high, Generator& g = default_generator());  // [low, high)
Tensor randn(const Shape& shape, Generator& g = default_generator());
Tensor normal(const Shape& shape, real mean, real std, Generator& g = default_generator());
Tensor bernoulli(const Shape& shape, double p, Generator& g = default_generator());  // 1 with probability p, else 0
Tensor gumbel(const Shape& shape, Generator& g = default_generator());               // P(x < t) = exp(-exp(-t))

// A normal of this mean and std on condition that low <= x <= high; either bound may be infinite.
// Throws where the interval is so far out that its probability is zero in double.
Tensor truncated_normal(const Shape& shape, real mean, real std, real low, real high,
                        Generator& g = default_generator());

Indices randint(const Shape& shape, int64_t low, int64_t high, Generator& g = default_generator());  // [low, high)
Indices randperm(int64_t n, Generator& g = default_generator());  // 0 .. n-1 in random order

// One class a row, with probabilities softmax(logits) over the last axis: [..., K] -> [...]. By inverting the CDF.
// A logit of -inf is never drawn; throws on NaN, +inf and rows without a finite logit.
Indices categorical(const Tensor& logits, Generator& g = default_generator());

}  // namespace bijou
