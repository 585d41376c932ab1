// The data sets of the examples: readers, generated digits, batches.
#include <zlib.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "examples/support/batches.h"
#include "examples/support/dataset.h"
#include "examples/support/digits.h"
#include "tensor/parallel.h"
#include "tests/support.h"

namespace bijou::support {
namespace {

using testing::expect_close;
using testing::expect_error;

const std::filesystem::path kImageCorpus = std::filesystem::path(__FILE__).parent_path() / "fuzz" / "corpus";

// A folder that is gone after the test.
struct TemporaryFolder {
  std::string path = ::testing::TempDir() + "bijou_data_test";
  TemporaryFolder() {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path + "/mnist");
    std::filesystem::create_directories(path + "/cifar-10-batches-bin");
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
};

Bytes concat(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Bytes gzipped(const Bytes& bytes) {
  const std::string path = ::testing::TempDir() + "bijou_gzipped";
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), unsigned(bytes.size()));
  gzclose(file);
  Bytes packed(std::filesystem::file_size(path));
  std::FILE* raw = std::fopen(path.c_str(), "rb");
  EXPECT_EQ(std::fread(packed.data(), 1, packed.size(), raw), packed.size());
  std::fclose(raw);
  std::filesystem::remove(path);
  return packed;
}

// Two images of 1 x 3, and their labels.
const Bytes kImages = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 51, 255, 102, 153, 204};
const Bytes kLabels = {0, 0, 8, 1, 0, 0, 0, 2, 7, 0};

Bytes cifar_record(uint8_t label) {
  Bytes record(3073);
  record[0] = label;
  record[1] = 255;              // red, row 0, column 0
  record[1 + 1024 + 31] = 51;   // green, row 0, column 31
  record[1 + 2048 + 32] = 102;  // blue, row 1, column 0
  return record;
}

std::string real_data() {
  const char* folder = std::getenv("BIJOU_DATA");
  return folder ? folder : "";
}
#define SKIP_WITHOUT(set) \
  if (!std::filesystem::exists(real_data() + "/" set)) GTEST_SKIP() << "BIJOU_DATA names no folder with " set

std::vector<index> first_labels(const Dataset& data) { return {data.labels.begin(), data.labels.begin() + 10}; }

double average(const Tensor& x) {
  double sum = 0;
  for (double v : x) sum += v;
  return sum / double(x.numel());
}

// ---- Readers -------------------------------------------------------------------------------------------------------

TEST(Idx, ReadsImagesAndLabels) {
  const Tensor images = parse_idx_images({"images", kImages});
  EXPECT_EQ(images.shape(), Shape({2, 1, 1, 3}));
  expect_close(images.flatten(), tensor({0, real(0.2), 1, real(0.4), real(0.6), real(0.8)}));
  const Indices labels = parse_idx_labels({"labels", kLabels});
  EXPECT_EQ(std::vector<index>(labels.begin(), labels.end()), (std::vector<index>{7, 0}));
}

TEST(Idx, SaysWhatIsWrongWithAFile) {
  const auto images = [](const Bytes& bytes) { return [=] { parse_idx_images({"some/images", bytes}); }; };
  const auto labels = [](const Bytes& bytes) { return [=] { parse_idx_labels({"some/labels", bytes}); }; };
  expect_error(images(kLabels), "some/images: begins with 0x00000801, 0x00000803 expected");
  expect_error(labels(kImages), "some/labels: begins with 0x00000803, 0x00000801 expected");
  expect_error(images({kImages.begin(), kImages.begin() + 9}), "some/images: cut short inside its header");
  expect_error(images({kImages.begin(), kImages.end() - 1}),
               "behind the header: shape [2, 1, 3] needs 6 bytes, there are 5");
  expect_error(images(concat(kImages, {0, 0})), "behind the header: shape [2, 1, 3] needs 6 bytes, there are 8");
  expect_error(labels({0, 0, 8, 1, 0, 0, 0, 2, 7, 10}), "some/labels: label 1 is 10, 0 to 9 expected");
}

