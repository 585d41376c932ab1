#include "examples/support/scenes.h"
#include "tensor/layout.h"
#include "tensor/reduce.h"
#include "tests/support.h"

namespace bijou::support {
namespace {

TEST(Scenes, AreColourPicturesOfThreeClasses) {
  const Dataset data = draw_scenes(9, Generator(0));
  EXPECT_EQ(data.images.shape(), (Shape{9, 3, 32, 32}));
  EXPECT_GE(double(min(data.images).item()), 0);
  EXPECT_LE(double(max(data.images).item()), 1);
  for (int64_t i = 0; i < 9; ++i) EXPECT_EQ(data.labels.data()[i], i % 3);
}

TEST(Scenes, ALongerSetBeginsWithTheSameImages) {
  const Dataset few = draw_scenes(4, Generator(5)), many = draw_scenes(12, Generator(5)),
                other = draw_scenes(4, Generator(6));
  EXPECT_EQ(max_difference(few.images, many.images.rows(0, 4)), 0);
  EXPECT_GT(max_difference(few.images, other.images), 0.1);
}

// Light comes from above and the sky is bright: up and down differ, left and right don't.
TEST(Scenes, KnowUpFromDownButNotLeftFromRight) {
  const Tensor mean_image = mean(draw_scenes(600, Generator(1)).images, {0, 1});  // [32, 32]
  auto half = [&](int axis, int64_t from) { return double(mean(slice(mean_image, axis, from, from + 16)).item()); };
  EXPECT_GT(half(0, 0) - half(0, 16), 0.1);
  EXPECT_LT(std::abs(half(1, 0) - half(1, 16)), 0.02);
}

}  // namespace
}  // namespace bijou::support
