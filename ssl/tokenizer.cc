#include "ssl/tokenizer.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdio>
#include <map>

#include "ssl/byte_pairs.h"
#include "tensor/error.h"
#include "tensor/files.h"

namespace bijou::ssl {
namespace {

constexpr const char* kSpecialNames[kSpecials] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
constexpr const char* kKindNames[] = {"characters", "words", "byte pairs"};
constexpr int64_t kBytes = 256;

enum class Class { kBlank, kLetter, kDigit, kOther };
Class class_of(char c) {
  const unsigned char u = static_cast<unsigned char>(c);
  if (u <= ' ') return Class::kBlank;
  if (u >= 0x80 || std::isalpha(u)) return Class::kLetter;
  return std::isdigit(u) ? Class::kDigit : Class::kOther;
}

// Punctuation that stands at the end of a word without being part of it.
bool is_punctuation(char c) { return std::string_view(".,;:!?()[]{}\"'-").find(c) != std::string_view::npos; }

using Counts = std::map<std::string_view, int64_t>;
template <class Split>
Counts count(std::span<const std::string> texts, const Split& split) {
  Counts counts;
  for (const std::string& text : texts)
    for (const std::string_view part : split(text)) ++counts[part];
  return counts;
}

// ---- Files ----------------------------------------------------------------------------------------------------------

// A token on a line of its own: blanks and backslashes as \20, \5c.
std::string escaped(const std::string& token) {
  std::string s;
  for (const char c : token) {
    char code[8] = {c, 0};
    if (class_of(c) == Class::kBlank || c == '\\' || c == 0x7f)
      std::snprintf(code, sizeof code, "\\%02x", unsigned(static_cast<unsigned char>(c)));
    s += code;
  }
  return s;
}

bool unescape(std::string_view line, std::string& token) {
  for (size_t i = 0; i < line.size(); ++i) {
    unsigned code = static_cast<unsigned char>(line[i]);
    if (line[i] == '\\') {
      const char* digits = line.data() + i + 1;
      if (i + 2 >= line.size() || std::from_chars(digits, digits + 2, code, 16).ptr != digits + 2) return false;
      i += 2;
    }
    token += char(code);
  }
  return !token.empty();
}

bool parse_pair(std::string_view line, int64_t size, bijou::index& left, bijou::index& right) {
  const char* end = line.data() + line.size();
  const auto first = std::from_chars(line.data(), end, left);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ' ') return false;
  const auto second = std::from_chars(first.ptr + 1, end, right);
  return second.ec == std::errc() && second.ptr == end && std::min(left, right) >= kSpecials &&
         std::max(left, right) < size;
}

}  // namespace

// ---- Cutting --------------------------------------------------------------------------------------------------------

std::vector<std::string_view> split_characters(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t i = 0; i < text.size();) {
    const unsigned char first = static_cast<unsigned char>(text[i]);
    size_t end = i + 1;
    if (first >= 0xC0)  // the bytes that go on with it
      while (end < text.size() && end - i < 4 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) ++end;
    parts.push_back(text.substr(i, end - i));
    i = end;
  }
  return parts;
}

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    while (end < text.size() && class_of(text[end]) != Class::kBlank) ++end;
    const std::string_view chunk = text.substr(i, end - i);
    i = end + 1;
    size_t first = 0, last = chunk.size();
    while (first < last && is_punctuation(chunk[first])) ++first;
    while (last > first && is_punctuation(chunk[last - 1])) --last;
    if (first == last) {  // nothing but punctuation, such as -- or ...
      if (!chunk.empty()) parts.push_back(chunk);
      continue;
    }
    for (size_t k = 0; k < first; ++k) parts.push_back(chunk.substr(k, 1));
    parts.push_back(chunk.substr(first, last - first));
    for (size_t k = last; k < chunk.size(); ++k) parts.push_back(chunk.substr(k, 1));
  }
  return parts;
}

std::vector<std::string_view> split_pieces(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t i = 0; i < text.size();) {
    size_t end = i;
    if (text[i] == ' ' && i + 1 < text.size() && class_of(text[i + 1]) != Class::kBlank) ++end;
    const Class c = class_of(text[end++]);
    while (c != Class::kBlank && end < text.size() && class_of(text[end]) == c) ++end;
    parts.push_back(text.substr(i, end - i));
    i = end;
  }
  return parts;
}

// ---- Tokenizer ------------------------------------------------------------------------------------------------------

Tokenizer::Tokenizer(Kind kind) : kind_(kind) {
  for (const char* name : kSpecialNames) tokens_.push_back(name);
  if (kind == Kind::kBytePairs)
    for (int64_t b = 0; b < kBytes; ++b) add(std::string(1, char(b)));
}

void Tokenizer::add(const std::string& token) {
  ids_.emplace(token, bijou::index(tokens_.size()));
  tokens_.push_back(token);
}

void Tokenizer::merge(bijou::index left, bijou::index right) {
  merged_[key_of({left, right})] = bijou::index(tokens_.size());
  add(token(left) + token(right));
}

