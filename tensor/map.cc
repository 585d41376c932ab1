#include "tensor/map.h"

#include <hwy/cache_control.h>

namespace bijou {

namespace {
int thread_count = omp_get_max_threads();
}
int threads() { return thread_count; }
void set_threads(int n) {
  check(n >= 1, "set_threads: at least one thread expected, not ", n);
  thread_count = n;
}

namespace detail {
namespace {

constexpr int kMaxArrays = kMaxInputs + kMaxResults;
constexpr int64_t kStream = 1 << 22;       // bytes above which a result bypasses the cache:
constexpr int64_t kStreamed = 1 << 10;     // it is made in pieces of so many elements
constexpr int64_t kShortRow = 2 * kLanes;  // elements
constexpr int64_t kLongestSum = 1 << 12;   // elements summed in one go: bounds the rounding error of a long sum

// How a result takes what the loop computes.
enum class Put : uint8_t {
  kWrite,  // every element is visited once
  kAdd,    // revisited by outer loops: added to what is there
  kSum,    // stands still along the innermost loop: summed in registers, then added
  kSkip    // nobody wants it
};

// One pass along the innermost loop.
struct Run {
  int64_t n;
  int inputs, results;
  const real* in[kMaxInputs];
  bool still[kMaxInputs];  // the input is one number, the same all along the run
  real* out[kMaxResults];
  Put put[kMaxResults];
};

// What is still or summed lies in registers' worth of memory beside the run, and so does the odd tail, less than a
// register, which passes through the same loop.
void run_loop(Loop loop, const void* formula, const Run& run) {
  constexpr int64_t kSums = 4;  // a sum goes round in several registers, as one would wait for every addition to end
  alignas(64) real still[kMaxInputs][kLanes], tail_in[kMaxInputs][kLanes];
  alignas(64) real sums[kMaxResults][kSums * kLanes], tail_out[kMaxResults][kLanes];
  Walk walk;
  for (int i = 0; i < run.inputs; ++i) {
    if (run.still[i]) Lane(*run.in[i]).store(still[i]);
    walk.in[i] = run.still[i] ? still[i] : run.in[i];
    walk.in_moves[i] = run.still[i] ? 0 : -1;
  }
  for (int j = 0; j < run.results; ++j) {
    const bool lies = run.put[j] == Put::kWrite || run.put[j] == Put::kAdd;
    walk.out[j] = lies ? run.out[j] : sums[j];  // (what is skipped goes there too)
    walk.out_moves[j] = lies ? -1 : (kSums - 1) * kLanes;
    walk.adds[j] = run.put[j] == Put::kAdd || run.put[j] == Put::kSum;
    if (!lies) std::fill_n(sums[j], kSums * kLanes, real(0));
  }
  const int64_t whole = run.n / kLanes * kLanes;
  if (whole) loop(formula, walk, 0, whole);
  const Mask tail = first_lanes(run.n - whole);
  if (whole < run.n) {
    for (int i = 0; i < run.inputs; ++i) {
      if (run.still[i]) continue;
      Lane::load(run.in[i] + whole, tail).store(tail_in[i]);
      walk.in[i] = tail_in[i], walk.in_moves[i] = 0;
    }
    for (int j = 0; j < run.results; ++j) walk.out[j] = tail_out[j], walk.out_moves[j] = 0, walk.adds[j] = false;
    loop(formula, walk, 0, 1);
  }
  for (int j = 0; j < run.results; ++j) {
    if (run.put[j] == Put::kSum) {
      Lane total = whole < run.n ? where(tail, Lane::load(tail_out[j]), 0) : Lane(0);
      for (int64_t s = 0; s < kSums; ++s) total += Lane::load(sums[j] + s * kLanes);
      *run.out[j] += sum_lanes(total);
    } else if (whole < run.n && run.put[j] != Put::kSkip) {
      real* rest = run.out[j] + whole;
      const Lane y = Lane::load(tail_out[j]);
      (run.put[j] == Put::kAdd ? Lane::load(rest, tail) + y : y).store(rest, tail);
    }
  }
}

// The loop nest that all arrays of one map share, innermost first. Axes along which every array walks on evenly
// (or stands still) are merged, so most maps have one or two loops.
struct Nest {
  int loops = 0;
  int64_t size[Shape::kMaxRank];
  int64_t stride[kMaxArrays][Shape::kMaxRank];  // in elements; 0 where the array stands still

