// What the examples share: pictures, progress, command line, results.
#include "tests/support.h"

#include <png.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "examples/support/cli.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"

namespace bijou::support {
namespace {

using testing::expect_close;
using testing::expect_error;

std::string temporary(const std::string& name) { return ::testing::TempDir() + "bijou_" + name; }

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// ---- Images --------------------------------------------------------------------------------------------------------

// The file's pixels as [h, w, channels], read back with libpng.
struct Picture {
  int64_t height, width;
  std::vector<uint8_t> bytes;
};
Picture read_png(const std::string& path, bool color) {
  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  EXPECT_TRUE(png_image_begin_read_from_file(&png, path.c_str())) << png.message;
  png.format = color ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  Picture picture{png.height, png.width, std::vector<uint8_t>(PNG_IMAGE_SIZE(png))};
  EXPECT_TRUE(png_image_finish_read(&png, nullptr, picture.bytes.data(), 0, nullptr)) << png.message;
  return picture;
}

TEST(Png, GreyPixelsAreClampedAndRounded) {
  const std::string path = temporary("grey.png");
  write_png(path, matrix({{0, real(0.2), 1}, {-3, 7, NAN}}));
  const Picture picture = read_png(path, false);
  EXPECT_EQ(picture.height, 2);
  EXPECT_EQ(picture.bytes, (std::vector<uint8_t>{0, 51, 255, 0, 255, 0}));
}

TEST(Png, ColourPlanesBecomePixelsAndScaleMakesSquares) {
  const std::string path = temporary("color.png");
  write_png(path, matrix({{1, 0}, {0, 1}, {real(0.2), 0}}).reshape({3, 1, 2}), 2);
  const Picture picture = read_png(path, true);
  const std::vector<uint8_t> row = {255, 0, 51, 255, 0, 51, 0, 255, 0, 0, 255, 0};
  EXPECT_EQ(std::vector<uint8_t>(picture.bytes.begin(), picture.bytes.begin() + 12), row);
  EXPECT_EQ(std::vector<uint8_t>(picture.bytes.begin() + 12, picture.bytes.end()), row);
}

TEST(Png, RefusesWhatIsNoImage) {
  expect_error([] { write_png(temporary("x.png"), zeros({2, 4, 4})); }, "the image is [2, 4, 4]");
  expect_error([] { write_png("/nowhere/x.png", zeros({4, 4})); }, "/nowhere/x.png");
}

TEST(ImageGrid, PlacesImagesRowByRow) {
  const Tensor grid = image_grid(arange(3).reshape({3, 1, 1, 1}), {.columns = 2, .padding = 1, .background = 9});
  expect_close(grid.reshape({5, 5}),
               matrix({{9, 9, 9, 9, 9}, {9, 0, 9, 1, 9}, {9, 9, 9, 9, 9}, {9, 2, 9, 9, 9}, {9, 9, 9, 9, 9}}), 0);
  EXPECT_EQ(image_grid(zeros({10, 3, 8, 8})).shape(), Shape({3, 2 + 3 * 10, 2 + 4 * 10}));
  expect_error([] { image_grid(zeros({8, 8})); }, "[n, c, h, w] expected, the images are [8, 8]");
}

double luminance(Color c) {
  const auto light = [](double v) { return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4); };
  return 0.2126 * light(c.red) + 0.7152 * light(c.green) + 0.0722 * light(c.blue);
}

TEST(HeatMap, LightnessGrowsEvenlyAndNoColourIsClipped) {
  double before = -1, smallest = 100, largest = 0;
  for (int i = 0; i <= 100; ++i) {
    const Color c = heat_color(i / 100.0);
    for (double v : {c.red, c.green, c.blue}) EXPECT_TRUE(v > 0 && v < 1) << i;
    const double lightness = 116 * std::cbrt(luminance(c)) - 16;  // CIE L*
    if (i > 10) smallest = std::min(smallest, lightness - before), largest = std::max(largest, lightness - before);
    EXPECT_GT(lightness, before);
    before = lightness;
  }
  EXPECT_LT(largest, 2 * smallest);
}

TEST(HeatMap, ScalesFromTheSmallestToTheLargestValue) {
  const Tensor map = heat_map(matrix({{-5, 5, real(NAN), real(-INFINITY)}}));
  const auto color = [&](int64_t i) { return Color{map.at({0, 0, i}), map.at({1, 0, i}), map.at({2, 0, i})}; };
  EXPECT_NEAR(color(0).red, heat_color(0).red, 1e-6);
  EXPECT_NEAR(color(1).red, heat_color(1).red, 1e-6);
  EXPECT_EQ(color(2).red, 0.5);
  EXPECT_EQ(color(3).blue, color(0).blue);
  expect_close(heat_map(matrix({{3, 9}}), {.low = 3, .high = 4}), heat_map(matrix({{0, 1}})), 1e-6);
}

// ---- Plots ---------------------------------------------------------------------------------------------------------

TEST(Plot, CsvHasTheData) {
  Plot plot({});
  plot.line({.label = "a \"b\"", .y = {3, 4}, .error = {0.5, 1}}).points("p", matrix({{7, real(NAN)}}));
  EXPECT_EQ(plot.csv(), "series,x,y,error\n\"a \"\"b\"\"\",1,3,0.5\n\"a \"\"b\"\"\",2,4,1\n\"p\",7,NaN,\n");
}

TEST(Plot, TextIsQuotedForGnuplot) {
  const std::string script = Plot({.title = "it's\nnew"}).line({.y = {1}}).script("dumb");
  EXPECT_NE(script.find("set title 'it''s new'\n"), std::string::npos) << script;
}

TEST(Plot, RefusesLengthsThatDiffer) {
  expect_error([] { Plot({}).line({.label = "l", .x = {1}, .y = {1, 2}}); }, "l: 1 x for 2 y");
  expect_error([] { Plot({}).line({.label = "l", .y = {1, 2}, .error = {1}}); }, "l: 1 errors for 2 y");
  expect_error([] { Plot({}).points("p", zeros({2, 3})); }, "not [2, 3]");
  expect_error([] { Plot({}).histogram("h", {}); }, "a histogram of 0 values");
  expect_error([] { Plot({}).write("plot.pdf"); }, "plot.pdf should end in .svg or .png");
  expect_error([] { Plot({.log_y = true}).line({.y = {-1, NAN}}).write("x.svg"); }, "not one point to draw");
}

// The area under the outline, whose rows are "h",x,y, in pairs.
TEST(Plot, HistogramHasAreaOne) {
  std::istringstream rows(Plot({}).histogram("h", {1, 1, 2, 7, NAN, INFINITY}, 3).csv());
  std::string line;
  std::getline(rows, line);
  double area = 0, x0, y0, x1, y1;
  std::vector<double> heights;
  while (std::getline(rows, line)) {
    ASSERT_EQ(std::sscanf(line.c_str(), "\"h\",%lf,%lf", &x0, &y0), 2);
    ASSERT_TRUE(std::getline(rows, line));
    ASSERT_EQ(std::sscanf(line.c_str(), "\"h\",%lf,%lf", &x1, &y1), 2);
    EXPECT_EQ(y0, y1);
    area += (x1 - x0) * y0;
    heights.push_back(y0);
  }
  EXPECT_NEAR(area, 1, 1e-6);
  ASSERT_EQ(heights.size(), 3u);
  EXPECT_NEAR(heights[0], 0.375, 1e-6);
  EXPECT_EQ(heights[1], 0);
}

TEST(Plot, GnuplotDrawsSvgAndPng) {
  if (std::system("command -v gnuplot > /dev/null") != 0) GTEST_SKIP() << "gnuplot is not installed";
  Plot plot({.title = "50 % of a_b's", .x_label = "x^2", .log_y = true, .equal_axes = true});
  plot.line({.label = "$1 'l' \"q\"", .y = {1, NAN, 0.5}, .error = {0.1, 0.1, 0.1}}).points("p", matrix({{1, 2}}));
  plot.histogram("h", {1, 2, 2});
  const std::string svg = plot.write(temporary("plot.svg")), png = plot.write(temporary("plot.png"));
  EXPECT_NE(text_of(svg).find("$1 'l' \"q\""), std::string::npos);
  EXPECT_NE(text_of(svg).find("</svg>"), std::string::npos);
  EXPECT_EQ(read_png(png, true).width, 1440);
}

TEST(Plot, DataAreWrittenWhereGnuplotIsMissing) {
  const std::string path = std::getenv("PATH"), csv = temporary("missing.csv");
  setenv("PATH", "/nowhere", 1);
  ::testing::internal::CaptureStderr();
  const std::string written = Plot({}).line({.y = {5}}).write(temporary("missing.svg"));
  setenv("PATH", path.c_str(), 1);
  EXPECT_EQ(written, csv);
  EXPECT_EQ(text_of(csv), "series,x,y,error\n\"\",1,5,\n");
  EXPECT_NE(::testing::internal::GetCapturedStderr().find("gnuplot is not installed: " + csv), std::string::npos);
}

// ---- Progress ------------------------------------------------------------------------------------------------------

TEST(Progress, LineShowsPartRateAndTimeLeft) {
  const ProgressOptions options{.title = "training", .total = 1000, .start = 200};
  EXPECT_EQ(progress_line(options, 600, 10, "loss 0.5", 0, false),
            "training: 600/1000, 40 steps/s, 0:10 left, loss 0.5");
  EXPECT_EQ(progress_line(options, 1000, 4000, "", 0, false), "training: 1000/1000, 0.2 steps/s, took 1:06:40");
  EXPECT_EQ(progress_line(options, 200, 0, "", 0, false), "training: 200/1000");
  EXPECT_EQ(progress_line({.title = "none", .total = 0}, 0, 1, "", 0, false), "none: 0/0, took 0:01");
}

TEST(Progress, ALimitOfTimeIsTheTimeLeftWhereItComesFirst) {
  const ProgressOptions options{.title = "training", .total = 1000, .minutes = 1};
  EXPECT_EQ(progress_line(options, 100, 20, "", 0, false), "training: 100/1000, 5 steps/s, 0:40 left");
  EXPECT_EQ(progress_line(options, 900, 20, "", 0, false), "training: 900/1000, 45 steps/s, 0:02 left");
  EXPECT_EQ(progress_line(options, 300, 61, "", 0, false), "training: 300/1000, 4.92 steps/s, took 1:01");
  EXPECT_NE(progress_line(options, 100, 20, "", 80, false).find("33 %"), std::string::npos);
}

TEST(Progress, BarFitsTheTerminal) {
  const ProgressOptions options{.title = "training", .total = 1000};
  for (int width : {1, 10, 30, 40, 60, 80, 200}) {
    const std::string line = progress_line(options, 999, 10, "loss 0.5", width, false);
    const auto columns = std::count_if(line.begin(), line.end(), [](char c) { return (c & 0xC0) != 0x80; });
    EXPECT_LE(columns, std::max(width, int(options.title.size()) + 1)) << line;
    EXPECT_EQ(line.find('\033'), std::string::npos);
    EXPECT_EQ(line.find("100 %"), std::string::npos) << "not before it is done";
  }
  EXPECT_NE(progress_line(options, 999, 10, "", 80, true).find('\033'), std::string::npos);
}

TEST(Progress, WritesPlainLinesWhereThereIsNoTerminal) {
  ::testing::internal::CaptureStderr();
  ::testing::internal::CaptureStdout();
  {
    Progress progress({.title = "training", .total = 3});
    for (int i = 0; i < 3; ++i) progress.step("loss 1");
    progress.say("epoch 1");
  }
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "epoch 1\n");
  const std::string line = ::testing::internal::GetCapturedStderr();
  EXPECT_TRUE(line.starts_with("training: 3/3, ") && line.ends_with("loss 1\n")) << line;
  EXPECT_EQ(line.find_first_of("\r\033"), std::string::npos);
}