Tokenizer Tokenizer::characters(std::span<const std::string> texts) {
  Tokenizer t(Kind::kCharacters);
  for (const auto& [character, n] : count(texts, split_characters)) t.add(std::string(character));
  return t;
}

Tokenizer Tokenizer::words(std::span<const std::string> texts, int64_t most) {
  check(most > kSpecials, "Tokenizer::words: ", most, " tokens; ", int(kSpecials), " are special already");
  const Counts counts = count(texts, split_words);
  std::vector<std::pair<int64_t, std::string_view>> order;
  for (const auto& [word, n] : counts) order.push_back({-n, word});
  std::sort(order.begin(), order.end());
  Tokenizer t(Kind::kWords);
  for (size_t i = 0; i < order.size() && t.size() < most; ++i) t.add(std::string(order[i].second));
  return t;
}

Tokenizer Tokenizer::byte_pairs(std::span<const std::string> texts, int64_t most) {
  check(most >= kSpecials + kBytes, "Tokenizer::byte_pairs: ", most,
        " tokens; the single bytes and the special ones are ", kSpecials + kBytes);
  Tokenizer t(Kind::kBytePairs);
  std::vector<CountedWord> words;
  for (const auto& [piece, n] : count(texts, split_pieces)) {
    words.push_back({{}, n});
    t.encode_piece(piece, words.back().tokens);
  }
  for (const auto& [left, right] : learn_byte_pairs(std::move(words), bijou::index(t.size()), most - t.size()))
    t.merge(left, right);
  return t;
}

// Merges in the order in which they were learnt, which is that of the ids they made.
void Tokenizer::encode_piece(std::string_view piece, Tokens& out) const {
  Tokens tokens;
  for (const char c : piece) tokens.push_back(kSpecials + static_cast<unsigned char>(c));
  while (tokens.size() > 1) {
    bijou::index made = INT32_MAX;
    TokenPair pair;
    for (size_t i = 1; i < tokens.size(); ++i) {
      const TokenPair here(tokens[i - 1], tokens[i]);
      const auto found = merged_.find(key_of(here));
      if (found != merged_.end() && found->second < made) made = found->second, pair = here;
    }
    if (made == INT32_MAX) break;
    replace_pair(tokens, pair, made);
  }
  out.insert(out.end(), tokens.begin(), tokens.end());
}

Tokens Tokenizer::encode(std::string_view text) const {
  Tokens out;
  if (kind_ == Kind::kBytePairs)
    for (const std::string_view piece : split_pieces(text)) encode_piece(piece, out);
  else
    for (const std::string_view part : kind_ == Kind::kWords ? split_words(text) : split_characters(text))
      out.push_back(id(std::string(part)));
  return out;
}

std::string Tokenizer::decode(std::span<const bijou::index> tokens) const {
  std::string text;
  for (const bijou::index id : tokens) {
    if (kind_ == Kind::kWords && !text.empty()) text += ' ';
    text += token(id);
  }
  return text;
}

const std::string& Tokenizer::token(bijou::index id) const {
  check(id >= 0 && id < size(), "Tokenizer: there is no token ", id, " among ", size());
  return tokens_[size_t(id)];
}

bijou::index Tokenizer::id(const std::string& token) const {
  const auto found = ids_.find(token);
  return found == ids_.end() ? bijou::index(kUnknown) : found->second;
}

void Tokenizer::save(const std::string& path) const {
  std::string text = std::string("bijou tokens: ") + kKindNames[int(kind_)] + "\n";
  if (kind_ == Kind::kBytePairs) {
    std::map<bijou::index, uint64_t> in_order;
    for (const auto& [pair, id] : merged_) in_order[id] = pair;
    for (const auto& [id, pair] : in_order)
      text += std::to_string(pair >> 32) + " " + std::to_string(uint32_t(pair)) + "\n";
  } else {
    for (size_t i = kSpecials; i < tokens_.size(); ++i) text += escaped(tokens_[i]) + "\n";
  }
  write_file(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

Tokenizer Tokenizer::load(const std::string& path) {
  const Bytes bytes = read_file(path);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  int64_t number = 0;
  Tokenizer t(Kind::kCharacters);
  for (size_t at = 0; at < text.size(); ++number) {
    const size_t end = text.find('\n', at);
    check(end != std::string_view::npos, path, ": line ", number + 1, " is cut short");
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    if (number == 0) {
      int kind = 0;
      while (kind < 3 && line != std::string("bijou tokens: ") + kKindNames[kind]) ++kind;
      check(kind < 3, path, ": the first line should be \"bijou tokens: \" and characters, words or byte pairs");
      t = Tokenizer(Kind(kind));
    } else if (t.kind_ == Kind::kBytePairs) {
      bijou::index left = 0, right = 0;
      check(parse_pair(line, t.size(), left, right), path, ": line ", number + 1, ": the numbers of two tokens below ",
            t.size(), " expected");
      t.merge(left, right);
    } else {
      std::string token;
      check(unescape(line, token) && !t.ids_.count(token), path, ": line ", number + 1, ": a new token expected");
      t.add(token);
    }
  }
  check(number > 0, path, ": there is nothing in it");
  return t;
}

}  // namespace bijou::ssl
