// Tensor: numbers in rows. Contiguous, row-major, 64-byte aligned, shared, and nothing else: no strides.
//
// A Tensor is a handle: copying one shares the numbers, clone() copies them. reshape() and rows() are free views;
// every other rearrangement is a copy made by a kernel. Tensors know nothing of gradients (see autograd/var.h).
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tensor/memory.h"
#include "tensor/shape.h"

namespace bijou {

#ifndef BIJOU_REAL
#define BIJOU_REAL float
#endif
using real = BIJOU_REAL;  // the library's one number type: float, or double with `make REAL=double`
using index = int32_t;    // labels, token ids, positions

// Tensor = Array<real>, Indices = Array<index>.
template <class T>
class Array {
 public:
  Array() : storage_(nullptr), data_(nullptr), shape_{0} {}  // empty
  explicit Array(const Shape& shape)                         // contents undefined
      : storage_(allocate_storage(bytes(shape))), data_(static_cast<T*>(storage_->data())), shape_(shape) {}
  Array(const Array& o) : storage_(o.storage_), data_(o.data_), shape_(o.shape_) {
    if (storage_) ++storage_->refs;
  }
  Array(Array&& o) noexcept : storage_(std::exchange(o.storage_, nullptr)), data_(o.data_), shape_(o.shape_) {}
  Array& operator=(const Array& o) { return *this = Array(o); }
  Array& operator=(Array&& o) noexcept {
    std::swap(storage_, o.storage_);
    data_ = o.data_;
    shape_ = o.shape_;
    return *this;
  }
  ~Array() {
    if (storage_ && --storage_->refs == 0) release_storage(storage_);
  }

  const Shape& shape() const { return shape_; }
  int dim() const { return shape_.rank(); }
  int64_t size(int axis) const { return shape_[axis]; }
  int64_t numel() const { return shape_.numel(); }

  const T* data() const { return data_; }
  const T* begin() const { return data_; }
  const T* end() const { return data_ + numel(); }
  // Opens the numbers for writing. Counts as a change: a backward pass that saved the old numbers will refuse to run.
  T* mutable_data() {
    if (storage_) ++storage_->version;
    return data_;
  }
  uint32_t version() const { return storage_ ? storage_->version : 0; }
  bool is_shared() const { return storage_ && storage_->refs > 1; }

  T item() const;                           // the number of a one-element tensor
  T at(const Shape& position) const;        // one number; bounds are checked
  Array reshape(const Shape& shape) const;  // view; one size may be -1, "whatever is left"
  Array flatten() const { return reshape({-1}); }
  Array rows(int64_t first, int64_t last) const;  // view of [first, last) along axis 0
  Array row(int64_t i) const;                     // view of row i, without axis 0
  Array clone() const;
  void fill(T value);
  void copy_from(const Array& o);  // same shape; writes into the shared numbers

  static Array from(std::initializer_list<T> values) { return from(std::span(values.begin(), values.size())); }
  static Array from(std::span<const T> values);  // [n]
  static Array from(std::span<const T> values, const Shape& shape);

 private:
  static constexpr size_t kMostBytes = size_t(1) << 48;  // more than any machine has

  static size_t bytes(const Shape& shape) {
    size_t n = sizeof(T);
    bool fits = true;
    for (int32_t size : shape) fits &= !__builtin_mul_overflow(n, size_t(size), &n) & (size >= 0);
    check(fits && n <= kMostBytes, "a tensor cannot have the shape ", shape);
    return n;
  }

  Storage* storage_;
  T* data_;
  Shape shape_;
};

using Tensor = Array<real>;
using Indices = Array<index>;

extern template class Array<real>;
extern template class Array<index>;

Tensor zeros(const Shape& shape);
Tensor ones(const Shape& shape);
Tensor full(const Shape& shape, real value);
Tensor scalar(real value);                                               // shape []
Tensor tensor(std::initializer_list<real> values);                       // shape [n]
Tensor matrix(std::initializer_list<std::initializer_list<real>> rows);  // shape [rows, columns]
Tensor arange(int64_t n);                                                // 0, 1, ..., n-1
Tensor linspace(real first, real last, int64_t n);                       // both ends included
Tensor eye(int64_t n);
Tensor zeros_like(const Tensor& x);

Indices indices(std::initializer_list<index> values);  // shape [n]
Indices index_range(int64_t n);                        // 0, 1, ..., n-1
Tensor to_tensor(const Indices& i);

// As NumPy prints: aligned columns, long axes shortened.
std::string to_string(const Tensor& x);
std::string to_string(const Indices& x);

// The largest |a - b| / max(1, |a|, |b|) over all elements; infinite where shapes differ or only one is NaN.
double max_difference(const Tensor& a, const Tensor& b);
bool all_finite(const Tensor& x);

}  // namespace bijou
