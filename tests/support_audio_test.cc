// Sounds in files, and spoken digits.
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "examples/support/spoken_digits.h"
#include "examples/support/tar.h"
#include "tests/support.h"

namespace bijou::support {
namespace {

using testing::expect_close;
using testing::expect_error;

const std::filesystem::path kSoundCorpus = std::filesystem::path(__FILE__).parent_path() / "fuzz" / "corpus";

File sample(const std::string& name) {
  const std::string path = (kSoundCorpus / name).string();
  return {name, read_file(path)};
}

// What the fuzzers in tests/fuzz start from: the files called good_* are read, all others are refused with an Error.
void expect_only_good_ones_read(const std::string& format, const auto& parse) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kSoundCorpus / format)) {
    const std::string path = entry.path().string();
    bool read = true;
    try {
      parse(File{path, read_file(path)});
    } catch (const Error&) {
      read = false;
    }
    EXPECT_EQ(read, entry.path().filename().string().starts_with("good_")) << path;
    ++files;
  }
  EXPECT_GE(files, 12);
}

TEST(Wav, GoodFilesAreReadAndBrokenFilesAreRefused) { expect_only_good_ones_read("wav", parse_wav); }

TEST(Wav, ReadsEveryKindOfSample) {
  const real low = -1, half = real(0.5);
  expect_close(parse_wav(sample("wav/good_pcm16")).samples, matrix({{0, half, low, real(32767.0 / 32768)}}), 1e-7);
  expect_close(parse_wav(sample("wav/good_extensible")).samples, matrix({{0, half, low, real(32767.0 / 32768)}}), 1e-7);
  expect_close(parse_wav(sample("wav/good_pcm8_odd")).samples, matrix({{0, low, real(127.0 / 128)}}), 1e-7);
  expect_close(parse_wav(sample("wav/good_pcm24_stereo")).samples, matrix({{half}, {low}}), 1e-7);
  expect_close(parse_wav(sample("wav/good_pcm32")).samples, matrix({{half, low}}), 1e-7);
  expect_close(parse_wav(sample("wav/good_float")).samples, matrix({{real(0.25), -half}}), 1e-7);
  EXPECT_EQ(parse_wav(sample("wav/good_list_chunk_before")).rate, 8000);
  EXPECT_EQ(parse_wav(sample("wav/good_no_samples")).samples.shape(), Shape({1, 0}));
}

TEST(Wav, SaysWhatIsWrongWithAFile) {
  const auto parse = [](const char* name) { return [=] { parse_wav(sample(name)); }; };
  expect_error(parse("wav/not_wave"), "wav/not_wave: \"RIFF\", a size and \"WAVE\" expected at its beginning");
  expect_error(parse("wav/cut_short"), "cut short: 52 bytes are announced, there are 49");
  expect_error(parse("wav/data_too_long"), "the chunk at byte 36 announces 4000 bytes, there are 8");
  expect_error(parse("wav/data_before_fmt"), "samples come before the chunk \"fmt \"");
  expect_error(parse("wav/no_data"), "there is no chunk \"data\"");
  expect_error(parse("wav/mu_law"), "samples of 8 bits in format 7; PCM (1)");
  expect_error(parse("wav/wrong_frame"), "1 channels of 16 bits need 2 bytes, the header says 4");
  expect_error(parse("wav/half_a_sample"), "7 bytes of samples are no multiple of 2");
}

TEST(Wav, WhatIsWrittenIsRead) {
  const std::string path = ::testing::TempDir() + "bijou_audio_test.wav";
  const Tensor x = matrix({{real(-0.5), 0, real(0.25)}, {1, -1, 2}});
  write_wav(path, {x, 44100});
  const Sound y = read_wav(path);
  EXPECT_EQ(y.rate, 44100);
  expect_close(y.samples, matrix({{real(-0.5), 0, real(0.25)}, {1, -1, 1}}), 1.0 / 32768);
  write_wav(path, {x.row(0), 8000});
  EXPECT_EQ(read_wav(path).samples.shape(), Shape({1, 3}));
  expect_error([&] { write_wav(path, {full({2}, real(NAN)), 8000}); }, "no numbers");
  expect_error([&] { write_wav(path, {zeros({2}), 0}); }, "0 a second");
  std::filesystem::remove(path);
}

TEST(Tar, GoodFilesAreReadAndBrokenFilesAreRefused) { expect_only_good_ones_read("tar", parse_tar); }

TEST(Tar, GivesFilesWithTheirNames) {
  const std::vector<File> files = parse_tar(sample("tar/good_two_files"));
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].name, "a/b.txt");
  EXPECT_EQ(std::string(files[0].bytes.begin(), files[0].bytes.end()), "hello");
  EXPECT_EQ(files[1].name, "c");
  EXPECT_TRUE(files[1].bytes.empty());
  const File long_name = parse_tar(sample("tar/good_long_name"))[0];
  EXPECT_EQ(long_name.name, std::string(120, 'd') + "/" + std::string(90, 'f'));
}

