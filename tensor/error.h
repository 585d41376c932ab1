// Failing well: an exception says what was expected and what came.
//
//   check(a == b, "matmul: ", x.shape(), " x ", y.shape(), ": inner sizes ", a, " and ", b, " differ");
#pragma once

#include <stdexcept>
#include <string>

namespace bijou {

// What every function of bijou throws when it is misused or its input is broken.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A number as a person writes it: 3, 0.25, 1e-06.
std::string to_string(double x);

namespace detail {
inline void append(std::string& s, const std::string& part) { s += part; }
inline void append(std::string& s, const char* part) { s += part; }
inline void append(std::string& s, char part) { s += part; }
template <class T>
void append(std::string& s, const T& part) {
  if constexpr (std::is_integral_v<T>) s += std::to_string(part);
  else s += to_string(part);  // numbers, and whatever of ours has a to_string (Shape, ...)
}
}  // namespace detail

// Throws Error with its arguments written one after the other.
template <class... Parts>
[[noreturn, gnu::noinline, gnu::cold]] void fail(const Parts&... parts) {
  std::string message;
  (detail::append(message, parts), ...);
  throw Error(message);
}

// fail(parts...) unless ok.
template <class... Parts>
inline void check(bool ok, const Parts&... parts) {
  if (!ok) [[unlikely]]
    fail(parts...);
}

}  // namespace bijou
