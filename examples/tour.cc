// The tour: runs the lecture chapter by chapter and binds the results into one page, out/tour/index.html.
//
// A chapter is one of the other examples, run with its defaults, and a text, examples/tour/NAME.md. In the text,
// {{key}} is the number that the run printed as "key" in its last line, {{key%}} the same as a percentage, and
// {{key.2}} the third of several; {{root}} leads to the sources. pandoc makes the page of it, formulas included. A
// block quote (>) is a claim, and is also printed in the terminal.
//
// A chapter that fails is named, the others run; Ctrl-C stops the tour and leaves a page of what was finished.
#include <sys/wait.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "examples/support/cli.h"
#include "examples/support/interrupt.h"
#include "examples/support/result.h"
#include "tensor/error.h"
#include "tensor/files.h"

using namespace bijou;
using namespace bijou::support;
namespace fs = std::filesystem;

namespace {

struct Chapter {
  const char *part, *name;
  int seconds, data_seconds;  // what to expect on two cores; on the real data
};
constexpr Chapter kChapters[] = {
    {"engine", "mnist", 7, 25},
};

struct Outcome {
  const Chapter* chapter;
  double seconds = 0;
  std::string text;     // of the chapter, numbers filled in
  std::string failure;  // why there are none; empty where all went well
};

constexpr const char* kTexts = "examples/tour";

std::string quoted(const std::string& word) {
  std::string s = "'";
  for (char c : word) s += c == '\'' ? "'\\''" : std::string(1, c);
  return s + "'";
}

std::string text_of(const std::string& name) {
  const Bytes bytes = read_file(kTexts + ("/" + name + ".md"));
  return std::string(bytes.begin(), bytes.end());
}

// From the page to the sources, for links.
std::string root(const Run& run) { return fs::relative(fs::current_path(), run.out).string(); }

// What a chapter measured under "key", "key%" or "key.2", as words.
std::string measurement(std::string key, const nlohmann::json& measured) {
  const bool percent = key.ends_with('%');
  if (percent) key.pop_back();
  const size_t dot = key.find('.');
  nlohmann::json value = measured.value(key.substr(0, dot), nlohmann::json());
  if (dot != std::string::npos && value.is_array()) value = value.at(size_t(std::stoi(key.substr(dot + 1))));
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return std::to_string(value.get<int64_t>());
  check(value.is_number(), "tour: a text speaks of {{", key, "}}, which the run did not measure");
  char number[32];
  std::snprintf(number, sizeof number, percent ? "%.2f %%" : "%.4g", value.get<double>() * (percent ? 100 : 1));
  return number;
}

// "{{test_accuracy%}} are read right" -> "99.70 % are read right".
std::string filled(const std::string& text, const nlohmann::json& measured) {
  std::string out;
  for (size_t at = 0;;) {
    const size_t open = text.find("{{", at), close = text.find("}}", open);
    if (close == std::string::npos) return out + text.substr(at);
    out += text.substr(at, open - at) + measurement(text.substr(open + 2, close - open - 2), measured);
    at = close + 2;
  }
}

// Runs the program; what it prints is passed on, and its last line makes the text.
Outcome run_chapter(const Chapter& chapter, const std::string& programs, const Run& run) {
  Outcome outcome;
  outcome.chapter = &chapter;
  std::string command = quoted(programs + "/" + chapter.name) + " --out " + quoted(run.out + "/" + chapter.name) +
                        " --seed " + std::to_string(run.seed);
  if (!run.data.empty()) command += " --data " + quoted(run.data);
  const auto start = std::chrono::steady_clock::now();
  FILE* pipe = popen(command.c_str(), "r");
  check(pipe != nullptr, "tour: cannot start ", command);
  std::string line, last;
  for (int c; (c = std::fgetc(pipe)) != EOF;) {
    line += char(c);
    if (c != '\n') continue;
    std::fputs(line.c_str(), stdout), std::fflush(stdout);
    last = std::exchange(line, "");
  }
  const int status = pclose(pipe);
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  try {
    check(WIFEXITED(status), "it was ended by signal ", WTERMSIG(status));
    check(status == 0, "it ended with status ", WEXITSTATUS(status));
    auto measured = nlohmann::json::parse(last, nullptr, false);
    check(measured.is_object(), "its last line is not a JSON object");
    measured["root"] = root(run);
    outcome.text = filled(text_of(chapter.name), measured);
  } catch (const std::exception& e) {
    outcome.failure = e.what();
    outcome.text = std::string("# ") + chapter.name + " failed\n\n" + e.what() + "\n";
  }
  return outcome;
}

std::string claim_of(const std::string& chapter) {
  std::istringstream lines(chapter);
  std::string claim;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("> ")) claim += (claim.empty() ? "" : " ") + line.substr(2);
  return claim;
}

