// Philox4x32-10: random numbers by counting. Ten rounds of multiply and xor turn a counter into four words that pass
// every test of randomness; nothing is remembered from one number to the next.
//
//   (a, b, c, d)  <-  (hi(M1 c) ^ b ^ k0,  lo(M1 c),  hi(M0 a) ^ d ^ k1,  lo(M0 a))       with 64-bit products,
//
// the key (k0, k1) growing by a constant each round. J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers:
// as easy as 1, 2, 3", SC 2011.
//
// The stream of a seed is cut into blocks of 64 positions, the words of 16 counters, laid out so that a SIMD register
// full of counters is stored without a shuffle, whatever its width:
//
//   word i of block n  =  output i / 16 of philox(counter 16 n + i % 16)
//
// A position has 64 bits: the high word from plane 0, which is enough for a float; the low word from plane 1 (the
// counter's third word tells the planes apart), for where more digits are wanted.
#pragma once

#include <hwy/highway.h>

#include <array>
#include <cstdint>

namespace bijou {
namespace detail {
constexpr uint32_t kM0 = 0xD2511F53, kM1 = 0xCD9E8D57, kStep0 = 0x9E3779B9, kStep1 = 0xBB67AE85;
constexpr int kRounds = 10;
}  // namespace detail

// Four random words for a counter and a key.
inline std::array<uint32_t, 4> philox(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  using namespace detail;
  auto [a, b, c, d] = counter;
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t p = uint64_t(kM0) * a, q = uint64_t(kM1) * c;
    a = uint32_t(q >> 32) ^ b ^ key[0];
    b = uint32_t(q);
    c = uint32_t(p >> 32) ^ d ^ key[1];
    d = uint32_t(p);
    key[0] += kStep0;
    key[1] += kStep1;
  }
  return {a, b, c, d};
}

namespace detail {

enum class Plane : uint32_t { kHigh, kLow, kFork };

inline std::array<uint32_t, 4> words_at(uint64_t counter, Plane plane, uint64_t seed) {
  return philox({uint32_t(counter), uint32_t(counter >> 32), uint32_t(plane), 0},
                {uint32_t(seed), uint32_t(seed >> 32)});
}

inline uint64_t join(uint32_t high, uint32_t low) { return uint64_t(high) << 32 | low; }

constexpr int kBlock = 64, kCounters = 16;  // positions and counters in a block

// One word, for one number.
inline uint32_t word_at(uint64_t seed, uint64_t position, Plane plane) {
  const uint64_t i = position % kBlock, counter = position / kBlock * kCounters + i % kCounters;
  return words_at(counter, plane, seed)[i / kCounters];
}

// 64 words at once, for many.
struct Block {
  uint64_t seed, number;

  // The words of one plane.
  void words(Plane plane, uint32_t* out) const;
  // All 64 bits of the 64 positions.
  void bits(uint64_t* out) const {
    uint32_t high[kBlock], low[kBlock];
    words(Plane::kHigh, high);
    words(Plane::kLow, low);
    for (int i = 0; i < kBlock; ++i) out[i] = join(high[i], low[i]);
  }
};

#if HWY_TARGET == HWY_SCALAR
inline void Block::words(Plane plane, uint32_t* out) const {
  for (int i = 0; i < kCounters; ++i) {
    const auto w = words_at(number * kCounters + i, plane, seed);
    for (int j = 0; j < 4; ++j) out[kCounters * j + i] = w[j];
  }
}
#else
// The rounds on a register of counters. A 32-bit word sits in the lower half of a 64-bit lane, which is all that
// MulEven reads, so the upper halves may hold anything; even and odd counters go side by side and are zipped at last.
inline void Block::words(Plane plane, uint32_t* out) const {
  namespace hn = hwy::HWY_NAMESPACE;
  const hn::CappedTag<uint32_t, kCounters> d32;
  const hn::Repartition<uint64_t, decltype(d32)> d64;
  using Vec = hn::Vec<decltype(d64)>;
  struct State {
    Vec a, b, c, d;
  };
  const auto m0 = hn::Set(d32, kM0), m1 = hn::Set(d32, kM1);
  const uint64_t first = number * kCounters;  // 16 counters from here share their upper word
  for (size_t i = 0; i < kCounters; i += hn::Lanes(d32)) {
    const Vec counters = hn::Add(hn::Set(d64, uint32_t(first) + i), hn::ShiftLeft<1>(hn::Iota(d64, 0)));
    State even = {counters, hn::Set(d64, first >> 32), hn::Set(d64, uint64_t(plane)), hn::Zero(d64)}, odd = even;
    odd.a = hn::Add(counters, hn::Set(d64, 1));
    uint32_t k0 = uint32_t(seed), k1 = uint32_t(seed >> 32);
    for (int round = 0; round < kRounds; ++round, k0 += kStep0, k1 += kStep1) {
      for (State* s : {&even, &odd}) {
        const Vec p = hn::MulEven(hn::BitCast(d32, s->a), m0), q = hn::MulEven(hn::BitCast(d32, s->c), m1);
        *s = {hn::Xor(hn::Xor(hn::ShiftRight<32>(q), s->b), hn::Set(d64, k0)), q,
              hn::Xor(hn::Xor(hn::ShiftRight<32>(p), s->d), hn::Set(d64, k1)), p};
      }
    }
    auto store = [&](Vec e, Vec o, int j) {
      const auto zipped = hn::OddEven(hn::BitCast(d32, hn::ShiftLeft<32>(o)), hn::BitCast(d32, e));
      hn::StoreU(zipped, d32, out + kCounters * j + i);
    };
    store(even.a, odd.a, 0);
    store(even.b, odd.b, 1);
    store(even.c, odd.c, 2);
    store(even.d, odd.d, 3);
  }
}
#endif

}  // namespace detail
}  // namespace bijou
