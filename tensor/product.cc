#include "tensor/product.h"

#include <cblas.h>

#include <array>
#include <memory>
#include <numeric>
#include <utility>

namespace bijou::detail {
namespace {

constexpr int64_t kBlockRows = 192;  // kBlockRows x kDepth numbers of the left matrix stay in the second-level cache
constexpr int64_t kBlockColumns = 1024;  // of the right matrix, packed at a time
constexpr int64_t kFurthest = INT32_MAX / std::max(kBlockRows, kDepth);
static_assert(kBlockRows % kPanel == 0 && kBlockColumns % kPanel == 0);

// A matrix in memory: entry (i, k) lies at data[i * down + k * right]. One of the two strides is 1.
struct Matrix {
  const real* data;
  int64_t down, right;

  Matrix(const real* data, int64_t leading, bool transposed)
      : data(data), down(transposed ? 1 : leading), right(transposed ? leading : 1) {}
  Matrix from(int64_t i, int64_t k) const {
    Matrix part = *this;
    part.data += i * down + k * right;
    return part;
  }
  Matrix transposed() const {
    Matrix turned = *this;
    std::swap(turned.down, turned.right);
    return turned;
  }
};

// What a thread keeps from product to product; aligned, since a load that meets two cache lines takes twice as long.
struct Scratch {
  alignas(64) std::array<real, size_t(kDepth* kBlockRows + kOverread)> left;
  alignas(64) std::array<real, size_t(kDepth* kBlockColumns)> right;
  alignas(64) std::array<real, size_t(kBlockRows* kPanel)> panel;
  std::array<real, size_t(kBlockColumns)> zeros{};
  std::array<int32_t, size_t(kBlockRows)> row, to;
  std::array<int32_t, size_t(kDepth)> depth;
  Scratch() { std::iota(to.begin(), to.end(), 0); }
};

// The first depth x columns numbers of b as panels [panels][depth][kPanel].
void pack(const Matrix& b, int64_t depth, int64_t columns, real* panels) {
  if (b.right != 1) return to_panels(b.data, columns, b.right, depth, panels);
  for (int64_t j = 0; j < columns; j += kPanel) {
    const int64_t here = std::min(kPanel, columns - j);
    for (int64_t k = 0; k < depth; ++k, panels += kPanel) {
      if (here < kPanel) std::fill_n(panels, kPanel, real(0));
      copy_row(b.data + k * b.down + j, here, panels);
    }
  }
}

// The first rows x depth numbers of a for the kernel: as lists of where each row and each column is found, counted from
// the address that it returns. With `copies` they are first copied close together, since rows that lie a power of two
// apart compete for the same places in the cache.
const real* lay_out(const Matrix& a, int64_t rows, int64_t depth, bool copies, Scratch& s) {
  int64_t down = a.down, right = a.right, group = rows;  // of rows; the groups lie group * depth numbers apart
  if (copies && a.right == 1) {
    down = depth;
    for (int64_t r = 0; r < rows; ++r) copy_row(a.data + r * a.down, depth, &s.left[size_t(r * depth)]);
  } else if (copies) {
    right = group = kLanes;
    for (int64_t k = 0; k < depth; ++k)
      for (int64_t first = 0; first < rows; first += group)
        copy_row(a.data + k * a.right + first, std::min(group, rows - first),
                 &s.left[size_t(first * depth + k * kLanes)]);
  }
  for (int64_t first = 0; first < rows; first += group)
    for (int64_t r = 0; r < std::min(group, rows - first); ++r)
      s.row[size_t(first + r)] = int32_t(first * depth + r * down);
  for (int64_t k = 0; k < depth; ++k) s.depth[size_t(k)] = int32_t(k * right);
  return copies ? s.left.data() : a.data;
}

// A panel of c that has fewer columns than a panel, or lies in memory transposed: worked out in one that does not.
void odd_panel(PatchProduct p, bool turned, bool adds, real* c, int64_t ldc, Scratch& s) {
  const int64_t rows = int64_t(p.patch.size());
  p.c = s.panel.data(), p.c_row = kPanel;
  if (turned) {
    if (adds) to_panels(c, p.channels, ldc, rows, p.c);
    multiply(p);
    from_panels(p.c, p.channels, ldc, rows, c);
  } else {
    p.start = s.zeros.data();
    multiply(p);
    for (int64_t r = 0; r < rows; ++r) copy_row(p.c + r * kPanel, p.channels, c + r * ldc, adds);
  }
}

// BLAS itself runs on one thread; matmul splits, and so decides when it pays and uses one pool of threads.
const bool one_blas_thread = (openblas_set_num_threads(1), true);

}  // namespace

void blas(const Product& p) {
  const auto op_a = p.transpose_a ? CblasTrans : CblasNoTrans, op_b = p.transpose_b ? CblasTrans : CblasNoTrans;
  const auto gemm = [] {
    if constexpr (std::is_same_v<real, float>) return cblas_sgemm;
    else return cblas_dgemm;
  }();
  gemm(CblasRowMajor, op_a, op_b, int(p.m), int(p.n), int(p.k), p.alpha, p.a, int(p.lda), p.b, int(p.ldb), p.adds, p.c,
       int(p.ldc));
}

// Block by block of op(b), which is packed into panels, each of which fits the first-level cache; under it, block by
// block of the rows of op(a), which stay in the second-level one while the kernel goes from panel to panel.
void multiply(const Product& p) {
  static thread_local const auto kept = std::make_unique<Scratch>();
  Scratch& scratch = *kept;
  Matrix left(p.a, p.lda, p.transpose_a), right(p.b, p.ldb, p.transpose_b);
  int64_t m = p.m, n = p.n;
  const bool turned = p.transpose_b && m <= kPanel && m < n;  // cᵀ = op(b)ᵀ op(a)ᵀ: there is less to transpose
  if (turned) {
    left = std::exchange(right, left.transposed()).transposed();
    std::swap(m, n);
  }
  const int64_t pieces = std::max<int64_t>((p.k + kDepth - 1) / kDepth, 1);  // one, at least, so that c is written
  for (int64_t j = 0; j < n; j += kBlockColumns)
    for (int64_t piece = 0; piece < pieces; ++piece) {
      const int64_t k = p.k * piece / pieces, depth = p.k * (piece + 1) / pieces - k;
      const int64_t columns = std::min(kBlockColumns, n - j), whole = turned ? 0 : columns / kPanel * kPanel;
      const bool adds = p.adds || piece > 0;
      real* v = scratch.right.data();
      pack(right.from(k, j), depth, columns, v);
      if (p.alpha != 1)
        for (int64_t at = 0; at < panels_for(columns) * depth * kPanel; at += kLanes)
          (Lane::load(v + at) * Lane(p.alpha)).store(v + at);
      // Where rows lie side by side, a thin last panel may read beyond them; and offsets must fit into 32 bits.
      const bool copies = columns >= 4 * kPanel || (left.down == 1 && columns % kPanel > 0) ||
                          std::max(left.down, left.right) > kFurthest;
      for (int64_t i = 0; i < m; i += kBlockRows) {
        const int64_t rows = std::min(kBlockRows, m - i);
        PatchProduct block{.x = lay_out(left.from(i, k), rows, depth, copies, scratch),
                           .patch = Offsets(scratch.row).first(size_t(rows)),
                           .tap = Offsets(scratch.depth).first(size_t(depth)),
                           .v = v,
                           .start = adds ? nullptr : scratch.zeros.data(),
                           .c = p.c + i * p.ldc + j,
                           .c_row = p.ldc,
                           .c_panel = kPanel,
                           .to = Offsets(scratch.to).first(size_t(rows)),
                           .channels = whole};
        if (whole) multiply(block);
        for (int64_t column = whole; column < columns; column += kPanel) {
          block.v = v + column * depth;
          block.channels = std::min(kPanel, columns - column);
          const int64_t down = turned ? j + column : i, across = turned ? i : j + column;
          odd_panel(block, turned, adds, p.c + down * p.ldc + across, p.ldc, scratch);
        }
      }
    }
}

}  // namespace bijou::detail
