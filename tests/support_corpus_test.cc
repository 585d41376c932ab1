// Text for the examples: what is read, what is refused, what is invented.
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "examples/support/corpus.h"
#include "examples/support/invented.h"
#include "tests/support.h"

namespace bijou::support {
namespace {

using testing::expect_error;
using Strings = std::vector<std::string>;

Bytes bytes(const std::string& s) { return {s.begin(), s.end()}; }

TEST(Corpus, NamesAreLines) {
  EXPECT_EQ(texts_of(parse_names(bytes("emma\nolivia\r\nava"), "f")), (Strings{"emma", "olivia", "ava"}));
}

TEST(Corpus, PlaysAreSpeeches) {
  const auto speeches = parse_plays(bytes("First Citizen:\nSpeak,\nspeak.\n\nAll:\nNo: no.\n\nNobody:\n"), "f");
  ASSERT_EQ(speeches.size(), 2u);
  EXPECT_EQ(speeches[0].title, "First Citizen");
  EXPECT_EQ(speeches[0].text, "Speak,\nspeak.");
  EXPECT_EQ(speeches[1].text, "No: no.");
}

TEST(Corpus, ArticlesAreParagraphsUnderTheirTitle) {
  const auto all =
      parse_wikitext(bytes(" \n = Lobster = \n \n It is blue . \n = = Red = = \n Not red . \n = Crab = \n x \n"), "f");
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].text, "It is blue .");
  EXPECT_EQ(all[1].title, "Lobster");
  EXPECT_EQ(all[2].title, "Crab");
}

TEST(Corpus, SentencesEndInAStopThatStandsAlone) {
  EXPECT_EQ(sentences_of("It is 3.5 . Is it ? H. americanus !"),
            (Strings{"It is 3.5 .", "Is it ?", "H. americanus !"}));
  EXPECT_EQ(sentences_of(" no end "), Strings{"no end"});
  EXPECT_TRUE(sentences_of("").empty());
}

TEST(Corpus, ABrokenFileIsNamedWithItsLine) {
  auto names = [](const std::string& s) { return [s] { parse_names(bytes(s), "names.txt"); }; };
  expect_error(names("emma\nZoe\n"), "names.txt: line 2");
  expect_error(names("emma\n\nava\n"), "line 2");
  expect_error(names(""), "no name");
  expect_error(names("emma\navA"), "\"avA\"");
  expect_error(names(std::string("em\0ma", 5)), "control character");
  expect_error(names("em\xC3"), "line 1: byte 2 of the file is not UTF-8");
  auto plays = [](const std::string& s) { return [s] { parse_plays(bytes(s), "p"); }; };
  expect_error(plays("Hear me speak.\n"), "line 1");
  expect_error(plays("\n\n"), "no speech");
  expect_error(plays("ALL:\nyes\n\n\nno\n"), "line 5");
  auto wiki = [](const std::string& s) { return [s] { parse_wikitext(bytes(s), "w"); }; };
  expect_error(wiki("It is blue .\n"), "line 1");
  expect_error(wiki(" = Lobster = \n"), "no paragraph");
  expect_error(wiki("= A =\n\n\xFF\n"), "line 3");
}

TEST(Corpus, WhatIsMissingIsNamed) {
  expect_error([] { load_corpus("names", ""); }, "--data");
  expect_error([] { load_corpus("wikitext", "/nowhere"); }, "/nowhere/wikitext-2/wiki.train.tokens");
  expect_error([] { load_corpus("runes", ""); }, "no corpus runes");
}

TEST(Corpus, InventedTextIsTheSameEachTimeAndSplit) {
  const Corpus words = load_corpus("words", "");
  std::set<std::string> different;
  for (const auto* part : {&words.train, &words.valid, &words.test})
    for (const Passage& p : *part) different.insert(p.text);
  EXPECT_EQ(different.size(), words.train.size() + words.valid.size() + words.test.size());
  EXPECT_EQ(invent_words(50, Generator(1))[49], words.train[49].text);
}

TEST(Corpus, InventedDocumentsKeepToTheirTopic) {
  const auto documents = invent_documents(300, Generator(1));
  EXPECT_EQ(documents[7].text, invent_documents(8, Generator(1))[7].text);
  std::map<std::string, std::set<int>> topics;  // of each word
  for (const Invented& d : documents) {
    std::istringstream in(d.text);
    for (std::string word; in >> word;) topics[word].insert(d.topic);
    const Strings sentences = sentences_of(d.text);
    ASSERT_EQ(sentences.size(), 5u);
    for (const std::string& s : sentences) EXPECT_EQ(std::count(s.begin(), s.end(), ' '), 9);
  }
  int owned = 0, common = 0;
  for (const auto& [word, of] : topics)
    if (word != "." && std::islower(word[0])) owned += of.size() == 1, common += of.size() > 1;
  EXPECT_GT(owned, kTopics * 25);  // of 30 words each; the rest was not used, or is of a common word's kind
  EXPECT_LE(common, 200);
}

TEST(Corpus, ReadsTheRealFiles) {
  const char* folder = std::getenv("BIJOU_DATA");
  if (!folder || !std::filesystem::exists(std::string(folder) + "/wikitext-2"))
    GTEST_SKIP() << "BIJOU_DATA names no folder with wikitext-2";
  const Corpus names = load_corpus("names", folder), wiki = load_corpus("wikitext", folder);
  EXPECT_EQ(names.train.size() + names.valid.size() + names.test.size(), 29'494u);
  EXPECT_EQ(wiki.train.size(), 17'556u);
  EXPECT_EQ(wiki.valid.size(), 1'841u);
  EXPECT_EQ(wiki.valid[0].title, "Homarus gammarus");
  EXPECT_GT(load_corpus("shakespeare", folder).train.size(), 6'000u);
}

}  // namespace
}  // namespace bijou::support