  Nest(const Shape& space, std::span<const Shape* const> arrays) {
    int64_t natural[kMaxArrays];  // the stride of the array's next axis
    for (size_t k = 0; k < arrays.size(); ++k) natural[k] = 1;
    for (int axis = 1; axis <= space.rank(); ++axis) {
      const int64_t n = space[-axis];
      if (n == 1) continue;
      bool merge = loops > 0;
      for (size_t k = 0; k < arrays.size(); ++k) {
        const int64_t own = axis <= arrays[k]->rank() ? (*arrays[k])[-axis] : 1;
        int64_t& s = stride[k][loops];
        s = own == 1 ? 0 : natural[k];
        natural[k] *= own;
        merge = merge && s == stride[k][loops - 1] * size[loops - 1];
      }
      if (merge) size[loops - 1] *= n;
      else size[loops++] = n;
    }
    if (loops == 0) {  // a single element
      loops = 1;
      size[0] = 1;
      for (size_t k = 0; k < arrays.size(); ++k) stride[k][0] = 0;
    }
  }
};

// Part of the nest: loop `split` is cut to [first, last), the others are whole.
struct Piece {
  int split;
  int64_t first, last;
};

// Where a walk through a piece stands: in each loop at[l] of first[l] .. last[l].
struct Place {
  const Nest& nest;
  int64_t first[Shape::kMaxRank], last[Shape::kMaxRank], at[Shape::kMaxRank];

