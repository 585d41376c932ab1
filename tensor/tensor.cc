#include "tensor/tensor.h"

#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

namespace bijou {

std::string to_string(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", x);
  return text;
}

std::string to_string(const Shape& shape) {
  std::string s = "[";
  for (int a = 0; a < shape.rank(); ++a) s += (a ? ", " : "") + std::to_string(shape[a]);
  return s + "]";
}

Shape broadcast(const Shape& a, const Shape& b, const char* op) {
  if (a == b) return a;
  const bool a_longer = a.rank() >= b.rank();
  Shape out = a_longer ? a : b;
  const Shape& other = a_longer ? b : a;
  for (int i = 1; i <= other.rank(); ++i) {
    if (out[-i] == 1) out[-i] = other[-i];
    check(out[-i] == other[-i] || other[-i] == 1, op, ": shapes ", a, " and ", b, " do not broadcast: sizes ", out[-i],
          " and ", other[-i], " differ");
  }
  return out;
}

// ---- Array ----------------------------------------------------------------------------------------------------------

template <class T>
T Array<T>::item() const {
  check(numel() == 1, "item: one element expected, the shape is ", shape_);
  return data_[0];
}

template <class T>
T Array<T>::at(const Shape& position) const {
  check(position.rank() == dim(), "at: position ", position, " in a tensor of shape ", shape_);
  int64_t offset = 0;
  for (int a = 0; a < dim(); ++a) {
    check(position[a] >= 0 && position[a] < size(a), "at: position ", position, " in a tensor of shape ", shape_);
    offset = offset * size(a) + position[a];
  }
  return data_[offset];
}

template <class T>
Array<T> Array<T>::reshape(const Shape& shape) const {
  int open = -1;
  for (int a = 0; a < shape.rank(); ++a)
    if (shape[a] == -1) check(open < 0, "reshape: more than one -1 in ", shape), open = a;
  Shape full = shape;
  if (open >= 0) {
    full[open] = 1;
    const auto known = int64_t(bytes(full) / sizeof(T));
    check(known > 0 && numel() % known == 0, "reshape: ", shape_, " (", numel(), " elements) does not fit ", shape);
    full[open] = numel() / known;
  }
  check(bytes(full) == bytes(shape_), "reshape: ", shape_, " (", numel(), " elements) does not fit ", shape);
  Array view = *this;
  view.shape_ = full;
  return view;
}

template <class T>
Array<T> Array<T>::rows(int64_t first, int64_t last) const {
  check(dim() > 0, "rows: a scalar has none");
  check(0 <= first && first <= last && last <= size(0), "rows: [", first, ", ", last, ") of a tensor of shape ",
        shape_);
  Array view = *this;
  view.data_ += first * shape_.product(1, dim());
  view.shape_[0] = last - first;
  return view;
}

template <class T>
Array<T> Array<T>::row(int64_t i) const {
  Array view = rows(i, i + 1);
  view.shape_ = Shape(std::span(shape_.begin() + 1, shape_.end()));
  return view;
}

template <class T>
Array<T> Array<T>::clone() const {
  Array copy(shape_);
  copy.copy_from(*this);
  return copy;
}

template <class T>
void Array<T>::fill(T value) {
  T* out = mutable_data();
  for (int64_t i = 0, n = numel(); i < n; ++i) out[i] = value;
}

template <class T>
void Array<T>::copy_from(const Array& o) {
  check(shape_ == o.shape_, "copy_from: shapes ", shape_, " and ", o.shape_, " differ");
  if (numel()) std::memmove(mutable_data(), o.data_, size_t(numel()) * sizeof(T));
}

template <class T>
Array<T> Array<T>::from(std::span<const T> values) {
  return from(values, {int64_t(values.size())});
}

template <class T>
Array<T> Array<T>::from(std::span<const T> values, const Shape& shape) {
  check(int64_t(values.size()) == shape.numel(), "from: ", values.size(), " values for the shape ", shape);
  Array out(shape);
  std::copy(values.begin(), values.end(), out.mutable_data());
  return out;
}

template class Array<real>;
template class Array<index>;

// ---- Making tensors -------------------------------------------------------------------------------------------------

Tensor full(const Shape& shape, real value) {
  Tensor x(shape);
  x.fill(value);
  return x;
}
Tensor zeros(const Shape& shape) { return full(shape, 0); }
Tensor ones(const Shape& shape) { return full(shape, 1); }
Tensor zeros_like(const Tensor& x) { return zeros(x.shape()); }
Tensor scalar(real value) { return full({}, value); }
Tensor tensor(std::initializer_list<real> values) { return Tensor::from(values); }

Tensor matrix(std::initializer_list<std::initializer_list<real>> rows) {
  const int64_t columns = rows.size() ? int64_t(rows.begin()->size()) : 0;
  Tensor x({int64_t(rows.size()), columns});
  real* out = x.mutable_data();
  for (const auto& row : rows) {
    check(int64_t(row.size()) == columns, "matrix: rows of ", columns, " and of ", row.size(), " numbers");
    out = std::copy(row.begin(), row.end(), out);
  }
  return x;
}

Tensor arange(int64_t n) {
  Tensor x({n});
  real* out = x.mutable_data();
  for (int64_t i = 0; i < n; ++i) out[i] = real(i);
  return x;
}

Tensor linspace(real first, real last, int64_t n) {
  Tensor x({n});
  real* out = x.mutable_data();
  for (int64_t i = 0; i < n; ++i) out[i] = n == 1 ? first : first + (last - first) * real(i) / real(n - 1);
  return x;
}

Tensor eye(int64_t n) {
  Tensor x = zeros({n, n});
  real* out = x.mutable_data();
  for (int64_t i = 0; i < n; ++i) out[i * n + i] = 1;
  return x;
}

Indices indices(std::initializer_list<index> values) { return Indices::from(values); }

Indices index_range(int64_t n) {
  Indices x({n});
  index* out = x.mutable_data();
  for (int64_t i = 0; i < n; ++i) out[i] = index(i);
  return x;
}

Tensor to_tensor(const Indices& i) {
  Tensor x(i.shape());
  std::copy(i.begin(), i.end(), x.mutable_data());
  return x;
}

// ---- Printing -------------------------------------------------------------------------------------------------------

namespace {

constexpr int64_t kEdge = 3, kPrintAll = 1000;  // NumPy's edgeitems and threshold

// The numbers of one tensor share a notation, and so line up.
struct Style {
  bool scientific = false;
  int decimals = 0;
  size_t width = 0;