TEST(Progress, PlainLinesComeAsOftenAsTheEnvironmentSays) {
  for (const char* seconds : {"0", "1000"}) {
    ::testing::internal::CaptureStderr();
    setenv("BIJOU_PROGRESS_SECONDS", seconds, 1);
    {
      Progress progress({.title = "training", .total = 3});
      for (int i = 0; i < 2; ++i) progress.step();
    }
    unsetenv("BIJOU_PROGRESS_SECONDS");
    const std::string lines = ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::count(lines.begin(), lines.end(), '\n'), seconds[0] == '0' ? 3 : 1) << lines;
  }
}

// ---- Command line --------------------------------------------------------------------------------------------------

struct Parsed {
  std::string model;
  double lr;
  int batch;
  bool quick;
  Run run;
};

Parsed parse(std::vector<std::string> words, int epochs = 7) {
  words.insert(words.begin(), "program");
  if (std::find(words.begin(), words.end(), "--out") == words.end())
    words.insert(words.end(), {"--out", temporary("out")});
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  Args args(int(argv.size()), argv.data(), {.name = "program", .about = "Shows things.", .epochs = epochs});
  Parsed p;
  p.model = args.choice("model", {"mlp", "conv"}, "the network");
  p.lr = args.option("lr", 0.123456789, "learning rate");
  p.batch = args.option("batch", 64, "images in a batch", 1);
  p.quick = args.flag("quick", "leave out the slow parts");
  p.run = args.done();
  return p;
}

