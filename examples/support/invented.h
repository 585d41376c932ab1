// Text out of nothing, so that every example runs without a download: words that can be pronounced, and documents that
// have a topic. They stand in for names and for an encyclopedia, and carry no claim beyond that.
#pragma once

#include <string>
#include <vector>

#include "tensor/random.h"

namespace bijou::support {

// n different words of two to four syllables. A word keeps to light or to dark vowels throughout, and its ending goes
// with them; so each letter says something of those before it and behind it. A longer list begins with the same words.
std::vector<std::string> invent_words(int64_t n, const Generator& g);

// A document has one of 60 topics, each with 30 words of its own, and 3 of 800 proper names (with a capital letter).
// Each of its 5 sentences has 9 words: names, words of the topic and, for the most part, some of the 200 words that are
// common to all. Document i depends on (g, i) alone.
struct Invented {
  std::string text;  // sentences end in " . "
  int topic;
};
std::vector<Invented> invent_documents(int64_t n, const Generator& g);

constexpr int kTopics = 60;

}  // namespace bijou::support