TEST(Cifar, ReadsPlanesOfColour) {
  const Dataset data = parse_cifar10({{"a", cifar_record(3)}, {"b", concat(cifar_record(9), cifar_record(0))}});
  EXPECT_EQ(data.images.shape(), Shape({3, 3, 32, 32}));
  EXPECT_EQ(std::vector<index>(data.labels.begin(), data.labels.end()), (std::vector<index>{3, 9, 0}));
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(data.images.at({i, 0, 0, 0}), real(1));
    EXPECT_NEAR(data.images.at({i, 1, 0, 31}), 0.2, 1e-7);
    EXPECT_NEAR(data.images.at({i, 2, 1, 0}), 0.4, 1e-7);
  }
}

TEST(Cifar, SaysWhatIsWrongWithAFile) {
  const auto parse = [](const Bytes& bytes) { return [=] { parse_cifar10({{"batch", bytes}}); }; };
  expect_error(parse(Bytes(3072)), "batch: CIFAR-10 records of 3073 bytes expected, the file has 3072 bytes");
  expect_error(parse(concat(cifar_record(9), cifar_record(10))), "batch: label 1 is 10");
}

// What the fuzzers in tests/fuzz start from: the files called good_* are read, all others are refused with an Error.
TEST(Corpus, GoodFilesAreReadAndBrokenFilesAreRefused) {
  const auto reads = [](const std::string& path, auto parse) {
    try {
      parse(File{path, read_file(path)});
      return true;
    } catch (const Error&) {
      return false;
    }
  };
  int files = 0;
  for (const std::string format : {"idx", "cifar10"})
    for (const auto& entry : std::filesystem::directory_iterator(kImageCorpus / format)) {
      const std::string path = entry.path().string();
      const bool read = format == "cifar10" ? reads(path, [](const File& f) { parse_cifar10({f}); })
                                            : reads(path, parse_idx_images) || reads(path, parse_idx_labels);
      EXPECT_EQ(read, entry.path().filename().string().starts_with("good_")) << path;
      ++files;
    }
  EXPECT_GE(files, 20);
}

TEST(LoadDataset, FindsPlainAndGzippedFiles) {
  const TemporaryFolder folder;
  write_file(folder.path + "/mnist/train-images-idx3-ubyte", kImages);
  write_file(folder.path + "/mnist/train-labels-idx1-ubyte.gz", gzipped(kLabels));
  const Dataset data = load_dataset("mnist", folder.path, Split::kTrain);
  EXPECT_EQ(data.size(), 2);
  EXPECT_EQ(data.classes.size(), 10u);
  write_file(folder.path + "/cifar-10-batches-bin/data_batch_1.bin.gz", gzipped(cifar_record(1)));
  write_file(folder.path + "/cifar-10-batches-bin/data_batch_4.bin", cifar_record(4));
  EXPECT_EQ(load_dataset("cifar10", folder.path, Split::kTrain).labels.at({1}), 4);
}

TEST(LoadDataset, NamesTheFileThatIsBroken) {
  const TemporaryFolder folder;
  const std::string images = folder.path + "/mnist/t10k-images-idx3-ubyte",
                    labels = folder.path + "/mnist/t10k-labels-idx1-ubyte";
  const auto load = [&] { load_dataset("mnist", folder.path, Split::kTest); };
  expect_error(load, images + ": there is no such file");
  write_file(images, kImages);
  write_file(labels, Bytes{0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 1});
  expect_error(load, labels + ": 3 labels for the 2 images of " + images);
  Bytes packed = gzipped(kLabels);
  std::filesystem::remove(labels);
  write_file(labels + ".gz", Bytes(packed.begin(), packed.end() - 6));
  expect_error(load, labels + ".gz");
  packed[packed.size() - 8] ^= 1;  // the checksum
  write_file(labels + ".gz", packed);
  expect_error(load, labels + ".gz");
}