TEST(Args, DefaultsHoldWhereNothingIsGiven) {
  const Parsed p = parse({});
  EXPECT_EQ(p.model, "mlp");
  EXPECT_EQ(p.lr, 0.123456789);
  EXPECT_EQ(p.batch, 64);
  EXPECT_FALSE(p.quick);
  EXPECT_EQ(p.run.epochs, 7);
  EXPECT_EQ(p.run.seed, 0u);
}

TEST(Args, ASourceDependsOnWhetherThereAreRealData) {
  auto source = [](std::vector<std::string> words) {
    words.insert(words.begin(), "program");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    Args args(int(argv.size()), argv.data(), {.name = "program", .about = "Shows things."});
    return args.source("dataset", "mnist", "digits", "the images");
  };
  EXPECT_EQ(source({"--data", "some where"}), "mnist");
  EXPECT_EQ(source({"--data", "some where", "--dataset", "cifar10"}), "cifar10");
  EXPECT_EQ(source({"--dataset", "cifar10"}), "cifar10");
  EXPECT_EQ(source({}), std::getenv("BIJOU_DATA") ? "mnist" : "digits");
}

TEST(Args, ReadsOptionsInAnyOrder) {
  const Parsed p = parse({"--epochs", "3", "--quick", "--lr=1e-4", "--data", "some where", "--model", "conv", "--seed",
                          "9", "--batch", "16"});
  EXPECT_EQ(p.model, "conv");
  EXPECT_EQ(p.lr, 1e-4);
  EXPECT_EQ(p.batch, 16);
  EXPECT_TRUE(p.quick);
  EXPECT_EQ(p.run.epochs, 3);
  EXPECT_EQ(p.run.seed, 9u);
  EXPECT_EQ(p.run.data, "some where");
}

