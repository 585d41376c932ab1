#include "tensor/elements.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace bijou {

static_assert(std::endian::native == std::endian::little);

namespace {

struct Bool {
  uint8_t byte;
  operator uint8_t() const { return byte != 0; }
};

// IEEE half: 1 sign, 5 exponent, 10 fraction bits.
struct Half {
  uint16_t bits;
  operator float() const {
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const float size = exponent == 31 ? (fraction ? NAN : INFINITY)
                       : exponent     ? std::ldexp(float(1024 + fraction), exponent - 25)
                                      : std::ldexp(float(fraction), -24);
    return bits >> 15 ? -size : size;
  }
};

// The upper half of a float.
struct BFloat16 {
  uint16_t bits;
  operator float() const { return std::bit_cast<float>(uint32_t(bits) << 16); }
};

// Calls f with a value of the C++ type of an element.
template <class F>
auto with_type(Element element, F f) {
  switch (element) {
    case Element::kBool: return f(Bool());
    case Element::kI8: return f(int8_t());
    case Element::kU8: return f(uint8_t());
    case Element::kI16: return f(int16_t());
    case Element::kU16: return f(uint16_t());
    case Element::kI32: return f(int32_t());
    case Element::kU32: return f(uint32_t());
    case Element::kI64: return f(int64_t());
    case Element::kU64: return f(uint64_t());
    case Element::kF16: return f(Half());
    case Element::kBF16: return f(BFloat16());
    case Element::kF32: return f(float());
    case Element::kF64: return f(double());
  }
  __builtin_unreachable();
}

template <class From>
constexpr bool is_integer = std::is_integral_v<From> || std::is_same_v<From, Bool>;

template <class From, class To>
void convert(const uint8_t* from, int64_t n, bool big_endian, To* to, const std::string& what) {
  for (int64_t i = 0; i < n; ++i) {
    std::array<uint8_t, sizeof(From)> bytes;
    std::memcpy(bytes.data(), from + i * int64_t(sizeof(From)), sizeof(From));
    if (big_endian) std::reverse(bytes.begin(), bytes.end());
    const From x = std::bit_cast<From>(bytes);
    if constexpr (is_integer<From> && std::is_integral_v<To>) {
      using Number = std::conditional_t<std::is_same_v<From, Bool>, uint8_t, From>;
      check(std::in_range<To>(Number(x)), what, ": element ", i, " is ", Number(x), ", which does not fit 32 bits");
    }
    to[i] = To(x);
  }
}

}  // namespace

int64_t size_of(Element element) {
  return with_type(element, [](auto x) { return int64_t(sizeof x); });
}

Shape checked_shape(std::span<const int64_t> sizes, Element element, size_t bytes, const std::string& what) {
  check(sizes.size() <= Shape::kMaxRank, what, ": ", sizes.size(), " axes, at most ", Shape::kMaxRank, " expected");
  int64_t needed = size_of(element);
  bool fits = true, empty = false;
  for (int64_t n : sizes) {
    check(n >= 0 && n <= std::numeric_limits<int32_t>::max(), what, ": an axis of ", n, " elements");
    if (n) fits = fits && !__builtin_mul_overflow(needed, n, &needed);
    else empty = true;
  }
  const Shape shape(sizes);
  check(fits, what, ": shape ", shape, " is too large");
  if (empty) needed = 0;
  check(bytes == uint64_t(needed), what, ": shape ", shape, " needs ", needed, " bytes, there are ", bytes);
  return shape;
}

template <class T>
Array<T> decode(ByteView bytes, const Shape& shape, Element element, bool big_endian, const std::string& what) {
  return with_type(element, [&](auto x) -> Array<T> {
    using From = decltype(x);
    if constexpr (std::is_integral_v<T> && !is_integer<From>) {
      fail(what, ": holds real numbers, integers expected");
    } else {
      Array<T> out(shape);
      convert<From>(bytes.data(), out.numel(), big_endian, out.mutable_data(), what);
      return out;
    }
  });
}

template Array<real> decode(ByteView, const Shape&, Element, bool, const std::string&);
template Array<index> decode(ByteView, const Shape&, Element, bool, const std::string&);

}  // namespace bijou
