// The kinds of number that other programs' files hold, and how they become ours.
#pragma once

#include "tensor/files.h"
#include "tensor/tensor.h"

namespace bijou {

enum class Element { kBool, kI8, kU8, kI16, kU16, kI32, kU32, kI64, kU64, kF16, kBF16, kF32, kF64 };
constexpr Element kRealElement = sizeof(real) == 4 ? Element::kF32 : Element::kF64;

int64_t size_of(Element element);  // in bytes

// The shape with these sizes, for data of so many bytes. Throws, naming `what`, unless the two agree exactly; so a
// tensor is never larger than the file it comes from.
Shape checked_shape(std::span<const int64_t> sizes, Element element, size_t bytes, const std::string& what);

// T: real, or index, which takes integers alone and throws where one does not fit.
// bytes.size() must be what the shape needs.
template <class T>
Array<T> decode(ByteView bytes, const Shape& shape, Element element, bool big_endian, const std::string& what);

// The bytes of a tensor, little-endian; valid while it is.
template <class T>
ByteView bytes_of(const Array<T>& x) {
  return {reinterpret_cast<const uint8_t*>(x.data()), size_t(x.numel()) * sizeof(T)};
}

}  // namespace bijou