TEST(LoadDataset, SaysWhatItNeeds) {
  expect_error([] { load_dataset("mnist", "", Split::kTrain); }, "BIJOU_DATA");
  expect_error([] { load_dataset("cifar10", "/nowhere", Split::kTrain); }, "/nowhere/cifar-10-batches-bin");
  expect_error([] { load_dataset("imagenet", "/nowhere", Split::kTrain); }, "there is no data set imagenet");
}

TEST(RealData, MnistIsAsPublished) {
  SKIP_WITHOUT("mnist");
  const Dataset train = load_dataset("mnist", real_data(), Split::kTrain),
                test = load_dataset("mnist", real_data(), Split::kTest);
  EXPECT_EQ(train.images.shape(), Shape({60000, 1, 28, 28}));
  EXPECT_EQ(test.images.shape(), Shape({10000, 1, 28, 28}));
  EXPECT_NEAR(average(train.images), 0.130660, 1e-6);
  EXPECT_NEAR(average(test.images), 0.132515, 1e-6);
  EXPECT_EQ(first_labels(train), (std::vector<index>{5, 0, 4, 1, 9, 2, 1, 3, 1, 4}));
  EXPECT_EQ(first_labels(test), (std::vector<index>{7, 2, 1, 0, 4, 1, 4, 9, 5, 9}));
}

TEST(RealData, FashionMnistIsAsPublished) {
  SKIP_WITHOUT("fashion-mnist");
  const Dataset test = load_dataset("fashion-mnist", real_data(), Split::kTest);
  EXPECT_NEAR(average(test.images), 0.286849, 1e-6);
  EXPECT_EQ(first_labels(test), (std::vector<index>{9, 2, 1, 1, 6, 1, 4, 6, 5, 7}));
}

TEST(RealData, CifarIsAsPublished) {
  SKIP_WITHOUT("cifar-10-batches-bin");
  const Dataset test = load_dataset("cifar10", real_data(), Split::kTest);
  EXPECT_EQ(test.images.shape(), Shape({10000, 3, 32, 32}));
  EXPECT_NEAR(average(test.images), (0.49421 + 0.48513 + 0.45041) / 3, 1e-5);
  EXPECT_EQ(first_labels(test), (std::vector<index>{3, 8, 8, 0, 6, 6, 1, 6, 3, 1}));
  EXPECT_NEAR(test.images.at({0, 0, 0, 0}) * 255, 158, 1e-3);
}

// ---- Generated digits ----------------------------------------------------------------------------------------------

TEST(Digits, AreTheSameOnAnyNumberOfThreads) {
  const int before = threads();
  set_threads(1);
  const Dataset one = draw_digits(500, Generator(3));
  set_threads(3);
  const Dataset three = draw_digits(500, Generator(3));
  set_threads(before);
  EXPECT_EQ(max_difference(one.images, three.images), 0);
}

TEST(Digits, ImageIsAFunctionOfSeedAndPosition) {
  const Dataset few = draw_digits(20, Generator(3)), many = draw_digits(40, Generator(3)),
                others = draw_digits(20, Generator(4));
  EXPECT_EQ(max_difference(few.images, many.images.rows(0, 20)), 0);
  for (int64_t i = 0; i < 20; ++i) EXPECT_GT(max_difference(few.images.row(i), others.images.row(i)), 0.5) << i;
}

TEST(Digits, AreBalancedWhiteOnBlackAndInsideTheImage) {
  const Dataset data = draw_digits(1000, Generator(5));
  std::vector<int> count(10);
  for (index label : data.labels) ++count[size_t(label)];
  EXPECT_EQ(count, std::vector<int>(10, 100));
  double border = 0, all = 0;
  for (int64_t i = 0; i < 1000; ++i)
    for (int64_t y = 0; y < 28; ++y)
      for (int64_t x = 0; x < 28; ++x) {
        const double v = data.images.at({i, 0, y, x});
        ASSERT_TRUE(v >= 0 && v <= 1);
        all += v;
        if (x == 0 || y == 0 || x == 27 || y == 27) border += v;
      }
  EXPECT_NEAR(all / 784000, 0.13, 0.04);  // as much ink as MNIST
  EXPECT_LT(border, 0.01 * all);
}