  Place(const Nest& n, Piece piece) : nest(n) {
    for (int l = 0; l < nest.loops; ++l) {
      first[l] = at[l] = l == piece.split ? piece.first : 0;
      last[l] = l == piece.split ? piece.last : nest.size[l];
    }
  }
  int64_t offset(int array) const {
    int64_t offset = 0;
    for (int l = 0; l < nest.loops; ++l) offset += at[l] * nest.stride[array][l];
    return offset;
  }
  bool advance(int l) {  // an odometer over loop l and those outside of it; false at the end
    while (l < nest.loops && ++at[l] == last[l]) at[l] = first[l], ++l;
    return l < nest.loops;
  }
};

void run_piece(Loop loop, const void* formula, const Nest& nest, int inputs, int results, const real* const* in,
               real* const* out, const Put* put, bool stream, Piece piece) {
  if (piece.first >= piece.last) return;
  Place place(nest, piece);
  const int64_t first = place.first[0], last = place.last[0];
  bool sums = false;
  for (int j = 0; j < results; ++j) sums = sums || put[j] == Put::kSum;
  const int64_t longest = sums ? kLongestSum : stream ? kStreamed : last - first;
  alignas(64) real streamed[kStreamed];
  Run run;
  run.inputs = inputs, run.results = results;
  std::copy_n(put, results, run.put);
  for (int i = 0; i < inputs; ++i) run.still[i] = nest.stride[i][0] == 0;
  do {
    for (int64_t& k = place.at[0] = first; k < last; k += longest) {
      run.n = std::min(longest, last - k);
      for (int i = 0; i < inputs; ++i) run.in[i] = in[i] + place.offset(i);
      for (int j = 0; j < results; ++j) run.out[j] = out[j] + place.offset(inputs + j);
      if (!stream) {
        run_loop(loop, formula, run);
        continue;
      }
      real* to = std::exchange(run.out[0], streamed);
      run_loop(loop, formula, run);
      int64_t e = 0;
      for (; e + kLanes <= run.n; e += kLanes) hn::Stream(Lane::load(streamed + e).v, kLane, to + e);
      std::copy_n(streamed + e, run.n - e, to + e);
    }
  } while (place.advance(1));
  if (stream) hwy::FlushStream();
}

// The same for rows (the innermost loop) of less than a few registers: the formula runs over many rows at once, laid
// side by side. An array that does not lie so already passes through a block of memory of its own.
void run_short_rows(Loop loop, const void* formula, const Nest& nest, int inputs, int results, const real* const* in,
                    real* const* out, const Put* put, Piece piece) {
  constexpr int64_t kBlock = 512;
  static_assert(kBlock >= kShortRow);
  alignas(64) real block[kMaxArrays][kBlock];
  const int64_t n = nest.size[0];
  if (piece.first >= piece.last) return;
  Place place(nest, piece);
  const int64_t last = place.last[1];
  Run run;
  run.inputs = inputs, run.results = results;
  do {
    place.at[1] = place.first[1];
    for (int64_t rows; place.at[1] < last; place.at[1] += rows) {
      rows = std::min(kBlock / n, last - place.at[1]);
      run.n = rows * n;
      int64_t offset[kMaxArrays];
      bool moved[kMaxArrays];
      for (int k = 0; k < inputs + results; ++k) {
        const int64_t along = nest.stride[k][0], down = nest.stride[k][1];
        const bool still = along == 0 && down == 0;
        moved[k] = !still && !(along == 1 && down == n);
        offset[k] = place.offset(k);
        if (k >= inputs) {
          const int j = k - inputs;
          moved[k] = moved[k] && put[j] != Put::kSkip;
          run.out[j] = moved[k] ? block[k] : out[j] + offset[k];
          run.put[j] = moved[k] ? Put::kWrite : put[j];
          continue;
        }
        run.still[k] = still;
        run.in[k] = moved[k] ? block[k] : in[k] + offset[k];
        if (!moved[k]) continue;
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t e = 0; e < n; ++e) block[k][r * n + e] = in[k][offset[k] + r * down + e * along];
      }
      run_loop(loop, formula, run);
      for (int j = 0, k = inputs; j < results; ++j, ++k) {
        if (!moved[k]) continue;  // what does not lie as the space does is summed into
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t e = 0; e < n; ++e)
            out[j][offset[k] + r * nest.stride[k][1] + e * nest.stride[k][0]] += block[k][r * n + e];
      }
    }
  } while (place.advance(2));
}

// The long way: broadcasts, sums, several threads.
HWY_NOINLINE void evaluate_nest(Loop loop, const void* formula, const Shape& space,
                                std::span<const Tensor* const> inputs, std::span<Tensor* const> results) {
  const int64_t total = space.numel();
  if (total == 0) return;
  const int ni = int(inputs.size()), no = int(results.size());
  const real* in[kMaxInputs];
  real* out[kMaxResults];
  const Shape* shapes[kMaxArrays];
  static real nowhere;  // what a skipped result points to
  for (int i = 0; i < ni; ++i) in[i] = inputs[i]->data(), shapes[i] = &inputs[i]->shape();
  for (int j = 0; j < no; ++j) {
    out[j] = results[j] ? results[j]->mutable_data() : &nowhere;
    shapes[ni + j] = results[j] ? &results[j]->shape() : &space;
  }
  Put put[kMaxResults];

  const Nest nest(space, {shapes, size_t(ni + no)});
  for (int j = 0; j < no; ++j) {
    const int64_t* stride = nest.stride[ni + j];
    put[j] = Put::kWrite;
    if (std::count(stride, stride + nest.loops, 0)) put[j] = Put::kAdd;
    if (stride[0] == 0) put[j] = Put::kSum;
    if (total == 1) put[j] = Put::kWrite;
    if (!results[j]) put[j] = Put::kSkip;
  }

  // Cut the work. A cut along a loop where every result moves needs no care. Where a result stands still each piece
  // sums into a copy of its own and the copies are added up in order; their number depends on the size alone, so that
  // the result does not depend on the number of threads.
  auto shared = [&](int j, int l) { return put[j] != Put::kSkip && nest.stride[ni + j][l] == 0; };
  int split = 0, pieces = 1;
  bool copies = false;
  if (total >= kParallel) {
    const int many = int(std::min<int64_t>(total / kParallel + 1, 32));
    for (int l = nest.loops - 1; l >= 0; --l) {
      bool any_shared = false;
      for (int j = 0; j < no; ++j) any_shared = any_shared || shared(j, l);
      const int64_t least = any_shared ? many : 4;  // not threads(): the choice decides how sums are grouped
      if (nest.size[l] < least * (l == 0 ? 256 : 1) || (pieces > 1 && any_shared)) continue;
      split = l, pieces = any_shared ? many : threads(), copies = any_shared;
      if (!any_shared) break;
    }
  }
  Tensor partial[kMaxResults];
  real* base[kMaxResults];
  int64_t step[kMaxResults] = {};
  for (int j = 0; j < no; ++j) {
    base[j] = out[j];
    if (!copies || !shared(j, split)) continue;
    step[j] = results[j]->numel();
    partial[j] = zeros({pieces, step[j]});
    base[j] = partial[j].mutable_data();
  }
  const bool stream = total * int64_t(sizeof(real)) >= kStream && nest.loops == 1 && no == 1 && put[0] == Put::kWrite;
  const bool short_rows = nest.loops > 1 && nest.size[0] < kShortRow;
  const int64_t cut = split == 0 ? 64 : 1;  // keeps pieces of the innermost loop aligned
  const int64_t units = (nest.size[split] + cut - 1) / cut;
  parallel_for(pieces, total >= kParallel ? 1 : pieces, [&](int64_t first, int64_t last) {
    for (int64_t p = first; p < last; ++p) {
      real* own[kMaxResults];
      for (int j = 0; j < no; ++j) own[j] = base[j] + p * step[j];
      const Piece piece{split, units * p / pieces * cut, std::min(units * (p + 1) / pieces * cut, nest.size[split])};
      if (short_rows) run_short_rows(loop, formula, nest, ni, no, in, own, put, piece);
      else run_piece(loop, formula, nest, ni, no, in, own, put, stream, piece);
    }
  });
  for (int j = 0; j < no; ++j)
    for (int64_t p = 0; step[j] && p < pieces; ++p)
      for (int64_t e = 0; e < step[j]; ++e) out[j][e] += base[j][p * step[j] + e];
}

}  // namespace

