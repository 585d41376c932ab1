// Shapes, broadcasting, the Tensor handle, its printing, and the allocator beneath.
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tensor/memory.h"
#include "tensor/tensor.h"
#include "tests/support.h"

namespace bijou {
namespace {

using testing::expect_close;
using testing::expect_error;

constexpr real kInf = std::numeric_limits<real>::infinity(), kNan = std::numeric_limits<real>::quiet_NaN();

std::vector<real> values(const Tensor& x) { return {x.begin(), x.end()}; }

// ---- Shape ----------------------------------------------------------------------------------------------------------

TEST(Shape, CountsItsElements) {
  EXPECT_EQ(Shape({}).numel(), 1);
  EXPECT_EQ(Shape({7}).numel(), 7);
  EXPECT_EQ(Shape({2, 3, 5}).numel(), 30);
  EXPECT_EQ(Shape({2, 0, 5}).numel(), 0);
  EXPECT_EQ(Shape({2, 3, 5, 7}).product(1, 3), 15);
  EXPECT_EQ(Shape({2, 3, 5, 7}).product(2, 2), 1);
  EXPECT_EQ(Shape({1 << 20, 1 << 20}).numel(), int64_t(1) << 40);
}

TEST(Shape, CountsNegativeAxesFromTheEnd) {
  const Shape shape{2, 3, 5};
  EXPECT_EQ(shape[-1], 5);
  EXPECT_EQ(shape[-3], 2);
  EXPECT_EQ(shape.at(-2), 1);
  EXPECT_EQ(shape.at(2), 2);
}

TEST(Shape, RefusesAnAxisThatItHasNot) {
  expect_error([] { return Shape({2, 3}).at(2); }, "axis 2 is out of range for shape [2, 3]");
  expect_error([] { return Shape({2, 3}).at(2, "sum"); }, "sum: axis 2 is out of range for shape [2, 3]");
  expect_error([] { return Shape({2, 3})[-3]; }, "axis -3 is out of range for shape [2, 3]");
  expect_error([] { return Shape({})[0]; }, "axis 0 is out of range for shape []");
}

TEST(Shape, RefusesMoreAxesOrElementsThanItHolds) {
  Shape shape;
  while (shape.rank() < Shape::kMaxRank) shape.push_back(2);
  expect_error([&] { shape.push_back(2); }, "a shape has at most " + std::to_string(Shape::kMaxRank) + " axes");
  expect_error([] { return Shape{int64_t(1) << 40}; }, "an axis of 1099511627776 elements is too long");
}

TEST(Shape, IsEqualWhenRankAndSizesAre) {
  EXPECT_EQ(Shape({2, 3}), Shape({2, 3}));
  EXPECT_NE(Shape({2, 3}), Shape({3, 2}));
  EXPECT_NE(Shape({2, 3}), Shape({2, 3, 1}));
  EXPECT_NE(Shape({2}), Shape({2, 0}));
  EXPECT_EQ(Shape(), Shape({}));
}

TEST(Shape, IsWrittenInBrackets) {
  EXPECT_EQ(to_string(Shape({})), "[]");
  EXPECT_EQ(to_string(Shape({4})), "[4]");
  EXPECT_EQ(to_string(Shape({32, 64})), "[32, 64]");
}

// ---- Broadcasting ---------------------------------------------------------------------------------------------------

TEST(Broadcast, AlignsAxesAtTheRight) {
  EXPECT_EQ(broadcast({3, 1}, {1, 4}), Shape({3, 4}));
  EXPECT_EQ(broadcast({4}, {2, 3, 4}), Shape({2, 3, 4}));
  EXPECT_EQ(broadcast({5, 1, 4}, {3, 1}), Shape({5, 3, 4}));
  EXPECT_EQ(broadcast({}, {2, 3}), Shape({2, 3}));
  EXPECT_EQ(broadcast({}, {}), Shape({}));
}

TEST(Broadcast, StretchesOneToNothing) {
  EXPECT_EQ(broadcast({1}, {0}), Shape({0}));
  EXPECT_EQ(broadcast({2, 0}, {2, 1}), Shape({2, 0}));
  expect_error([] { return broadcast({2}, {0}); }, "do not broadcast");
}

TEST(Broadcast, NamesTheOperationAndBothShapes) {
  expect_error([] { return broadcast({2, 3}, {4}, "add"); }, "add: shapes [2, 3] and [4] do not broadcast");
  expect_error([] { return broadcast({2, 3}, {3, 3}); }, "sizes 2 and 3 differ");
}

// Every pair of shapes of up to three axes of sizes 0 to 3, against the rule's words: missing axes are 1, sizes are
// equal or one of them is 1, and then the result has the other.
TEST(Broadcast, FollowsTheRuleForAllSmallShapes) {
  std::vector<Shape> shapes = {{}};
  for (size_t i = 0; i < shapes.size(); ++i) {
    const Shape shape = shapes[i];
    for (int64_t size = 0; shape.rank() < 3 && size <= 3; ++size) {
      shapes.push_back(shape);
      shapes.back().push_back(size);
    }
  }
  ASSERT_EQ(shapes.size(), 1u + 4 + 16 + 64);
  for (const Shape& a : shapes)
    for (const Shape& b : shapes) {
      const int rank = std::max(a.rank(), b.rank());
      Shape want;
      bool fits = true;
      for (int axis = -rank; axis < 0; ++axis) {
        const int64_t m = -axis <= a.rank() ? a[axis] : 1, n = -axis <= b.rank() ? b[axis] : 1;
        fits = fits && (m == n || m == 1 || n == 1);
        want.push_back(m == 1 ? n : m);
      }
      if (fits) EXPECT_EQ(broadcast(a, b), want) << to_string(a) << " with " << to_string(b);
      else EXPECT_THROW(broadcast(a, b), Error) << to_string(a) << " with " << to_string(b);
    }
}

// ---- Tensor ---------------------------------------------------------------------------------------------------------

TEST(Tensor, IsMadeInManyWays) {
  EXPECT_EQ(values(tensor({1, -2, 3})), (std::vector<real>{1, -2, 3}));
  const Tensor rows = matrix({{1, 2, 3}, {4, 5, 6}});
  EXPECT_EQ(rows.shape(), Shape({2, 3}));
  EXPECT_EQ(values(rows), (std::vector<real>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(values(zeros({2, 2})), std::vector<real>(4, 0));
  EXPECT_EQ(values(ones({3})), std::vector<real>(3, 1));
  EXPECT_EQ(values(full({2, 1}, real(0.5))), std::vector<real>(2, real(0.5)));
  EXPECT_EQ(values(arange(4)), (std::vector<real>{0, 1, 2, 3}));
  EXPECT_EQ(values(eye(3)), (std::vector<real>{1, 0, 0, 0, 1, 0, 0, 0, 1}));
  EXPECT_EQ(zeros_like(rows).shape(), rows.shape());
  EXPECT_EQ(scalar(7).shape(), Shape({}));
  EXPECT_EQ(scalar(7).item(), 7);
  EXPECT_EQ(values(to_tensor(indices({3, 1, 2}))), (std::vector<real>{3, 1, 2}));
  EXPECT_EQ(values(to_tensor(index_range(3))), values(arange(3)));
}

TEST(Tensor, LinspaceHasBothEndsAndEqualSteps) {
  const Tensor x = linspace(-1, 2, 7);
  EXPECT_EQ(x.at({0}), -1);
  EXPECT_EQ(x.at({6}), 2);
  expect_close(x, tensor({-1, -0.5, 0, 0.5, 1, 1.5, 2}));
  EXPECT_EQ(values(linspace(3, 5, 1)), std::vector<real>{3});
  EXPECT_EQ(linspace(3, 5, 0).numel(), 0);
}

TEST(Tensor, RefusesShapesThatCannotBe) {
  expect_error([] { return zeros({2, -1}); }, "cannot have the shape [2, -1]");
  expect_error([] { return matrix({{1, 2}, {3}}); }, "rows of 2 and of 1 numbers");
  expect_error([] { return Tensor::from(std::vector<real>{1, 2, 3}, {2, 2}); }, "3 values for the shape [2, 2]");
}

TEST(Tensor, MayBeEmpty) {
  EXPECT_EQ(Tensor().shape(), Shape({0}));
  EXPECT_EQ(Tensor().begin(), Tensor().end());
  EXPECT_EQ(zeros({3, 0, 2}).numel(), 0);
  EXPECT_EQ(zeros({3, 0, 2}).clone().shape(), Shape({3, 0, 2}));
  EXPECT_EQ(eye(0).shape(), Shape({0, 0}));
  EXPECT_EQ(zeros({0, 4}).reshape({2, 0}).shape(), Shape({2, 0}));
}

TEST(Tensor, SharesItsNumbersWhenCopied) {
  Tensor a = tensor({1, 2, 3});
  EXPECT_FALSE(a.is_shared());
  const Tensor b = a;
  EXPECT_TRUE(a.is_shared());
  a.mutable_data()[1] = 9;
  EXPECT_EQ(b.at({1}), 9);
}

TEST(Tensor, CloneSharesNothing) {
  Tensor a = tensor({1, 2, 3});
  const Tensor b = a.clone();
  a.fill(7);
  EXPECT_EQ(values(b), (std::vector<real>{1, 2, 3}));
  EXPECT_FALSE(b.is_shared());
}

TEST(Tensor, OutlivesTheHandleItWasCopiedFrom) {
  Tensor view;
  {
    const Tensor x = matrix({{1, 2}, {3, 4}});
    view = x.row(1);
  }
  EXPECT_EQ(values(view), (std::vector<real>{3, 4}));
  EXPECT_FALSE(view.is_shared());
}

TEST(Tensor, SurvivesAssignmentToItself) {
  Tensor x = tensor({1, 2, 3});
  const Tensor& same = x;
  x = same;
  EXPECT_EQ(values(x), (std::vector<real>{1, 2, 3}));
  x = x.rows(1, 3);
  EXPECT_EQ(values(x), (std::vector<real>{2, 3}));
}

TEST(Tensor, MovesWithoutSharing) {
  Tensor a = tensor({1, 2});
  const real* data = a.data();
  const Tensor b = std::move(a);
  EXPECT_EQ(b.data(), data);
  EXPECT_FALSE(b.is_shared());
}

TEST(Tensor, ReshapesWithoutCopying) {
  const Tensor x = arange(24);
  const Tensor y = x.reshape({2, -1, 3});
  EXPECT_EQ(y.shape(), Shape({2, 4, 3}));
  EXPECT_EQ(y.data(), x.data());
  EXPECT_EQ(y.at({1, 2, 1}), 1 * 12 + 2 * 3 + 1);
  EXPECT_EQ(y.flatten().shape(), Shape({24}));
  EXPECT_EQ(scalar(1).reshape({1, 1}).shape(), Shape({1, 1}));
}

TEST(Tensor, RefusesToReshapeToAnotherNumberOfElements) {
  expect_error([] { return arange(6).reshape({4, 2}); }, "reshape: [6] (6 elements) does not fit [4, 2]");
  expect_error([] { return arange(6).reshape({4, -1}); }, "does not fit [4, -1]");
  expect_error([] { return arange(6).reshape({-1, -1}); }, "more than one -1 in [-1, -1]");
  expect_error([] { return zeros({0}).reshape({0, -1}); }, "does not fit [0, -1]");
  expect_error([] { return arange(6).reshape({-2, -3}); }, "cannot have the shape [-2, -3]");
  expect_error([] { return zeros({0}).reshape({1 << 21, 1 << 21, 1 << 22}); }, "cannot have the shape");  // 2^64
}

TEST(Tensor, TakesRowsAsViews) {
  Tensor x = arange(12).reshape({4, 3});
  const Tensor middle = x.rows(1, 3), last = x.row(3);
  EXPECT_EQ(middle.shape(), Shape({2, 3}));
  EXPECT_EQ(last.shape(), Shape({3}));
  EXPECT_EQ(values(last), (std::vector<real>{9, 10, 11}));
  x.mutable_data()[3] = -1;
  EXPECT_EQ(middle.at({0, 0}), -1);
  EXPECT_EQ(x.rows(2, 2).shape(), Shape({0, 3}));
  EXPECT_EQ(arange(3).row(1).item(), 1);
}

TEST(Tensor, RefusesRowsThatItHasNot) {
  const Tensor x = zeros({4, 3});
  expect_error([&] { return x.rows(1, 5); }, "[1, 5) of a tensor of shape [4, 3]");
  expect_error([&] { return x.rows(3, 2); }, "[3, 2)");
  expect_error([&] { return x.row(-1); }, "[-1, 0)");
  expect_error([] { return scalar(1).rows(0, 1); }, "a scalar has none");
}

TEST(Tensor, ReadsOneNumberWithBoundsChecked) {
  const Tensor x = arange(6).reshape({2, 3});
  EXPECT_EQ(x.at({1, 2}), 5);
  expect_error([&] { return x.at({0, 3}); }, "position [0, 3] in a tensor of shape [2, 3]");
  expect_error([&] { return x.at({-1, 0}); }, "position [-1, 0]");
  expect_error([&] { return x.at({1}); }, "position [1]");
  expect_error([&] { return x.item(); }, "one element expected, the shape is [2, 3]");
}

TEST(Tensor, CopiesIntoSharedNumbers) {
  Tensor x = zeros({2, 2});
  const Tensor view = x.row(1);
  x.copy_from(matrix({{1, 2}, {3, 4}}));
  EXPECT_EQ(values(view), (std::vector<real>{3, 4}));
  x.copy_from(x);
  EXPECT_EQ(values(view), (std::vector<real>{3, 4}));
  expect_error([&] { x.copy_from(zeros({4})); }, "shapes [2, 2] and [4] differ");
}

TEST(Tensor, CountsEveryOpeningForWriting) {
  Tensor x = zeros({4});
  const Tensor view = x.rows(0, 2);
  const uint32_t before = view.version();
  x.mutable_data()[0] = 1;
  EXPECT_EQ(view.version(), before + 1);
  x.fill(2);
  EXPECT_GT(view.version(), before + 1);
  const uint32_t after = x.version();
  EXPECT_EQ(x.data()[0], 2);  // reading is free
  EXPECT_EQ(x.clone().numel(), 4);
  EXPECT_EQ(x.version(), after);
}

TEST(Tensor, BeginsAtA64ByteBoundary) {
  for (int64_t n : {0, 1, 3, 16, 17, 1000, 100003})
    EXPECT_EQ(reinterpret_cast<uintptr_t>(zeros({n}).data()) % 64, 0u) << n << " elements";
}

TEST(Tensor, DifferenceIsRelativeToLargeNumbersAndAbsoluteForSmall) {
  EXPECT_EQ(max_difference(tensor({1, 2}), tensor({1, 2})), 0);
  EXPECT_NEAR(max_difference(tensor({0, 100}), tensor({0, 101})), 1 / 101.0, 1e-7);
  EXPECT_NEAR(max_difference(tensor({0.25, 0}), tensor({0, 0})), 0.25, 1e-12);
}

TEST(Tensor, DifferenceIsInfiniteWhereOnlyOneIsNotANumber) {
  EXPECT_EQ(max_difference(tensor({kNan, kInf, -kInf}), tensor({kNan, kInf, -kInf})), 0);
  EXPECT_EQ(max_difference(tensor({kNan, 1}), tensor({1, 1})), kInf);
  EXPECT_EQ(max_difference(tensor({1, kNan}), tensor({1, 5})), kInf);
  EXPECT_EQ(max_difference(tensor({kInf}), tensor({1})), kInf);
  EXPECT_EQ(max_difference(tensor({kInf}), tensor({-kInf})), kInf);
  EXPECT_EQ(max_difference(zeros({2}), zeros({1, 2})), kInf);
}

TEST(Tensor, KnowsWhetherAllIsFinite) {
  EXPECT_TRUE(all_finite(tensor({0, -1, std::numeric_limits<real>::max()})));
  EXPECT_TRUE(all_finite(Tensor()));
  Tensor x = zeros({1000});
  for (int64_t at : {0, 499, 999})
    for (real bad : {kNan, kInf, -kInf}) {
      x.fill(1);
      x.mutable_data()[at] = bad;
      EXPECT_FALSE(all_finite(x)) << bad << " at " << at;
    }
}

// ---- Printing: the texts that NumPy and PyTorch print ---------------------------------------------------------------

TEST(Printing, WritesWholeNumbersWithAPoint) {
  EXPECT_EQ(to_string(tensor({1, 2, 3})), "[1., 2., 3.]");
  EXPECT_EQ(to_string(tensor({1, -20, 300})), "[  1., -20., 300.]");
  EXPECT_EQ(to_string(scalar(3)), "3.");
  EXPECT_EQ(to_string(indices({1, -20, 300})), "[  1, -20, 300]");
}

TEST(Printing, GivesRealsFourDecimals) {
  EXPECT_EQ(to_string(tensor({0.5, -1.25})), "[ 0.5000, -1.2500]");
  EXPECT_EQ(to_string(tensor({0.001, 1})), "[0.0010, 1.0000]");
  EXPECT_EQ(to_string(scalar(real(0.1))), "0.1000");
}

TEST(Printing, TurnsScientificWhereFourDecimalsWouldLoseTheNumbers) {
  EXPECT_EQ(to_string(tensor({real(1e-5), 1})), "[1.0000e-05, 1.0000e+00]");
  EXPECT_EQ(to_string(tensor({1e9, 1})), "[1.0000e+09, 1.0000e+00]");
  EXPECT_EQ(to_string(tensor({123456.5, 0.25})), "[1.2346e+05, 2.5000e-01]");
}

TEST(Printing, AlignsInfinityAndNan) {
  EXPECT_EQ(to_string(tensor({kInf, 1, kNan})), "[inf,  1., nan]");
  EXPECT_EQ(to_string(tensor({-kInf, 1.5, kNan})), "[  -inf, 1.5000,    nan]");
}

TEST(Printing, PutsRowsUnderEachOtherAndABlankLineBetweenMatrices) {
  EXPECT_EQ(to_string(matrix({{1, 2.5}, {-3, 4}})),
            "[[ 1.0000,  2.5000],\n"
            " [-3.0000,  4.0000]]");
  EXPECT_EQ(to_string(arange(8).reshape({2, 2, 2})),
            "[[[0., 1.],\n"
            "  [2., 3.]],\n"
            "\n"
            " [[4., 5.],\n"
            "  [6., 7.]]]");
}

TEST(Printing, ShortensWhatIsLong) {
  EXPECT_EQ(to_string(arange(1000)).find("..."), std::string::npos);
  EXPECT_EQ(to_string(arange(1001)), "[   0.,    1.,    2., ...,  998.,  999., 1000.]");
  EXPECT_EQ(to_string(zeros({40, 40})),
            "[[0., 0., 0., ..., 0., 0., 0.],\n"
            " [0., 0., 0., ..., 0., 0., 0.],\n"
            " [0., 0., 0., ..., 0., 0., 0.],\n"
            " ...,\n"
            " [0., 0., 0., ..., 0., 0., 0.],\n"
            " [0., 0., 0., ..., 0., 0., 0.],\n"
            " [0., 0., 0., ..., 0., 0., 0.]]");
}

TEST(Printing, ShowsNothingAsEmptyBrackets) {
  EXPECT_EQ(to_string(Tensor()), "[]");
  EXPECT_EQ(to_string(zeros({0, 3})), "[]");
}

// ---- Memory ---------------------------------------------------------------------------------------------------------

TEST(Memory, CountsWhatIsAliveAndLosesLittleToRounding) {
  for (size_t n : {1, 64, 65, 1000, 4097, 1000000, 12345678}) {
    const size_t before = memory_stats().current;
    Storage* storage = allocate_storage(n);
    const size_t taken = memory_stats().current - before;
    EXPECT_GE(taken, n);
    EXPECT_LE(taken, n + n / 8 + 64) << n << " bytes";
    release_storage(storage);
    EXPECT_EQ(memory_stats().current, before);
  }
}

TEST(Memory, RemembersThePeak) {
  reset_peak_memory();
  const size_t before = memory_stats().current;
  EXPECT_EQ(memory_stats().peak, before);
  { const Tensor big = zeros({1 << 20}); }
  const size_t peak = memory_stats().peak;
  EXPECT_GE(peak, before + (size_t(1) << 20) * sizeof(real));
  { const Tensor small = zeros({16}); }
  EXPECT_EQ(memory_stats().peak, peak);
  EXPECT_EQ(memory_stats().current, before);
  reset_peak_memory();
  EXPECT_EQ(memory_stats().peak, before);
}

TEST(Memory, TakesNothingFromTheSystemForSizesItHasSeen) {
  if (!kReusesMemory) GTEST_SKIP() << "blocks are not kept under the address sanitizer";
  const auto step = [] {
    const Tensor a = zeros({100, 30}), b = ones({7}), c = a.clone();
    return c.numel() + b.numel();
  };
  step();
  const size_t before = memory_stats().from_system;
  for (int i = 0; i < 100; ++i) step();
  EXPECT_EQ(memory_stats().from_system, before);
}

TEST(Memory, GivesFreeBlocksBack) {
  if (!kReusesMemory) GTEST_SKIP() << "blocks are not kept under the address sanitizer";
  { const Tensor x = zeros({54321}); }
  size_t before = memory_stats().from_system;
  { const Tensor x = zeros({54321}); }
  EXPECT_EQ(memory_stats().from_system, before);  // kept
  empty_cache();
  before = memory_stats().from_system;
  const Tensor x = zeros({54321});
  EXPECT_GT(memory_stats().from_system, before);  // was given back
}

TEST(Memory, RefusesWhatNoMachineHas) {
  const MemoryStats before = memory_stats();
  for (const Shape& shape :
       {Shape{1 << 30, 1 << 30}, Shape{1 << 30, 1 << 30, 1 << 30}, Shape{1 << 21, 1 << 21, 1 << 22}})
    expect_error([&] { Tensor x(shape); }, "a tensor cannot have the shape " + to_string(shape));
  EXPECT_EQ(memory_stats().current, before.current);
}

TEST(Memory, SaysHowMuchThereIsNot) {
  if (!kReusesMemory) GTEST_SKIP() << "the address sanitizer ends a program that asks for too much";
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
  GTEST_SKIP() << "so does the thread sanitizer";
#endif
#endif
  const MemoryStats before = memory_stats();
  expect_error([&] { Tensor x({1 << 15, 1 << 30}); }, "out of memory: no ");  // all that a process could address
  EXPECT_EQ(memory_stats().current, before.current);
  EXPECT_EQ(memory_stats().from_system, before.from_system);
}

TEST(Memory, CountsGraphNodesThatAreNew) {
  const size_t before = memory_stats().from_system;
  void *large = allocate_node(5000), *larger = allocate_node(5000);
  EXPECT_EQ(memory_stats().from_system, before + 10000);
  release_node(large, 5000), release_node(larger, 5000);
}

// Random sizes come and go; each tensor is filled with its own number and must still hold it when it goes.
TEST(Memory, NeverHandsOutTheSameBlockTwice) {
  Generator g(1);
  std::vector<Tensor> alive;
  for (int i = 0; i < 2000; ++i) {
    const auto draw = values(uniform({2}, 0, 1, g));
    if (alive.size() < 50 || draw[0] < real(0.5)) {
      alive.push_back(full({int64_t(std::exp(draw[1] * 10))}, real(i)));
    } else {
      std::swap(alive[size_t(draw[1] * real(alive.size() - 1))], alive.back());
      const Tensor& x = alive.back();
      for (real value : x) ASSERT_EQ(value, x.data()[0]);
      alive.pop_back();
    }
  }
  for (size_t i = 0; i < alive.size(); ++i)
    for (size_t j = 0; j < i; ++j) EXPECT_NE(alive[i].at({0}), alive[j].at({0}));
}

TEST(Memory, KeepsGraphNodesApart) {
  struct Block {
    unsigned char* data;
    size_t bytes;
  };
  std::vector<Block> blocks;
  for (size_t round = 0; round < 3; ++round) {
    for (size_t bytes = 1; bytes <= 2000; bytes += 37) {
      blocks.push_back({static_cast<unsigned char*>(allocate_node(bytes)), bytes});
      EXPECT_EQ(reinterpret_cast<uintptr_t>(blocks.back().data) % 16, 0u);
      std::fill_n(blocks.back().data, bytes, static_cast<unsigned char>(blocks.size()));
    }
    for (size_t i = 0; i < blocks.size(); ++i)
      for (size_t k = 0; k < blocks[i].bytes; ++k) ASSERT_EQ(blocks[i].data[k], static_cast<unsigned char>(i + 1));
    for (const Block& block : blocks) release_node(block.data, block.bytes);
    blocks.clear();
  }
}

}  // namespace
}  // namespace bijou