TEST(Args, MakesTheOutputFolder) {
  const std::string folder = temporary("new/folder");
  std::filesystem::remove_all(temporary("new"));
  EXPECT_EQ(parse({"--out", folder}).run.out, folder);
  EXPECT_TRUE(std::filesystem::is_directory(folder));
}

class ArgsDeathTest : public ::testing::Test {
 protected:
  void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(ArgsDeathTest, WhatIsWrongEndsWithOneLineAndStatus2) {
  const auto status2 = ::testing::ExitedWithCode(2);
  EXPECT_EXIT(parse({"--modle", "conv"}), status2, "^program: unknown option --modle [^\n]*\n$");
  EXPECT_EXIT(parse({"conv"}), status2, "^program: unknown option conv [^\n]*\n$");
  EXPECT_EXIT(parse({"--model", "gru"}), status2, "^program: --model: mlp or conv expected, 'gru' given[^\n]*\n$");
  EXPECT_EXIT(parse({"--lr", "fast"}), status2, "^program: --lr: a number expected, 'fast' given[^\n]*\n$");
  EXPECT_EXIT(parse({"--lr", "nan"}), status2, "--lr: a number expected, 'nan' given");
  EXPECT_EXIT(parse({"--batch", "0"}), status2, "--batch: a whole number from 1 expected, '0' given");
  EXPECT_EXIT(parse({"--epochs", "2.5"}), status2, "--epochs: a whole number from 0 expected, '2.5' given");
  EXPECT_EXIT(parse({"--seed", "99999999999999999999"}), status2, "--seed: a whole number");
  EXPECT_EXIT(parse({"--threads", "0"}), status2, "--threads: a whole number from 1");
  EXPECT_EXIT(parse({"--out", "/proc/nowhere"}), status2, "--out /proc/nowhere: ");
  EXPECT_EXIT(parse({"--out", temporary("x"), "--lr"}), status2, "^program: [^\n]*lr[^\n]*\n$");
}

TEST_F(ArgsDeathTest, AProgramWithoutEpochsRefusesThem) {
  EXPECT_EXIT(parse({"--epochs", "3"}, 0), ::testing::ExitedWithCode(2), "^program: unknown option --epochs");
}

TEST_F(ArgsDeathTest, HelpListsEveryOption) {
  EXPECT_EXIT(
      {
        dup2(STDERR_FILENO, STDOUT_FILENO);  // a death test reads stderr
        parse({"--help", "--unknown"});
      },
      ::testing::ExitedWithCode(0),
      "program: Shows things.*--model.*mlp or "
      "conv.*--lr.*0.123456789.*--batch.*--quick.*--data.*--out.*--seed.*--epochs.*7.*"
      "--threads.*--help");
}

TEST_F(ArgsDeathTest, UncaughtErrorEndsWithItsMessageAndStatus1) {
  const auto uncaught = []() noexcept {  // noexcept: GoogleTest would catch it
    parse({});
    fail("matmul: ", 3, " and ", 4, " differ");
  };
  EXPECT_EXIT(uncaught(), ::testing::ExitedWithCode(1), "^program: matmul: 3 and 4 differ\n$");
}

TEST_F(ArgsDeathTest, FirstCtrlCAsksAndTheSecondKills) {
  EXPECT_EXIT(
      {
        if (interrupted()) std::exit(5);
        raise(SIGINT);
        std::exit(interrupted() ? 3 : 4);
      },
      ::testing::ExitedWithCode(3), "");
  EXPECT_EXIT(
      {
        interrupted();
        raise(SIGINT);
        raise(SIGINT);
      },
      ::testing::KilledBySignal(SIGINT), "");
}

// ---- Result --------------------------------------------------------------------------------------------------------

TEST(Result, IsOneJsonObjectOnOneLine) {
  Result result("mnist");
  result.set("accuracy", 0.98);
  result.set("steps", 9380);
  result.set("big", int64_t(1) << 40);
  result.set("diverged", NAN);
  result.set("ok", true);
  result.set("text", "a \"b\"\n\xff");
  result.set("losses", std::vector<double>{2.5, 1});
  ::testing::internal::CaptureStdout();
  result.print();
  const std::string line = ::testing::internal::GetCapturedStdout();
  EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1);
  EXPECT_TRUE(line.starts_with("{\"example\":\"mnist\",\"accuracy\":0.98,\"steps\":9380,")) << line;
  const auto json = nlohmann::json::parse(line);
  EXPECT_EQ(json["big"], int64_t(1) << 40);
  EXPECT_TRUE(json["diverged"].is_null());
  EXPECT_EQ(json["ok"], true);
  EXPECT_EQ(json["text"], "a \"b\"\n\ufffd");
  EXPECT_EQ(json["losses"].size(), 2u);
}

}  // namespace
}  // namespace bijou::support
