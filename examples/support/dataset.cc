#include "examples/support/dataset.h"

#include <array>
#include <cstdio>
#include <filesystem>
#include <optional>

#include "examples/support/digits.h"
#include "examples/support/scenes.h"
#include "tensor/elements.h"
#include "tensor/parallel.h"

namespace bijou::support {
namespace {

constexpr int kClasses = 10;
constexpr int64_t kCifarSide = 32, kCifarPixels = 3 * kCifarSide * kCifarSide, kCifarRecord = 1 + kCifarPixels;
constexpr int64_t kDigitsTrain = 20'000, kDigitsTest = 5'000;
constexpr int64_t kScenesTrain = 10'000, kScenesTest = 3'000;

// out[i] = bytes[i] / 255
void copy_pixels(const uint8_t* bytes, int64_t n, real* out) {
  std::array<real, 256> value;
  for (int b = 0; b < 256; ++b) value[size_t(b)] = real(b) / real(255);
  parallel_for(n, 100'000, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) out[i] = value[bytes[i]];
  });
}

index to_label(uint8_t label, const std::string& file, int64_t position) {
  check(label < kClasses, file, ": label ", position, " is ", label, ", 0 to ", kClasses - 1, " expected");
  return label;
}

// ---- IDX, the format of MNIST --------------------------------------------------------------------------------------
// Big-endian: two bytes 0, one 8 (the data are unsigned bytes), the number of axes, their sizes in 32 bits each, data.

uint32_t big_endian(const Bytes& bytes, size_t at) {
  uint32_t word = 0;
  for (size_t i = at; i < at + 4; ++i) word = word << 8 | bytes[i];
  return word;
}

std::string hexadecimal(uint32_t word) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", word);
  return text;
}

size_t idx_header_bytes(int axes) { return 4 + 4 * size_t(axes); }

// Checks the header against the length of the file, before anything is made of either.
Shape parse_idx_header(const File& file, int axes) {
  const size_t header = idx_header_bytes(axes);
  check(file.bytes.size() >= 4, file.name, ": an IDX file expected, there are only ", file.bytes.size(), " bytes");
  const uint32_t magic = big_endian(file.bytes, 0), expected = 0x800 + uint32_t(axes);
  check(magic == expected, file.name, ": begins with ", hexadecimal(magic), ", ", hexadecimal(expected),
        " expected (IDX, ", axes == 1 ? "labels)" : "images)");
  check(file.bytes.size() >= header, file.name, ": cut short inside its header of ", header, " bytes");
  int64_t sizes[3];
  for (int a = 0; a < axes; ++a) sizes[a] = big_endian(file.bytes, 4 + 4 * size_t(a));
  const Shape shape =
      checked_shape({sizes, size_t(axes)}, Element::kU8, file.bytes.size() - header, file.name + ": behind the header");
  check(shape.numel() > 0, file.name, ": there is nothing in the shape ", shape);
  return shape;
}

// ---- Folders -------------------------------------------------------------------------------------------------------

// The file, or the one with .gz behind its name; nothing where neither is there.
std::optional<File> find_file(const std::string& path) {
  for (const std::string& name : {path, path + ".gz"})
    if (std::filesystem::exists(name)) return File{name, read_file(name)};
  return {};
}

File open_file(const std::string& path) {
  std::optional<File> file = find_file(path);
  check(file.has_value(), path, ": there is no such file, nor ", path, ".gz");
  return std::move(*file);
}

Dataset load_mnist(const std::string& folder, Split split, std::vector<std::string> classes) {
  const std::string prefix = folder + (split == Split::kTrain ? "/train" : "/t10k");
  const File images = open_file(prefix + "-images-idx3-ubyte"), labels = open_file(prefix + "-labels-idx1-ubyte");
  Dataset data{parse_idx_images(images), parse_idx_labels(labels), std::move(classes)};
  check(data.images.size(0) == data.size(), labels.name, ": ", data.size(), " labels for the ", data.images.size(0),
        " images of ", images.name);
  return data;
}