  std::string format(double x) const {
    char text[48];
    if (!std::isfinite(x)) std::snprintf(text, sizeof text, "%s", std::isnan(x) ? "nan" : x < 0 ? "-inf" : "inf");
    else std::snprintf(text, sizeof text, scientific ? "%.*e" : "%.*f", decimals, x);
    if (decimals == 0 && std::isfinite(x) && !scientific && integral_point) return std::string(text) + ".";
    return text;
  }
  bool integral_point = false;  // NumPy writes 3. for a real that is whole
};

// Calls visit(value, position) for the elements that are shown: all, or the edges of long axes.
template <class T, class Visit>
void for_shown(const Array<T>& x, bool all, int axis, int64_t offset, Visit visit) {
  if (axis == x.dim()) return visit(x.data()[offset]);
  const int64_t n = x.size(axis), step = x.shape().product(axis + 1, x.dim());
  for (int64_t i = 0; i < n; ++i) {
    if (!all && n > 2 * kEdge && i == kEdge) i = n - kEdge;
    for_shown(x, all, axis + 1, offset + i * step, visit);
  }
}

template <class T>
void print_axis(const Array<T>& x, const Style& style, bool all, int axis, int64_t offset, std::string& out) {
  if (axis == x.dim()) {
    const std::string text = style.format(double(x.data()[offset]));
    out.append(style.width - std::min(style.width, text.size()), ' ');
    out += text;
    return;
  }
  const bool last = axis + 1 == x.dim();
  const int64_t n = x.size(axis), step = x.shape().product(axis + 1, x.dim());
  std::string between = ",";
  if (!last) between.append(size_t(x.dim() - axis - 1), '\n');
  between.append(last ? 1 : size_t(axis) + 1, ' ');
  out += "[";
  for (int64_t i = 0; i < n; ++i) {
    if (i) out += between;
    if (!all && n > 2 * kEdge && i == kEdge) out.append("...").append(between), i = n - kEdge;
    print_axis(x, style, all, axis + 1, offset + i * step, out);
  }
  out += "]";
}

template <class T>
std::string print(const Array<T>& x) {
  const bool all = x.numel() <= kPrintAll;
  Style style;
  double largest = 0, smallest = std::numeric_limits<double>::infinity();
  bool whole = true;
  for_shown(x, all, 0, 0, [&](T value) {
    const double a = std::fabs(double(value));
    if (!std::isfinite(a)) return;
    largest = std::max(largest, a);
    if (a > 0) smallest = std::min(smallest, a);
    whole = whole && a == std::floor(a);
  });
  style.integral_point = std::is_floating_point_v<T>;
  style.scientific = std::is_floating_point_v<T> && largest > 0 &&
                     (largest >= 1e8 || (!whole && (smallest < 1e-4 || largest / smallest > 1e3)));
  if (std::is_floating_point_v<T>) style.decimals = style.scientific ? 4 : whole ? 0 : 4;
  for_shown(x, all, 0, 0, [&](T value) { style.width = std::max(style.width, style.format(double(value)).size()); });
  std::string out;
  print_axis(x, style, all, 0, 0, out);
  return out;
}

}  // namespace

std::string to_string(const Tensor& x) { return print(x); }
std::string to_string(const Indices& x) { return print(x); }

double max_difference(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape()) return std::numeric_limits<double>::infinity();
  double largest = 0;
  for (int64_t i = 0; i < a.numel(); ++i) {
    const double x = a.data()[i], y = b.data()[i];
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;  // the same, infinities included
    const double d = std::fabs(x - y) / std::max({1.0, std::fabs(x), std::fabs(y)});
    if (!(d <= largest)) largest = std::isnan(d) ? std::numeric_limits<double>::infinity() : d;
  }
  return largest;
}

bool all_finite(const Tensor& x) {
  // A sum of x*0 is 0 if and only if every x is finite, and needs no branch.
  real sum = 0;
  for (real value : x) sum += value * 0;
  return sum == 0;
}

}  // namespace bijou