// Binds the texts of the finished chapters into one page; returns its path.
std::string write_page(const std::vector<Outcome>& outcomes, const Run& run) {
  std::string all = text_of("opening");
  for (const Outcome& o : outcomes) all += "\n\n" + o.text;
  all += "\n\n" + filled(text_of("closing"), {{"root", root(run)}});
  const std::string source = run.out + "/index.md", page = run.out + "/index.html";
  write_file(source, {reinterpret_cast<const uint8_t*>(all.data()), all.size()});
  const std::string command =
      "pandoc --from markdown --to html5 --mathml --toc --toc-depth 1 --section-divs --template " +
      quoted(kTexts + std::string("/page.html")) + " -o " + quoted(page) + " " + quoted(source);
  check(std::system(command.c_str()) == 0, "tour: pandoc could not make ", page, "; `make deps` installs it");
  return page;
}

std::string minutes(int seconds) {
  if (seconds < 100) return std::to_string(seconds) + " s";
  return std::to_string((seconds + 30) / 60) + " min";
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv, {.name = "tour", .about = "Runs the whole lecture and makes one page of it."});
  const std::string part = args.option("part", "", "run only this part (engine, flows, ssl, ...) or this chapter");
  const Run run = args.done();
  const std::string programs = fs::path(argv[0]).parent_path().string();

  std::vector<const Chapter*> chapters;
  int expected = 0, done = 0, failures = 0;
  auto seconds = [&](const Chapter& c) { return run.data.empty() ? c.seconds : c.data_seconds; };
  for (const Chapter& c : kChapters)
    if (part.empty() || part == c.part || part == c.name) chapters.push_back(&c), expected += seconds(c);
  if (chapters.empty()) args.refuse("--part: there is no part and no chapter '" + part + "'");
  std::printf("%zu chapters, about %s on two cores.\n", chapters.size(), minutes(expected).c_str());

  std::vector<Outcome> outcomes;
  interrupted();  // begins to listen
  for (const Chapter* chapter : chapters) {
    std::string bar(size_t(30 * done / expected), '#');
    bar.resize(30, '.');
    std::printf("\n[%s] chapter %zu of %zu, %s: %s; about %s left\n", bar.c_str(), outcomes.size() + 1, chapters.size(),
                chapter->part, chapter->name, minutes(expected - done).c_str());
    std::fflush(stdout);
    Outcome outcome = run_chapter(*chapter, programs, run);
    if (interrupted()) break;
    done += seconds(*chapter), failures += !outcome.failure.empty();
    outcomes.push_back(std::move(outcome));
  }
  const bool stopped = outcomes.size() < chapters.size();
  const std::string page = write_page(outcomes, run);

  std::printf("\n%-20s %7s  %s\n", "chapter", "seconds", "what it shows");
  for (const Outcome& o : outcomes)
    std::printf("%-20s %7.1f  %s\n", o.chapter->name, o.seconds,
                o.failure.empty() ? claim_of(o.text).c_str() : ("FAILED: " + o.failure).c_str());
  std::printf("\n%sThe page of the tour: %s\n", stopped ? "Stopped early. " : "", page.c_str());
  Result result("tour");
  result.set("chapters", int64_t(outcomes.size())), result.set("failed", failures), result.set("page", page);
  result.print();
  return stopped ? 130 : failures > 0;
}