Shape summed_from(Shape shape, int first_axis) {
  check(first_axis >= 0 && first_axis <= shape.rank(), "map_sum: no axis ", first_axis, " in shape ", shape);
  for (int a = first_axis; a < shape.rank(); ++a) shape[a] = 1;
  return shape;
}

void evaluate(Loop loop, const void* formula, const Shape& space, std::span<const Tensor* const> inputs,
              std::span<Tensor* const> results) {
  // The short way, for the many small tensors: nothing broadcast, nothing summed. A tensor's memory is padded to whole
  // registers (memory.h), so the tail needs no care.
  const int64_t n = space.numel();
  bool plain = n < kParallel;
  for (const Tensor* x : inputs) plain = plain && x->shape() == space;
  for (const Tensor* y : results) plain = plain && (!y || y->shape() == space);
  if (!plain) return evaluate_nest(loop, formula, space, inputs, results);
  alignas(64) real nowhere[kLanes];
  Walk walk;
  for (size_t i = 0; i < inputs.size(); ++i) walk.in[i] = inputs[i]->data(), walk.in_moves[i] = -1;
  for (size_t j = 0; j < results.size(); ++j) {
    walk.out[j] = results[j] ? results[j]->mutable_data() : nowhere;
    walk.out_moves[j] = results[j] ? -1 : 0;
    walk.adds[j] = false;
  }
  loop(formula, walk, 0, n);
}

}  // namespace detail
}  // namespace bijou
