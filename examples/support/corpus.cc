#include "examples/support/corpus.h"

#include <algorithm>
#include <filesystem>
#include <unordered_set>

#include "examples/support/invented.h"
#include "tensor/error.h"
#include "tensor/random.h"

namespace bijou::support {
namespace {

// How many bytes the character at `at` has in UTF-8; 0 where there is none. (Surrogates and overlong forms pass.)
size_t character_bytes(const Bytes& bytes, size_t at) {
  const uint8_t first = bytes[at];
  const size_t n = first < 0x80 ? 1 : first >= 0xF8 ? 0 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC2 ? 2 : 0;
  if (at + n > bytes.size()) return 0;
  for (size_t i = 1; i < n; ++i)
    if ((bytes[at + i] & 0xC0) != 0x80) return 0;
  return n;
}

// The lines of a text file, without their ends (LF or CRLF). Throws where it is no text.
std::vector<std::string> lines_of(const Bytes& bytes, const std::string& name) {
  std::vector<std::string> lines(1);
  for (size_t at = 0, n; at < bytes.size(); at += n) {
    n = character_bytes(bytes, at);
    check(n > 0, name, ": line ", lines.size(), ": byte ", at, " of the file is not UTF-8");
    check(bytes[at] >= ' ' || bytes[at] == '\n' || bytes[at] == '\r' || bytes[at] == '\t', name, ": line ",
          lines.size(), ": a control character, byte ", at, " of the file; a text expected");
    if (bytes[at] == '\n') {
      if (!lines.back().empty() && lines.back().back() == '\r') lines.back().pop_back();
      lines.emplace_back();
    } else {
      lines.back().append(bytes.begin() + int64_t(at), bytes.begin() + int64_t(at + n));
    }
  }
  if (lines.back().empty()) lines.pop_back();
  return lines;
}

Bytes read_text(std::string& path, const std::string& folder) {
  check(!folder.empty(), path, ": the folder of the data sets is not known: give --data DIR, or set BIJOU_DATA");
  path = folder + "/" + path;
  if (!std::filesystem::exists(path) && std::filesystem::exists(path + ".gz")) path += ".gz";
  check(std::filesystem::exists(path), path, ": there is no such file, nor ", path, ".gz");
  return read_file(path);
}

std::vector<Passage> read_passages(std::string path, const std::string& folder,
                                   std::vector<Passage> (*parse)(const Bytes&, const std::string&)) {
  const Bytes bytes = read_text(path, folder);
  return parse(bytes, path);
}

// The last parts are for validation and test.
Corpus cut(std::vector<Passage> all, double part) {
  const auto n = int64_t(double(all.size()) * part);
  Corpus c;
  c.test.assign(all.end() - n, all.end());
  c.valid.assign(all.end() - 2 * n, all.end() - n);
  all.resize(all.size() - 2 * size_t(n));
  c.train = std::move(all);
  return c;
}

// As words drawn at random are already.
std::vector<Passage> shuffled_without_repeats(const std::vector<Passage>& names) {
  Generator g(1);
  std::vector<Passage> out;
  std::unordered_set<std::string> known;
  for (const bijou::index i : randperm(int64_t(names.size()), g))
    if (known.insert(names[size_t(i)].text).second) out.push_back(names[size_t(i)]);
  return out;
}

std::string without_blanks_around(const std::string& s) {
  const size_t first = s.find_first_not_of(' '), last = s.find_last_not_of(' ');
  return first == std::string::npos ? "" : s.substr(first, last - first + 1);
}

}  // namespace

std::vector<Passage> parse_names(const Bytes& bytes, const std::string& name) {
  std::vector<Passage> names;
  for (const std::string& line : lines_of(bytes, name)) {
    const bool letters = std::all_of(line.begin(), line.end(), [](char c) { return c >= 'a' && c <= 'z'; });
    check(letters && !line.empty(), name, ": line ", names.size() + 1, ": one name of letters a to z expected, not \"",
          line.substr(0, 40), "\"");
    names.push_back({line});
  }
  check(!names.empty(), name, ": there is no name in it");
  return names;
}

std::vector<Passage> parse_plays(const Bytes& bytes, const std::string& name) {
  std::vector<Passage> speeches;
  int64_t number = 0;
  bool inside = false;
  for (const std::string& line : lines_of(bytes, name)) {
    ++number;
    if (line.empty()) {
      inside = false;
    } else if (!inside) {
      check(line.size() > 1 && line.back() == ':', name, ": line ", number,
            ": who speaks, and a colon, expected, not \"", line.substr(0, 40), "\"");
      speeches.push_back({"", line.substr(0, line.size() - 1)}), inside = true;
    } else {
      std::string& text = speeches.back().text;
      text += (text.empty() ? "" : "\n") + line;
    }
  }
  std::erase_if(speeches, [](const Passage& p) { return p.text.empty(); });
  check(!speeches.empty(), name, ": there is no speech in it");
  return speeches;
}

std::vector<Passage> parse_wikitext(const Bytes& bytes, const std::string& name) {
  std::vector<Passage> paragraphs;
  std::string title;
  int64_t number = 0;
  for (const std::string& raw : lines_of(bytes, name)) {
    ++number;
    const std::string line = without_blanks_around(raw);
    if (line.empty()) continue;
    const bool heading = line.size() > 4 && line.starts_with("= ") && line.ends_with(" =");
    if (heading && !line.starts_with("= = ")) title = line.substr(2, line.size() - 4);
    if (heading) continue;
    check(!title.empty(), name, ": line ", number, ": an article's title, = Title =, expected before its text");
    paragraphs.push_back({line, title});
  }
  check(!paragraphs.empty(), name, ": there is no paragraph in it");
  return paragraphs;
}

std::vector<std::string> texts_of(const std::vector<Passage>& passages) {
  std::vector<std::string> texts;
  for (const Passage& p : passages) texts.push_back(p.text);
  return texts;
}

std::vector<std::string> sentences_of(const std::string& text) {
  std::vector<std::string> sentences;
  size_t first = 0;
  for (size_t at = 0; at + 1 < text.size(); ++at) {
    const bool stop = text[at] == '.' || text[at] == '!' || text[at] == '?';
    if (!stop || at == 0 || text[at - 1] != ' ' || text[at + 1] != ' ') continue;
    sentences.push_back(without_blanks_around(text.substr(first, at + 1 - first)));
    first = at + 2;
  }
  if (std::string rest = without_blanks_around(text.substr(std::min(first, text.size()))); !rest.empty())
    sentences.push_back(std::move(rest));
  return sentences;
}

std::vector<std::string> corpus_names() { return {"words", "documents", "names", "shakespeare", "wikitext"}; }

Corpus load_corpus(const std::string& name, const std::string& folder) {
  std::vector<Passage> invented;
  if (name == "words") {
    for (std::string& word : invent_words(20'000, Generator(1))) invented.push_back({std::move(word)});
    return cut(std::move(invented), 0.05);
  }
  if (name == "documents") {
    for (Invented& d : invent_documents(20'000, Generator(1))) invented.push_back({std::move(d.text)});
    return cut(std::move(invented), 0.025);
  }
  if (name == "names") return cut(shuffled_without_repeats(read_passages("text/names.txt", folder, parse_names)), 0.05);
  if (name == "shakespeare") return cut(read_passages("text/tinyshakespeare.txt", folder, parse_plays), 0.05);
  auto wiki = [&](const std::string& split) {
    return read_passages("wikitext-2/wiki." + split + ".tokens", folder, parse_wikitext);
  };
  if (name == "wikitext") return {wiki("train"), wiki("valid"), wiki("test")};
  fail("there is no corpus ", name, "; there are words, documents, names, shakespeare and wikitext");
}

}  // namespace bijou::support
