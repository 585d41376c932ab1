// Shape: the sizes of a tensor's axes, held inline so that it costs no heap. Row-major: the last axis is contiguous.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

#include "tensor/error.h"

namespace bijou {

class Shape {
 public:
  static constexpr int kMaxRank = 7;

  Shape() = default;
  Shape(std::initializer_list<int64_t> sizes) {
    for (int64_t size : sizes) push_back(size);
  }
  explicit Shape(std::span<const int64_t> sizes) {
    for (int64_t size : sizes) push_back(size);
  }
  explicit Shape(std::span<const int32_t> sizes) {
    for (int64_t size : sizes) push_back(size);
  }

  int rank() const { return rank_; }
  int64_t numel() const { return product(0, rank_); }
  int64_t operator[](int axis) const { return sizes_[at(axis)]; }
  int32_t& operator[](int axis) { return sizes_[at(axis)]; }
  const int32_t* begin() const { return sizes_; }
  const int32_t* end() const { return sizes_ + rank_; }

  // Axis as 0 .. rank-1; -1 is the last. Throws, naming `op`, where there is no such axis.
  int at(int axis, const char* op = "") const {
    const int a = axis < 0 ? axis + rank_ : axis;
    check(a >= 0 && a < rank_, op, *op ? ": " : "", "axis ", axis, " is out of range for shape ", *this);
    return a;
  }
  void push_back(int64_t size) {
    check(rank_ < kMaxRank, "a shape has at most ", kMaxRank, " axes");
    check(size <= INT32_MAX, "an axis of ", size, " elements is too long");
    sizes_[rank_++] = int32_t(size);
  }
  // Product of the sizes of axes first .. last-1.
  int64_t product(int first, int last) const {
    int64_t n = 1;
    for (int a = first; a < last; ++a) n *= sizes_[a];
    return n;
  }
  // All 32 bytes at once, as sizes past the rank are alike.
  bool operator==(const Shape& o) const { return __builtin_memcmp(this, &o, sizeof(Shape)) == 0; }

 private:
  int32_t rank_ = 0;
  int32_t sizes_[kMaxRank] = {1, 1, 1, 1, 1, 1, 1};
};

std::string to_string(const Shape& shape);  // "[32, 64]"

// The shape that a and b take side by side, as in NumPy: axes are aligned at the right, 1 stretches to anything.
// Throws, naming `op`, where two sizes differ and neither is 1.
Shape broadcast(const Shape& a, const Shape& b, const char* op = "broadcast");

}  // namespace bijou
