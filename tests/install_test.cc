// What `make install` leaves is enough for a project of a student's own.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/support.h"

namespace bijou {
namespace {

TEST(Install, AProjectElsewhereCompilesAgainstItAndRuns) {
  if (testing::kDouble) GTEST_SKIP() << "once is enough, with REAL=float";
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(__clang__)
  GTEST_SKIP() << "for the default variant only";
#endif
  const std::string folder = std::filesystem::temp_directory_path() / ("bijou_install_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder + "/project");
  std::ofstream(folder + "/project/mine.cc") << R"(
#include "autograd/elementwise.h"
#include "nn/linear.h"
int main() {
  using namespace bijou;
  const nn::Linear layer({.in = 3, .out = 2});
  const Var y = tanh(layer(ones({5, 3})));
  return y.shape() == Shape{5, 2} ? 0 : 1;
})";
  const std::string prefix = std::filesystem::relative(folder).string() + "/prefix";  // as a student may type it
  const std::string commands = "MAKEFLAGS= make -s install PREFIX=" + prefix + " && cd " + folder + "/project" +
                               " && c++ mine.cc $(PKG_CONFIG_PATH=../prefix/lib/pkgconfig pkg-config --cflags --libs "
                               "bijou) -O1 -o mine && ./mine";
  EXPECT_EQ(std::system(commands.c_str()), 0) << commands;
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace bijou
