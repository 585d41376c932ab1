// The tour's chapters: their texts are whole, what they speak of exists, and a chapter that fails harms nobody else.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "examples/support/chapter.h"
#include "tests/support.h"

namespace bijou::support {
namespace {

namespace fs = std::filesystem;
using testing::expect_error;

std::string read(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> chapters() {
  std::vector<std::string> names;
  for (const auto& file : fs::directory_iterator("examples/tour"))
    if (const fs::path p = file.path(); p.extension() == ".md" && p.stem() != "opening" && p.stem() != "closing")
      names.push_back(p.stem());
  return names;
}

std::string source_of(const std::string& name) {
  std::string source = read("examples/" + name + ".cc") + read("examples/experiments/" + name + ".cc");
  if (name == "quiz")
    for (const auto& file : fs::directory_iterator("examples/quiz")) source += read(file.path());
  return source;
}

// All that is found between `open` and `close`.
std::vector<std::string> between(const std::string& text, const std::string& open, const std::string& close) {
  std::vector<std::string> found;
  for (size_t at = 0; (at = text.find(open, at)) != std::string::npos;) {
    at += open.size();
    const size_t end = text.find(close, at);
    found.push_back(text.substr(at, end - at));
  }
  return found;
}

bool says(const std::string& source, const std::string& word) {
  return source.find('"' + word + '"') != std::string::npos;
}

// Does the example measure `key`? Its name stands in the source, in quotes, whole or as two words put together.
bool measures(const std::string& source, const std::string& key) {
  std::string spaced = key;
  std::replace(spaced.begin(), spaced.end(), '_', ' ');
  if (key == "root" || says(source, key) || says(source, spaced)) return true;
  for (size_t at = 0; (at = key.find('_', at)) != std::string::npos; ++at) {
    const std::string head = key.substr(0, at), tail = key.substr(at + 1);
    if ((says(source, head) || says(source, head + "_")) && (says(source, tail) || says(source, "_" + tail)))
      return true;
  }
  return false;
}

TEST(TourTexts, EveryChapterHasAnEquationAPictureAClaimAndAFileToReadNext) {
  ASSERT_GE(chapters().size(), 18u) << "run the tests from the project's folder";
  for (const std::string& name : chapters()) {
    SCOPED_TRACE(name);
    const std::string text = tour_text(name);
    EXPECT_TRUE(text.starts_with("# "));
    EXPECT_EQ(between(text, "$$", "$$").size() % 2, 0u);
    EXPECT_NE(text.find("$$"), std::string::npos);
    EXPECT_FALSE(between(text, "](" + name + "/", ")").empty());
    EXPECT_FALSE(claim_of(text).empty());
    EXPECT_NE(text.find("]{.next}"), std::string::npos);
    const std::vector<std::string> files = between(text, "{{root}}/", ")");
    EXPECT_FALSE(files.empty());
    for (const std::string& file : files) EXPECT_TRUE(fs::exists(file)) << file;
  }
}

TEST(TourTexts, WhatTheyQuoteIsMeasured) {
  for (const std::string& name : chapters()) {
    const std::string source = source_of(name);
    for (const std::string& quoted : between(tour_text(name), "{{", "}}")) {
      const std::string key = quoted.substr(0, quoted.find_first_of(".% "));
      EXPECT_TRUE(measures(source, key)) << name << ".md: {{" << quoted << "}}";
    }
  }
}

TEST(TourTexts, PicturesAreDrawn) {
  for (const std::string& name : chapters()) {
    const std::string source = source_of(name);
    for (const std::string& picture : between(tour_text(name), "](" + name + "/", ")")) {
      const std::string row = picture.substr(0, picture.find('-') + 1);  // samples-ROW.png: a picture for each row
      EXPECT_TRUE(source.find("/" + picture) != std::string::npos || says(source, fs::path(picture).stem()) ||
                  (!row.empty() && source.find("/" + row) != std::string::npos))
          << name << ": " << picture;
    }
  }
}

TEST(TourTexts, NumbersAreFilledIn) {
  const nlohmann::json measured = {{"part", 0.1026},    {"micro", 80416.3}, {"small", 1.5e-7}, {"steps", 12345678},
                                   {"three", {1, 2.5}}, {"name", "digits"}, {"exact", 99999.0}};
  EXPECT_EQ(filled("{{part}}, {{part%}}, {{part points}}", measured), "0.1026, 10.26 %, 10.26 percentage points");
  EXPECT_EQ(filled("{{micro}} and {{exact}}, not {{small}}", measured), "80416 and 99999, not 1.5e-07");
  EXPECT_EQ(filled("{{steps}} of {{name}}: {{three.1}}", measured), "12345678 of digits: 2.5");
  EXPECT_EQ(filled("no numbers", measured), "no numbers");
  expect_error([&] { filled("{{missing}}", measured); }, "missing");
}

TEST(TourTexts, TheClaimIsTheBlockQuote) {
  EXPECT_EQ(claim_of("# Title\n\n> One,\n> two.\n\nText\n\n> Three.\n"), "One, two. Three.");
}

TEST(TourTexts, AProgressLineTellsWhatIsDone) {
  EXPECT_EQ(part_done("training: 3/4, 10 steps/s, 0:01 left", 0), 0.75);
  EXPECT_EQ(part_done("epoch 3: no more", 0.5), 0.5);
  EXPECT_EQ(part_done("none: 0/0", 0.5), 0.5);
  EXPECT_EQ(part_done("", 0.5), 0.5);
}

// Runs a shell script in the place of mnist.
class TourChapter : public ::testing::Test {
 protected:
  TourChapter() : folder_(::testing::TempDir() + "bijou_tour_" + std::to_string(getpid())) {
    fs::create_directories(folder_);
    run_.out = folder_ + "/it's out", run_.seed = 7;
  }
  ~TourChapter() { fs::remove_all(folder_); }
  Outcome run(const std::string& script) {
    std::ofstream(folder_ + "/mnist") << "#!/bin/sh\n" << script << "\n";
    fs::permissions(folder_ + "/mnist", fs::perms::owner_all);
    return run_chapter("mnist", folder_, run_, [&](const std::string& line) { said_.push_back(line); });
  }
  std::string folder_;
  support::Run run_;
  std::vector<std::string> said_;
};

TEST_F(TourChapter, FillsItsTextWithWhatTheProgramPrints) {
  const Outcome o =
      run("echo training: 1/2 every $BIJOU_PROGRESS_SECONDS s >&2\n"
          "echo a line; echo '{\"dataset\":\"digits\",\"parameters\":321,\"test_accuracy\":0.5,\"epochs\":2}'");
  EXPECT_EQ(o.failure, "");
  EXPECT_EQ(o.data, "digits");
  EXPECT_NE(o.text.find("321 weights"), std::string::npos) << o.text;
  EXPECT_NE(o.text.find("50.00 %"), std::string::npos) << o.text;
  EXPECT_EQ(o.text.find("{{"), std::string::npos) << o.text;
  EXPECT_EQ(said_, std::vector<std::string>{"training: 1/2 every 0.5 s"});
}

TEST_F(TourChapter, ThatFailsSaysWhy) {
  EXPECT_EQ(run("echo out of luck >&2; exit 3").failure, "it ended with status 3: out of luck");
  EXPECT_EQ(run("echo no numbers").failure, "its last line is not a JSON object");
  EXPECT_EQ(run("kill -9 $$").failure, "it was ended by signal 9");
  EXPECT_NE(run("echo '{}'").failure.find("{{parameters}}"), std::string::npos);
  EXPECT_TRUE(run("exit 1").text.starts_with("# mnist failed\n"));
}

TEST_F(TourChapter, ThatCannotWriteFailsAlone) {
  std::ofstream(run_.out) << "a file where the folder should be";
  EXPECT_NE(run("echo '{}'").failure, "");
}

}  // namespace
}  // namespace bijou::support
