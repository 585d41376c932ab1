// Text to learn from: names, the plays of Shakespeare, paragraphs of Wikipedia, or text that bijou invents.
#pragma once

#include <string>
#include <vector>

#include "tensor/files.h"

namespace bijou::support {

struct Passage {
  std::string text;
  std::string title = "";  // of its article, or who speaks; empty where there is none
};

struct Corpus {
  std::vector<Passage> train, valid, test;
};

// What load_corpus() knows: words and documents (invented), names, shakespeare, wikitext.
std::vector<std::string> corpus_names();

// Reads, below `folder`, each plain or as .gz:
//   text/names.txt                               a name a passage; those written twice are there once
//   text/tinyshakespeare.txt                     a speech a passage
//   wikitext-2/wiki.{train,valid,test}.tokens    a paragraph a passage
// Throws, naming the file, where one is missing or is not what it should be.
Corpus load_corpus(const std::string& name, const std::string& folder);

std::vector<std::string> texts_of(const std::vector<Passage>& passages);
// A paragraph's sentences: they end in " . ", " ! " or " ? ".
std::vector<std::string> sentences_of(const std::string& text);

// ---- The formats, from bytes in memory; `name` is what an error calls the file --------------------------------------

std::vector<Passage> parse_names(const Bytes& bytes, const std::string& name);     // a line each, letters a to z
std::vector<Passage> parse_plays(const Bytes& bytes, const std::string& name);     // "WHO:", lines, an empty line
std::vector<Passage> parse_wikitext(const Bytes& bytes, const std::string& name);  // " = Title = ", a paragraph a line

}  // namespace bijou::support
