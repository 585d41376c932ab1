#include "tensor/pool.h"

#include <limits>

#include "tensor/parallel.h"

namespace bijou {
namespace {

constexpr int64_t kParallel = 1 << 15;  // pixels looked at

HW stride_of(const PoolOptions& o) {
  return {o.stride.h == -1 ? o.kernel.h : o.stride.h, o.stride.w == -1 ? o.kernel.w : o.stride.w};
}

int64_t pooled(int64_t in, int64_t kernel, int64_t stride, int64_t padding) {
  check(kernel >= 1, "pool2d: a kernel of ", kernel, "; it must be at least 1");
  check(stride >= 1, "pool2d: a stride of ", stride, "; it must be at least 1");
  check(padding >= 0 && 2 * padding <= kernel, "pool2d: a padding of ", padding, "; at most half of the kernel, ",
        kernel, ", is allowed");
  check(in >= 1 && kernel <= in + 2 * padding, "pool2d: a kernel of ", kernel, " for an input of ", in, " + 2 x ",
        padding, " of padding");
  return (in + 2 * padding - kernel) / stride + 1;
}

// Calls body(plane, k, i0, i1, j0, j1) for window k of every plane, cut to the image; planes are shared out over
// threads.
template <class Body>
void for_each_window(const Shape& x, const Shape& y, const PoolOptions& o, const Body& body) {
  const HW stride = stride_of(o);
  const int64_t work = y[2] * y[3] * o.kernel.h * o.kernel.w;
  parallel_for(y[0] * y[1], kParallel / std::max<int64_t>(work, 1) + 1, [&](int64_t plane, int64_t end) {
    for (; plane < end; ++plane)
      for (int64_t i = 0, k = 0; i < y[2]; ++i) {
        const int64_t top = i * stride.h - o.padding.h;
        const int64_t i0 = std::max<int64_t>(top, 0), i1 = std::min(top + o.kernel.h, x[2]);
        for (int64_t j = 0; j < y[3]; ++j, ++k) {
          const int64_t left = j * stride.w - o.padding.w;
          body(plane, k, i0, i1, std::max<int64_t>(left, 0), std::min(left + o.kernel.w, x[3]));
        }
      }
  });
}

}  // namespace

Shape pool2d_shape(const Shape& x, const PoolOptions& o) {
  check(x.rank() == 4, "pool2d: x [n, c, h, w] expected, not ", x);
  const HW stride = stride_of(o);
  return {x[0], x[1], pooled(x[2], o.kernel.h, stride.h, o.padding.h), pooled(x[3], o.kernel.w, stride.w, o.padding.w)};
}

ValuesAndIndices<Tensor> max_pool2d(const Tensor& x, const PoolOptions& o) {
  const Shape shape = pool2d_shape(x.shape(), o);
  check(x.size(2) * x.size(3) <= std::numeric_limits<index>::max(), "max_pool2d: an image of ", x.shape(),
        " is too large");
  Tensor values(shape);
  Indices places(shape);
  const int64_t w = x.size(3), from_size = x.size(2) * w, to_size = shape[2] * shape[3];
  const real* from = x.data();
  real* value = values.mutable_data();
  index* place = places.mutable_data();
  for_each_window(x.shape(), shape, o, [=](int64_t plane, int64_t k, int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
    const real* image = from + plane * from_size;
    int64_t at = i0 * w + j0;
    real best = image[at];
    for (int64_t i = i0; i < i1; ++i)
      for (int64_t j = j0; j < j1; ++j) {
        const real v = image[i * w + j];
        const bool better = (v > best) | ((v != v) & (best == best));  // no branches: they can't be guessed
        best = better ? v : best;
        at = better ? i * w + j : at;
      }
    value[plane * to_size + k] = best;
    place[plane * to_size + k] = index(at);
  });
  return {values, places};
}

Tensor avg_pool2d(const Tensor& x, const PoolOptions& o) {
  Tensor y(pool2d_shape(x.shape(), o));
  const int64_t w = x.size(3), from_size = x.size(2) * w, to_size = y.size(2) * y.size(3);
  const real share = 1 / real(o.kernel.h * o.kernel.w);
  const real* from = x.data();
  real* to = y.mutable_data();
  for_each_window(x.shape(), y.shape(), o,
                  [=](int64_t plane, int64_t k, int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
                    real sum = 0;
                    for (int64_t i = i0; i < i1; ++i)
                      for (int64_t j = j0; j < j1; ++j) sum += from[plane * from_size + i * w + j];
                    to[plane * to_size + k] = sum * share;
                  });
  return y;
}

Tensor avg_pool2d_input_grad(const Tensor& g, const Shape& x_shape, const PoolOptions& o) {
  const Shape want = pool2d_shape(x_shape, o);
  check(g.shape() == want, "avg_pool2d_input_grad: a gradient of shape ", g.shape(), "; ", want, " expected for x ",
        x_shape);
  Tensor x = zeros(x_shape);
  const int64_t w = x.size(3), from_size = g.size(2) * g.size(3), to_size = x.size(2) * w;
  const real share = 1 / real(o.kernel.h * o.kernel.w);
  const real* from = g.data();
  real* to = x.mutable_data();
  for_each_window(x_shape, want, o, [=](int64_t plane, int64_t k, int64_t i0, int64_t i1, int64_t j0, int64_t j1) {
    const real part = from[plane * from_size + k] * share;
    for (int64_t i = i0; i < i1; ++i)
      for (int64_t j = j0; j < j1; ++j) to[plane * to_size + i * w + j] += part;
  });
  return x;
}

}  // namespace bijou