TEST(Tar, SaysWhatIsWrong) {
  const auto parse = [](const char* name) { return [=] { parse_tar(sample(name)); }; };
  expect_error(parse("tar/checksum"), "tar/checksum: at byte 0: the checksum of the tar header is wrong");
  expect_error(parse("tar/cut_in_contents"), "a file of 5 bytes is announced, there are 2");
  expect_error(parse("tar/size_not_octal"), "where a number in octal should stand");
  expect_error(parse("tar/folder_only"), "there is no file in the archive");
}

// ---- Spoken digits -------------------------------------------------------------------------------------------------

TEST(Fsdd, SortsRecordingsByTakeSpeakerAndDigit) {
  const Bytes sound = sample("wav/good_pcm16").bytes;
  const Utterances all = parse_fsdd({{"r/3_theo_1.wav", sound},
                                     {"r/2_theo_0.wav", sound},
                                     {"r/9_ann_0.wav", sound},
                                     {"r/LICENSE", {}},
                                     {"r/1_theo_0.wav", sound}});
  EXPECT_EQ(std::vector<index>(all.labels.begin(), all.labels.end()), (std::vector<index>{9, 1, 2, 3}));
  EXPECT_EQ(std::vector<index>(all.speakers.begin(), all.speakers.end()), (std::vector<index>{0, 1, 1, 1}));
  EXPECT_EQ(std::vector<index>(all.takes.begin(), all.takes.end()), (std::vector<index>{0, 0, 0, 1}));
  EXPECT_EQ(all.speaker_names, (std::vector<std::string>{"ann", "theo"}));
  EXPECT_EQ(all.rate, 8000);
  EXPECT_EQ(by_takes(all, 1).test.size(), 3);
  EXPECT_EQ(by_speaker(all, 0).train.size(), 3);
}

TEST(Fsdd, SaysWhatIsWrong) {
  const Bytes mono = sample("wav/good_pcm16").bytes, stereo = sample("wav/good_pcm24_stereo").bytes;
  expect_error([&] { parse_fsdd({{"x/seven.wav", mono}}); }, "x/seven.wav: {digit}_{speaker}_{take}.wav expected");
  expect_error([&] { parse_fsdd({{"10_a_0.wav", mono}}); }, "10_a_0.wav");
  expect_error([&] { parse_fsdd({{"1_a_0.wav", stereo}}); }, "1_a_0.wav: 2 channels");
  expect_error([&] { parse_fsdd({{"1_a_0.wav", sample("wav/good_no_samples").bytes}}); }, "there are no samples");
  expect_error([&] { parse_fsdd({{"notes.txt", mono}}); }, "no .wav files among 1");
  expect_error([] { load_spoken_digits("fsdd", ""); }, "BIJOU_DATA");
  expect_error([] { load_spoken_digits("fsdd", "/nowhere"); }, "/nowhere/fsdd/recordings.tar.gz");
  expect_error([] { load_spoken_digits("letters", ""); }, "there are no spoken digits letters");
}

TEST(Fsdd, IsAsPublished) {
  const char* folder = std::getenv("BIJOU_DATA");
  if (!folder || !std::filesystem::exists(std::string(folder) + "/fsdd")) GTEST_SKIP() << "BIJOU_DATA names no fsdd";
  const Utterances all = load_spoken_digits("fsdd", folder);
  EXPECT_EQ(all.size(), 3000);
  EXPECT_EQ(all.rate, 8000);
  EXPECT_EQ(all.speaker_names, (std::vector<std::string>{"george", "jackson", "lucas", "nicolas", "theo", "yweweler"}));
  int64_t samples = 0;
  for (const Tensor& x : all.sounds) samples += x.numel();
  EXPECT_EQ(samples, 10'498'424);
  EXPECT_EQ(by_takes(all, 5).test.size(), 300);
  EXPECT_EQ(by_speaker(all, 2).test.size(), 500);
}

TEST(SpeakDigits, SaysEveryDigitInEveryVoice) {
  const Utterances all = speak_digits(2, Generator(3));
  ASSERT_EQ(all.size(), 120);
  int counts[10][kSpeakers] = {};
  for (int64_t i = 0; i < 120; ++i) ++counts[all.labels.at({i})][all.speakers.at({i})];
  for (const auto& digit : counts)
    for (const int count : digit) EXPECT_EQ(count, 2);
  for (const Tensor& x : all.sounds) {
    EXPECT_GT(x.numel(), 800);
    EXPECT_LT(x.numel(), 12000);
    for (const real v : x) ASSERT_LE(std::abs(v), 1);
  }
}

TEST(SpeakDigits, SayingIsAFunctionOfSeedAndPosition) {
  const Utterances few = speak_digits(1, Generator(3)), more = speak_digits(2, Generator(3)),
                   others = speak_digits(1, Generator(4));
  for (size_t i = 0; i < 60; ++i) {
    expect_close(few.sounds[i], more.sounds[i], 0);
    EXPECT_NE(few.sounds[i].at({500}), others.sounds[i].at({500}));
    EXPECT_NE(more.sounds[i].at({500}), more.sounds[i + 60].at({500}));
  }
}

}  // namespace
}  // namespace bijou::support