// The nearest of the ten mean images is a weak classifier: 82 % on MNIST. It should be right mostly and wrong often.
TEST(Digits, AreLearnableButNotTrivial) {
  const Dataset train = draw_digits(2000, Generator(6)), test = draw_digits(500, Generator(7));
  std::vector<double> means(10 * 784);
  for (int64_t i = 0; i < 2000; ++i)
    for (int64_t p = 0; p < 784; ++p)
      means[size_t(train.labels.data()[i] * 784 + p)] += train.images.data()[i * 784 + p] / 200;
  int right = 0;
  for (int64_t i = 0; i < 500; ++i) {
    std::vector<double> distance(10);
    for (size_t k = 0; k < 10; ++k)
      for (size_t p = 0; p < 784; ++p)
        distance[k] += std::pow(means[k * 784 + p] - test.images.data()[size_t(i) * 784 + p], 2);
    right += std::min_element(distance.begin(), distance.end()) - distance.begin() == test.labels.data()[i];
  }
  EXPECT_GT(right, 300);
  EXPECT_LT(right, 475);
}

// ---- Batches -------------------------------------------------------------------------------------------------------

// n images of one pixel, whose value and label are both the image's number.
Dataset numbered(int64_t n) { return {arange(n).reshape({n, 1, 1, 1}), index_range(n), {}}; }

std::vector<index> labels_of_epoch(Batches& batches, int64_t epoch) {
  std::vector<index> labels;
  for (int64_t i = 0; i < batches.per_epoch(); ++i) {
    const Batch batch = batches.at(epoch * batches.per_epoch() + i);
    expect_close(batch.images.flatten(), to_tensor(batch.labels), 0);
    labels.insert(labels.end(), batch.labels.begin(), batch.labels.end());
  }
  return labels;
}

TEST(Batches, AnEpochIsAPermutationAndEveryEpochAnother) {
  Batches batches(numbered(103), {.size = 10}, Generator(1));
  EXPECT_EQ(batches.per_epoch(), 11);
  EXPECT_EQ(batches.at(10).images.shape(), Shape({3, 1, 1, 1}));
  std::set<std::vector<index>> orders;
  for (int64_t epoch = 0; epoch < 4; ++epoch) {
    const std::vector<index> order = labels_of_epoch(batches, epoch);
    EXPECT_EQ(order.size(), 103u);
    EXPECT_EQ(std::set<index>(order.begin(), order.end()).size(), 103u);
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 4u);
}

TEST(Batches, ResumeAtAnyStep) {
  Batches unbroken(numbered(50), {.size = 8}, Generator(2)), resumed(numbered(50), {.size = 8}, Generator(2));
  for (int64_t step = 0; step < 9; ++step) unbroken.at(step);
  for (int64_t step = 9; step < 30; ++step) expect_close(unbroken.at(step).images, resumed.at(step).images, 0);
}

TEST(Batches, CanDropTheShortLastOne) {
  Batches batches(numbered(103), {.size = 10, .drop_last = true}, Generator(1));
  EXPECT_EQ(batches.per_epoch(), 10);
  EXPECT_EQ(batches.at(19).labels.numel(), 10);
}

TEST(Batches, RefuseWhatGivesNone) {
  expect_error([] { Batches(numbered(5), {.size = 0}, Generator()); }, "a size from 1 expected, not 0");
  expect_error([] { Batches(numbered(5), {.size = 6, .drop_last = true}, Generator()); },
               "5 images do not fill a batch of 6");
  expect_error([] { Batches(numbered(5), {.size = 2}, Generator()).at(-1); }, "there is no step -1");
}

}  // namespace
}  // namespace bijou::support