Dataset load_cifar10(const std::string& folder, Split split) {
  if (split == Split::kTest) return parse_cifar10({open_file(folder + "/test_batch.bin")});
  std::vector<File> batches;
  for (int b = 1; b <= 5; ++b)
    if (auto file = find_file(folder + "/data_batch_" + std::to_string(b) + ".bin"))
      batches.push_back(std::move(*file));
  check(!batches.empty(), folder, ": data_batch_1.bin (or .bin.gz) to data_batch_5.bin expected, none is there");
  return parse_cifar10(batches);
}

const std::vector<std::string> kDigitNames = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
const std::vector<std::string> kFashionNames = {"T-shirt", "trouser", "pullover", "dress", "coat",
                                                "sandal",  "shirt",   "sneaker",  "bag",   "ankle boot"};
const std::vector<std::string> kCifarNames = {"airplane", "automobile", "bird",  "cat",  "deer",
                                              "dog",      "frog",       "horse", "ship", "truck"};

}  // namespace

Tensor parse_idx_images(const File& file) {
  const Shape shape = parse_idx_header(file, 3);
  Tensor images({shape[0], 1, shape[1], shape[2]});
  copy_pixels(file.bytes.data() + idx_header_bytes(3), images.numel(), images.mutable_data());
  return images;
}

Indices parse_idx_labels(const File& file) {
  Indices labels(parse_idx_header(file, 1));
  index* out = labels.mutable_data();
  for (int64_t i = 0; i < labels.numel(); ++i)
    out[i] = to_label(file.bytes[idx_header_bytes(1) + size_t(i)], file.name, i);
  return labels;
}

// A record is a label and three planes of 32 x 32: red, green, blue.
Dataset parse_cifar10(const std::vector<File>& files) {
  int64_t n = 0;
  for (const File& file : files) {
    const int64_t bytes = int64_t(file.bytes.size());
    check(bytes > 0 && bytes % kCifarRecord == 0, file.name, ": CIFAR-10 records of ", kCifarRecord,
          " bytes expected, the file has ", bytes, " bytes: ", bytes / kCifarRecord, " records and ",
          bytes % kCifarRecord, " bytes");
    n += bytes / kCifarRecord;
  }
  Dataset data{Tensor({n, 3, kCifarSide, kCifarSide}), Indices({n}), kCifarNames};
  real* pixels = data.images.mutable_data();
  index* labels = data.labels.mutable_data();
  for (const File& file : files)
    for (int64_t i = 0; i < int64_t(file.bytes.size()) / kCifarRecord; ++i, pixels += kCifarPixels) {
      const uint8_t* record = file.bytes.data() + i * kCifarRecord;
      *labels++ = to_label(record[0], file.name, i);
      copy_pixels(record + 1, kCifarPixels, pixels);
    }
  return data;
}

std::vector<std::string> dataset_names() { return {"digits", "scenes", "mnist", "fashion-mnist", "cifar10"}; }

Dataset load_dataset(const std::string& name, const std::string& folder, Split split) {
  const bool train = split == Split::kTrain;
  if (name == "digits") return draw_digits(train ? kDigitsTrain : kDigitsTest, Generator(train ? 1 : 2));
  if (name == "scenes") return draw_scenes(train ? kScenesTrain : kScenesTest, Generator(train ? 1 : 2));
  check(!folder.empty(), name, ": the folder of the data sets is not known: give --data DIR, or set BIJOU_DATA");
  if (name == "mnist") return load_mnist(folder + "/mnist", split, kDigitNames);
  if (name == "fashion-mnist") return load_mnist(folder + "/fashion-mnist", split, kFashionNames);
  if (name == "cifar10") return load_cifar10(folder + "/cifar-10-batches-bin", split);
  fail("there is no data set ", name, "; there are digits, scenes, mnist, fashion-mnist and cifar10");
}

}  // namespace bijou::support
