// Masked and causal language models of the same size on the same text: what examples/masked_lm.cc shows and
// `make effects` measures.
#pragma once

#include <functional>

#include "ssl/masked_lm.h"
#include "ssl/tokenizer.h"

namespace bijou::experiments {

struct TextData {
  ssl::Tokenizer tokenizer;
  std::vector<ssl::Document> train, valid, test;  // passages, cut into sentences (of plays, lines; a word is one)
  int64_t length;                                 // no sequence is longer, with its special tokens
};
struct TextOptions {
  std::string tokenizer = "";  // characters, words, byte_pairs; by default characters for words and names
  int64_t vocabulary = 4000;   // of words and byte pairs
  int64_t length = 40;         // longer sentences are cut off
};
// corpus: one of support::corpus_names().
TextData text_data(const std::string& corpus, const std::string& folder, const TextOptions& options = {});
// All sentences, [CLS] ... [SEP], those of one token left out.
std::vector<ssl::Tokens> sequences_of(const std::vector<ssl::Document>& documents, int64_t length);

struct LmOptions {
  int64_t dim = 48, heads = 4, layers = 2;
  int64_t batch = 128, steps = 2000;
  double lr = 2e-3;            // of AdamW, the highest; a rise over 100 steps, then half a cosine
  double hidden = 0.8;         // the part of the chosen positions that becomes [MASK]
  bool next_sentence = false;  // learn that too, from pairs of sentences
  uint64_t seed = 0;
  std::function<bool(int64_t step, double loss)> report = {};  // false stops
};
ssl::MaskedLM train_masked(const TextData& data, const LmOptions& options);
ssl::CausalLM train_causal(const TextData& data, const LmOptions& options);

// A model and its tokenizer, in two files: `path`, a checkpoint, and `path`.tokens, a text.
void save_masked(const std::string& path, const ssl::MaskedLM& model, const ssl::Tokenizer& tokenizer);
struct SavedLm {
  ssl::Tokenizer tokenizer;
  ssl::MaskedLM model;  // in evaluation mode
};
SavedLm load_masked(const std::string& path);

// ---- What they are worth --------------------------------------------------------------------------------------------

// Questions put to a model, some rows at a time.
using Questions = std::vector<ssl::Masked>;
Questions each_hidden_in_turn(std::span<const ssl::Tokens> sequences);  // a row for each token, [MASK] in its place
Questions hidden_at_random(std::span<const ssl::Tokens> sequences, uint64_t seed);  // 15 % at once, all of them [MASK]
Questions nothing_hidden(std::span<const ssl::Tokens> sequences);                   // what is this token that you see?

struct Score {
  double nats = 0;                  // the mean of -log p of the right token
  double accuracy = 0;              // how often it is the most probable
  std::vector<double> by_position;  // nats at the first token, the second, ... while there are 50 or more
  double bits() const;
};
Score score(const ssl::MaskedLM& model, const Questions& questions);
// Of all tokens but the special ones.
Score score(const ssl::CausalLM& model, std::span<const ssl::Tokens> sequences);
// Of a model that knows nothing but how frequent each token is.
Score unigram(const TextData& data, std::span<const ssl::Tokens> sequences);
// How often it says rightly whether a sentence follows.
double next_sentence_accuracy(const ssl::MaskedLM& model, const std::vector<ssl::Document>& documents, int64_t length,
                              int64_t pairs, uint64_t seed);

// The most probable tokens for each blank, written _, of a text.
struct Guess {
  std::string token;
  double probability;
};
std::vector<std::vector<Guess>> fill_in(const ssl::MaskedLM& model, const ssl::Tokenizer& tokenizer,
                                        const std::string& text, int64_t guesses);

}  // namespace bijou::experiments
