// Tokens: text as a sequence of small integers, and back.
//
//   characters   one for each character that the training text has
//   words        one for each of its most frequent words; all others become [UNK]
//   byte pairs   words in pieces: begin with single bytes, and again and again make one piece of the most frequent pair
//                of neighbours. Frequent words become one token, and there is no text that cannot be written.
//
//   const Tokenizer t = Tokenizer::byte_pairs(texts, 4000);
//   const Tokens ids = t.encode("the old king");      // t.decode(ids) is the text again
//
// R. Sennrich, B. Haddow, A. Birch, "Neural machine translation of rare words with subword units", ACL 2016. Two things
// are as GPT-2 has them: the smallest pieces are bytes instead of characters, and a blank belongs to the word behind it
// where the paper marks the end of the word before.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "ssl/tokens.h"

namespace bijou::ssl {

class Tokenizer {
 public:
  static Tokenizer characters(std::span<const std::string> texts);  // in UTF-8
  // What stands between blanks, without the punctuation at its ends, which is words of its own. At most `most` tokens,
  // the special ones among them.
  static Tokenizer words(std::span<const std::string> texts, int64_t most);
  // Ends with `most` tokens, or sooner where no pair is there twice.
  static Tokenizer byte_pairs(std::span<const std::string> texts, int64_t most);

  Tokens encode(std::string_view text) const;
  // Special tokens are written as "[MASK]", words with a blank between.
  std::string decode(std::span<const bijou::index> tokens) const;

  int64_t size() const { return int64_t(tokens_.size()); }
  const std::string& token(bijou::index id) const;                // as it is written
  bijou::index id(const std::string& token) const;                // kUnknown where there is none
  bool blanks_lead() const { return kind_ == Kind::kBytePairs; }  // is a blank part of the word behind it?

  // A text file: a line for each token, or for each pair that was made one.
  void save(const std::string& path) const;
  static Tokenizer load(const std::string& path);

 private:
  enum class Kind { kCharacters, kWords, kBytePairs };
  explicit Tokenizer(Kind kind);
  void add(const std::string& token);
  void merge(bijou::index left, bijou::index right);  // the pair becomes a token
  void encode_piece(std::string_view piece, Tokens& out) const;

  Kind kind_;
  std::vector<std::string> tokens_;
  std::unordered_map<std::string, bijou::index> ids_;
  std::unordered_map<uint64_t, bijou::index> merged_;  // a pair of tokens -> the token that they make
};

// Where text is cut before its words are counted: characters, words, or a blank and the word behind it.
std::vector<std::string_view> split_characters(std::string_view text);
std::vector<std::string_view> split_words(std::string_view text);
std::vector<std::string_view> split_pieces(std::string_view text);  // one after the other they are the text

}  // namespace bijou::ssl
