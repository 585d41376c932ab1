#include "examples/support/invented.h"

#include <array>
#include <cctype>
#include <unordered_set>

namespace bijou::support {
namespace {

using Syllables = std::vector<std::string>;
const Syllables kOnsets = {"b", "d", "f", "g", "h",  "k",  "l",  "m",  "n", "p",
                           "r", "s", "t", "v", "br", "dr", "kl", "st", "tr"};
const Syllables kCodas = {"", "", "", "n", "l", "r", "s"};
const std::array<Syllables, 2> kVowels = {Syllables{"e", "i", "e", "i", "ei"}, Syllables{"a", "o", "u", "a", "au"}};
const std::array<Syllables, 2> kEndings = {Syllables{"el", "ie", "ine", "ette", "is"},
                                           Syllables{"an", "o", "ula", "ard", "ona"}};

const std::string& pick(const Syllables& from, Generator& g) { return from[size_t(g.below(int64_t(from.size())))]; }

std::string invent_word(Generator& g) {
  const size_t dark = size_t(g.below(2));
  std::string word;
  for (int i = 0, syllables = 1 + g.below(3); i < syllables; ++i)
    word += pick(kOnsets, g) + pick(kVowels[dark], g) + (i + 1 < syllables ? pick(kCodas, g) : "");
  // A consonant joins stem and ending.
  return word + pick({"l", "n", "r", "m", "t"}, g) + pick(kEndings[dark], g);
}

constexpr int kTopicWords = 30, kNames = 800, kCommonWords = 200;
constexpr int kSentences = 5, kWords = 9, kNamesInDocument = 3;
constexpr double kNameRate = 0.18, kTopicRate = 0.38;  // the rest is common

}  // namespace

std::vector<std::string> invent_words(int64_t n, const Generator& from) {
  Generator g = from;
  std::vector<std::string> words;
  std::unordered_set<std::string> known;
  while (int64_t(words.size()) < n)
    if (std::string word = invent_word(g); known.insert(word).second) words.push_back(std::move(word));
  return words;
}

std::vector<Invented> invent_documents(int64_t n, const Generator& g) {
  const std::vector<std::string> words = invent_words(kTopics * kTopicWords + kNames + kCommonWords, Generator(7));
  auto topic_word = [&](int topic, int k) { return words[size_t(topic * kTopicWords + k)]; };
  auto name = [&](int k) {
    std::string s = words[size_t(kTopics * kTopicWords + k)];
    s[0] = char(std::toupper(s[0]));
    return s;
  };
  std::vector<Invented> documents;
  for (int64_t i = 0; i < n; ++i) {
    Generator own = g.fork(uint64_t(i));
    Invented d{"", own.below(kTopics)};
    std::array<int, kNamesInDocument> names;
    for (int& k : names) k = own.below(kNames);
    for (int s = 0; s < kSentences; ++s) {
      for (int w = 0; w < kWords; ++w) {
        const double u = own.uniform();
        d.text += u < kNameRate                ? name(names[size_t(own.below(kNamesInDocument))])
                  : u < kNameRate + kTopicRate ? topic_word(d.topic, own.below(kTopicWords))
                                               : words[words.size() - 1 - size_t(own.below(kCommonWords))];
        d.text += ' ';
      }
      d.text += s + 1 < kSentences ? ". " : ".";
    }
    documents.push_back(std::move(d));
  }
  return documents;
}

}  // namespace bijou::support
