#include "examples/support/binary.h"

#include <filesystem>

#include "examples/support/digits.h"
#include "examples/support/images.h"
#include "tensor/elementwise.h"
#include "tensor/npy.h"
#include "tensor/pool.h"
#include "tensor/random.h"

namespace bijou::support {
namespace {

// Digits drawn by bijou, at half their size, in black and white.
Tensor binary_digits(int64_t n, uint64_t seed) {
  const Tensor grey = avg_pool2d(draw_digits(n, Generator(seed)).images, {.kernel = 2});
  return (grey > real(0.4)).reshape({n, -1});
}

Tensor load_amat(const std::string& folder, const std::string& split) {
  const std::string path = folder + "/binarized_mnist/binarized_mnist_" + split + ".amat";
  const std::string name = std::filesystem::exists(path) ? path : path + ".gz";
  return parse_amat({name, read_file(name)}, 784);
}

Tensor load_table(const std::string& folder, const std::string& name) {
  const std::string path = folder + "/made/" + name + ".npy";
  const Tensor x = load_npy(path);
  check(x.dim() == 2, path, ": a table expected, not an array of shape ", x.shape());
  for (const real v : x) check(v == 0 || v == 1, path, ": 0 and 1 expected, there is a ", v);
  return x;
}

}  // namespace

Tensor parse_amat(const File& file, int64_t columns) {
  std::vector<real> values;
  values.reserve(file.bytes.size() / 2);
  for (size_t i = 0, line = 1; i < file.bytes.size(); ++i) {
    const uint8_t c = file.bytes[i];
    check(c == '0' || c == '1' || c == ' ' || c == '\n' || c == '\r', file.name, ": line ", line,
          ": 0, 1 and spaces expected, there is the byte ", int(c));
    if (c == '0' || c == '1') values.push_back(real(c - '0'));
    if (c != '\n' && i + 1 < file.bytes.size()) continue;
    check(int64_t(values.size()) % columns == 0, file.name, ": line ", line, " has not ", columns, " values");
    ++line;
  }
  check(!values.empty(), file.name, ": there is nothing in it");
  return Tensor::from(values).reshape({-1, columns});
}

std::vector<std::string> binary_names() { return {"digits", "mnist", "mushrooms", "dna", "nips"}; }

BinarySets load_binary(const std::string& name, const std::string& folder) {
  if (name == "digits") return {binary_digits(6000, 1), binary_digits(1000, 2), binary_digits(2000, 3), {14, 14}};
  check(!folder.empty(), name, ": the folder of the data sets is not known: give --data DIR, or set BIJOU_DATA");
  if (name == "mnist")
    return {load_amat(folder, "train"), load_amat(folder, "valid"), load_amat(folder, "test"), {28, 28}};
  return {
      load_table(folder, name + "_train"), load_table(folder, name + "_valid"), load_table(folder, name + "_test"), {}};
}

Tensor binary_grid(const Tensor& x, const Shape& image, int columns) {
  return image_grid(x.reshape({x.size(0), 1, image[0], image[1]}), {.columns = columns, .background = real(0.5)});
}

}  // namespace bijou::support
