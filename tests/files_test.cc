// Files: whole or not at all, exact round trips, and broken ones refused with an error that names them. The folder
// fuzz/corpus holds small files: good_* must load (most hold 0 .. 5 as a 2 x 3 array x, written by NumPy), bad_* must
// not.
#include "tensor/files.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <zlib.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <limits>

#include "tensor/npy.h"
#include "tensor/random.h"
#include "tensor/safetensors.h"
#include "tests/support.h"

namespace bijou {
namespace {

using testing::expect_error;
namespace fs = std::filesystem;
const fs::path kCorpus = fs::path(__FILE__).parent_path() / "fuzz" / "corpus";

// A folder of its own for every test.
class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "bijou_files_XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  size_t count() const { return size_t(std::distance(fs::directory_iterator(folder_), {})); }
  fs::path folder_;
};
using Npy = Files;
using Npz = Files;
using SafeTensorsFile = Files;

Bytes bytes(const std::string& s) { return {s.begin(), s.end()}; }

template <class T>
void expect_same(const Array<T>& a, const Array<T>& b) {
  ASSERT_EQ(a.shape(), b.shape());
  // byte by byte: NaN and -0 too
  EXPECT_TRUE(a.numel() == 0 || std::memcmp(a.data(), b.data(), size_t(a.numel()) * sizeof(T)) == 0);
}

Tensor zero_to_five() { return arange(6).reshape({2, 3}); }

// Numbers of every sort.
Tensor awkward(const Shape& shape) {
  Generator g(1);
  Tensor x = normal(shape, 0, 100, g);
  using Limits = std::numeric_limits<real>;
  const real special[] = {
      0, real(-0.0), Limits::infinity(), -Limits::infinity(), Limits::quiet_NaN(), Limits::max(), Limits::denorm_min()};
  for (int64_t i = 0; i < std::min<int64_t>(x.numel(), std::size(special)); ++i) x.mutable_data()[i] = special[i];
  return x;
}

const Shape kShapes[] = {{}, {1}, {7}, {0}, {3, 0, 2}, {2, 3}, {5, 1, 4}, {2, 2, 2, 2, 2, 2}, {100, 77}};

// ---- Whole files ----------------------------------------------------------------------------------------------------

TEST_F(Files, ComeBackAsTheyWere) {
  for (size_t size : {size_t(0), size_t(1), size_t(1000), size_t(1) << 20}) {
    Bytes data(size);
    Generator g(size);
    for (uint8_t& b : data) b = uint8_t(g.next_uint32());
    write_file(path("x"), data);
    EXPECT_EQ(read_file(path("x")), data);
    EXPECT_EQ(count(), 1u);  // nothing is left beside it
  }
}

TEST_F(Files, AreReplacedWhole) {
  write_file(path("x"), bytes("a long first version"));
  write_file(path("x"), bytes("second"));
  EXPECT_EQ(read_file(path("x")), bytes("second"));
  {
    FileWriter file(path("x"));
    file.write(bytes("never fini"));
    EXPECT_EQ(read_file(path("x")), bytes("second"));
  }
  EXPECT_EQ(read_file(path("x")), bytes("second"));
  EXPECT_EQ(count(), 1u);
}

TEST_F(Files, AreReadableByOthersAsUsual) {
  const mode_t mask = umask(022);
  write_file(path("x"), bytes("x"));
  umask(mask);
  EXPECT_EQ(fs::status(path("x")).permissions(), fs::perms(0644));
}

TEST_F(Files, ThatAreZippedComeOutUnpacked) {
  const Bytes data(1 << 20, 'x');  // packs well: the reader has to grow
  gzFile file = gzopen(path("x.gz").c_str(), "wb");
  gzwrite(file, data.data(), unsigned(data.size()));
  gzclose(file);
  EXPECT_LT(fs::file_size(path("x.gz")), 10'000u);
  EXPECT_EQ(read_file(path("x.gz")), data);

  Bytes packed;  // the file as it is on the disk
  FILE* raw = std::fopen(path("x.gz").c_str(), "rb");
  for (int c; (c = std::fgetc(raw)) != EOF;) packed.push_back(uint8_t(c));
  std::fclose(raw);
  for (size_t length : {size_t(2), size_t(5), size_t(15), packed.size() / 2, packed.size() - 8, packed.size() - 1}) {
    write_file(path("cut.gz"), ByteView(packed).first(length));
    expect_error([&] { read_file(path("cut.gz")); }, "cut.gz");
  }
  packed[packed.size() / 2] ^= 255;
  write_file(path("broken.gz"), packed);
  expect_error([&] { read_file(path("broken.gz")); }, "broken.gz");
}

TEST_F(Files, ThatCannotBeReadSayWhy) {
  expect_error([&] { read_file(path("missing")); }, path("missing") + ": No such file or directory");
  expect_error([&] { read_file(folder_.string()); }, folder_.string() + ": is a folder");
  write_file(path("x"), bytes("x"));
  expect_error([&] { read_file(path("x/y")); }, "Not a directory");
}

TEST_F(Files, ThatCannotBeWrittenSayWhy) {
  expect_error([&] { write_file(path("no/such/folder/x"), bytes("x")); },
               path("no/such/folder/x") + ": No such file or directory");
  expect_error([&] { write_file(folder_.string(), bytes("x")); }, "not a regular file");
  expect_error([&] { write_file("/dev/null", bytes("x")); }, "/dev/null: not a regular file");
  expect_error([&] { write_file(path(std::string(300, 'x')), bytes("x")); }, "File name too long");
}

TEST_F(Files, SurviveAFullDisk) {
  write_file(path("x"), bytes("old"));
  // A limit on the size of files fails a write in the middle, as a full disk does.
  rlimit before, small;
  getrlimit(RLIMIT_FSIZE, &before);
  small = before;
  small.rlim_cur = 10'000;
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  setrlimit(RLIMIT_FSIZE, &small);
  expect_error([&] { write_file(path("x"), Bytes(100'000)); }, path("x") + ": File too large");
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(read_file(path("x")), bytes("old"));
  EXPECT_EQ(count(), 1u);
}

// ---- .npy -----------------------------------------------------------------------------------------------------------

TEST_F(Npy, ComesBackBitForBit) {
  for (const Shape& shape : kShapes) {
    const Tensor x = awkward(shape);
    save_npy(path("x.npy"), x);
    expect_same(load_npy(path("x.npy")), x);
    Generator g(2);
    const Indices i = randint(shape, -(int64_t(1) << 31), int64_t(1) << 31, g);
    save_npy(path("i.npy"), i);
    expect_same(load_npy_indices(path("i.npy")), i);
    expect_same(load_npy(path("i.npy")), to_tensor(i));
  }
}

TEST_F(Npy, IsWrittenAsTheFormatSays) {
  save_npy(path("x.npy"), zero_to_five());
  const Bytes file = read_file(path("x.npy"));
  const std::string header(file.begin() + 10, file.end() - int64_t(6 * sizeof(real)));
  EXPECT_EQ((header.size() + 10) % 64, 0u);
  EXPECT_EQ(header.back(), '\n');
  EXPECT_TRUE(header.starts_with(std::string("{'descr': '<f") + (sizeof(real) == 4 ? "4" : "8") +
                                 "', 'fortran_order': False, 'shape': (2, 3, ), }"));
  EXPECT_EQ(file[8] + 256u * file[9], header.size());
}

TEST_F(Npy, IntegersMustFit) {
  for (const char* name : {"i1", "little_i2", "big_u2", "little_u4", "big_i8", "little_u8", "fortran", "big_f8"}) {
    const std::string file = (kCorpus / "npy" / ("good_" + std::string(name) + ".npy")).string();
    if (std::string_view(name).starts_with("f") || std::string_view(name).ends_with("f8")) {
      expect_error([&] { load_npy_indices(file); }, "integers expected");
    } else {
      expect_same(load_npy_indices(file), index_range(6).reshape({2, 3}));
    }
  }
  Bytes file = read_file((kCorpus / "npy" / "good_little_u4.npy").string());
  file[file.size() - 1] = 0x80;
  expect_error([&] { parse_npy_indices(file, "it"); }, "it: element 5 is 2147483653, which does not fit 32 bits");
  EXPECT_EQ(parse_npy(file, "it").at({1, 2}), real(2147483653.0));
}

TEST_F(Npy, ReadsExtremeHalfFloats) {
  Bytes file = read_file((kCorpus / "npy" / "good_little_f2.npy").string());
  const uint16_t halves[] = {0x7c00, 0xfc00, 0x7e00, 0x0001, 0x83ff, 0x7bff};
  std::memcpy(file.data() + file.size() - sizeof halves, halves, sizeof halves);
  const Tensor x = parse_npy(file, "halves").flatten();
  EXPECT_EQ(x.at({0}), std::numeric_limits<real>::infinity());
  EXPECT_EQ(x.at({1}), -std::numeric_limits<real>::infinity());
  EXPECT_TRUE(std::isnan(x.at({2})));
  EXPECT_EQ(x.at({3}), real(std::ldexp(1, -24)));
  EXPECT_EQ(x.at({4}), real(-std::ldexp(1023, -24)));
  EXPECT_EQ(x.at({5}), 65504);
}

TEST_F(Npy, ErrorsNameTheFile) {
  expect_error([&] { load_npy(path("none.npy")); }, path("none.npy") + ": No such file");
  write_file(path("x.npy"), bytes("hello"));
  expect_error([&] { load_npy(path("x.npy")); }, path("x.npy") + ": not an .npy file");
  expect_error([&] { load_npy((kCorpus / "npy" / "bad_too_few_bytes.npy").string()); },
               "shape [2, 3] needs 24 bytes, there are 23");
  expect_error([&] { load_npy((kCorpus / "npy" / "bad_complex.npy").string()); }, "type '<c8'");
}

// ---- .npz -----------------------------------------------------------------------------------------------------------

TEST_F(Npz, ComesBackBitForBit) {
  NamedTensors tensors;
  for (const Shape& shape : kShapes) tensors.emplace_back("x/" + to_string(shape), awkward(shape));
  tensors.emplace_back("\xcf\x80", scalar(real(M_PI)));
  tensors.emplace_back("", Tensor());
  save_npz(path("x.npz"), tensors);
  const NamedTensors back = load_npz(path("x.npz"));
  ASSERT_EQ(back.size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(back[i].first, tensors[i].first);
    expect_same(back[i].second, tensors[i].second);
  }
  save_npz(path("none.npz"), {});
  EXPECT_TRUE(load_npz(path("none.npz")).empty());
}

TEST_F(Npz, IsTheSameFileEachTime) {
  save_npz(path("a.npz"), {{"x", zero_to_five()}});
  save_npz(path("b.npz"), {{"x", zero_to_five()}});
  EXPECT_EQ(read_file(path("a.npz")), read_file(path("b.npz")));
}

TEST_F(Npz, ErrorsNameFileAndMember) {
  const fs::path folder = kCorpus / "npz";
  expect_error([&] { load_npz((folder / "bad_data_changed.npz").string()); },
               "bad_data_changed.npz: x.npy: its checksum is wrong");
  expect_error([&] { load_npz((folder / "bad_member_broken.npz").string()); }, "x.npy: shape [2, 3] needs 24 bytes");
  expect_error([&] { load_npz((folder / "bad_deflate_claims_gigabytes.npz").string()); }, "cannot become 4000000000");
}

// ---- safetensors ----------------------------------------------------------------------------------------------------

TEST_F(SafeTensorsFile, ComesBackBitForBit) {
  SafeTensors contents;
  for (const Shape& shape : kShapes) contents.tensors["layer." + to_string(shape)] = awkward(shape);
  contents.tensors["quote\" \\ \xcf\x80 \n"] = scalar(1);
  contents.tensors["none"] = Tensor();
  contents.metadata = {{"step", "7"}, {"", ""}, {"\xcf\x80", "3.14"}};
  save_safetensors(path("x.safetensors"), contents);
  const SafeTensors back = load_safetensors(path("x.safetensors"));
  EXPECT_EQ(back.metadata, contents.metadata);
  ASSERT_EQ(back.tensors.size(), contents.tensors.size());
  for (const auto& [name, x] : contents.tensors) expect_same(back.tensors.at(name), x);
  save_safetensors(path("y.safetensors"), {});
  EXPECT_TRUE(load_safetensors(path("y.safetensors")).tensors.empty());
}

TEST_F(SafeTensorsFile, AlignsItsNumbers) {
  for (const char* name : {"a", "ab", "abc", "abcd", "abcdefgh"}) {
    save_safetensors(path("x"), {{{name, zero_to_five()}}, {}});
    const Bytes file = read_file(path("x"));
    EXPECT_EQ(file[0] % 8, 0);
    EXPECT_EQ(file.size(), 8u + file[0] + 6 * sizeof(real));
  }
}

TEST_F(SafeTensorsFile, ReadsSeveralKindsOfNumber) {
  const SafeTensors x = load_safetensors((kCorpus / "safetensors" / "good_several.safetensors").string());
  EXPECT_EQ(x.metadata, (std::map<std::string, std::string>{{"step", "7"}, {"note", "a \xcf\x80"}}));
  ASSERT_EQ(x.tensors.size(), 4u);
  expect_same(x.tensors.at("a.weight"), scalar(2.5));
  expect_same(x.tensors.at("b"), zero_to_five());
  expect_same(x.tensors.at("c"), Tensor({0, 5}));
  expect_same(x.tensors.at("d"), arange(6));
}

TEST_F(SafeTensorsFile, RefusesWhatItCannotWrite) {
  expect_error([&] { save_safetensors(path("x"), {{{"__metadata__", scalar(1)}}, {}}); }, "__metadata__");
  expect_error([&] { save_safetensors(path("x"), {{{"\xff", scalar(1)}}, {}}); }, "UTF-8");
  EXPECT_EQ(count(), 0u);
}

TEST_F(SafeTensorsFile, ErrorsNameFileAndTensor) {
  const fs::path folder = kCorpus / "safetensors";
  expect_error([&] { load_safetensors((folder / "bad_overlap.safetensors").string()); },
               "bad_overlap.safetensors: 'y' begins at byte 8 of the data, expected at 16");
  expect_error([&] { load_safetensors((folder / "bad_shape_smaller_than_bytes.safetensors").string()); },
               ": x: shape [2, 2] needs 16 bytes, there are 24");
}

// ---- Broken files ---------------------------------------------------------------------------------------------------

// What a reader makes of a file.
struct Reader {
  const char* kind;
  NamedTensors (*parse)(ByteView, const std::string&);
};
const Reader kReaders[] = {{"npy",
                            [](ByteView file, const std::string& name) {
                              return NamedTensors{{"x", parse_npy(file, name)}};
                            }},
                           {"npz", parse_npz},
                           {"safetensors", [](ByteView file, const std::string& name) {
                              const SafeTensors contents = parse_safetensors(file, name);
                              return NamedTensors(contents.tensors.begin(), contents.tensors.end());
                            }}};

template <class Visit>  // visit(reader, name of the file, its bytes)
void for_corpus(const char* prefix, Visit visit) {
  for (const Reader& reader : kReaders) {
    int files = 0;
    for (const fs::directory_entry& entry : fs::directory_iterator(kCorpus / reader.kind)) {
      const std::string name = entry.path().filename().string();
      if (!name.starts_with(prefix)) continue;
      visit(reader, name, read_file(entry.path().string()));
      ++files;
    }
    EXPECT_GE(files, 5) << reader.kind;
  }
}

TEST(Corpus, GoodFilesLoad) {
  for_corpus("good_", [](const Reader& reader, const std::string& name, const Bytes& file) {
    for (const auto& [key, x] : reader.parse(file, name))
      if (key == "x") expect_same(x, zero_to_five());
  });
}

TEST(Corpus, BadFilesAreRefusedByName) {
  for_corpus("bad_", [](const Reader& reader, const std::string& name, const Bytes& file) {
    SCOPED_TRACE(name);
    expect_error([&] { reader.parse(file, name); }, name + ": ");
  });
}

TEST(Corpus, GoodFilesCutShortAreRefused) {
  for_corpus("good_", [](const Reader& reader, const std::string& name, const Bytes& file) {
    for (size_t length = 0; length < file.size(); ++length) {
      SCOPED_TRACE(name + " cut to " + std::to_string(length));
      expect_error([&] { reader.parse(ByteView(file).first(length), name); }, name + ": ");
    }
  });
}

TEST(Corpus, GoodFilesWithAByteChangedLoadOrAreRefused) {
  Generator g(3);
  for_corpus("good_", [&](const Reader& reader, const std::string& name, Bytes file) {
    for (uint8_t& byte : file) {
      const uint8_t original = byte;
      byte = uint8_t(g.next_uint32());
      try {
        reader.parse(file, name);
      } catch (const Error&) {
      }
      byte = original;
    }
  });
}

}  // namespace
}  // namespace bijou
