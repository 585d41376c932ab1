// The tour: runs the lecture chapter by chapter and binds the results into one page, out/tour/index.html.
//
// A chapter is one of the other examples, run with its defaults on one thread, as many at a time as there are threads;
// the longest begin. Each prints into out/tour/NAME/log.txt. Its text is examples/tour/NAME.md, in which {{key}} is the
// number that the run printed as "key" in its last line, {{key%}} the same as a percentage, and {{key.2}} the third of
// several; {{root}} leads to the sources. pandoc makes the page of it, formulas included. A block quote (>) is a claim,
// and is also printed in the terminal.
//
// A chapter that fails is named, the others run; Ctrl-C stops the tour and leaves a page of what was finished.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "examples/support/cli.h"
#include "examples/support/interrupt.h"
#include "examples/support/result.h"
#include "tensor/error.h"
#include "tensor/files.h"
#include "tensor/parallel.h"

using namespace bijou;
using namespace bijou::support;
namespace fs = std::filesystem;

namespace {

struct Chapter {
  const char *part, *name;
  int seconds, data_seconds;  // what to expect on two cores; on the real data
};
constexpr Chapter kChapters[] = {
    {"engine", "mnist", 8, 40},
    {"flows", "change_of_variables", 2, 2},
    {"flows", "flow_2d", 9, 9},
    {"flows", "flow_tabular", 9, 60},
    {"flows", "flow_images", 12, 12},
    {"ssl", "simclr", 20, 60},
    {"ssl", "masked_lm", 20, 40},
    {"ssl", "inverse_cloze", 10, 60},
    {"self-training", "self_training", 8, 20},
    {"self-training", "noisy_student", 25, 60},
    {"self-training", "noisy_student_audio", 20, 60},
    {"distaug", "distaug", 20, 20},
    {"flat", "sam", 20, 30},
    {"flat", "hessian", 8, 10},
    {"models", "char_rnn", 8, 8},
    {"models", "wavenet", 20, 60},
    {"models", "family", 30, 30},
    {"quiz", "quiz", 20, 30},
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

// Runs the program and makes the text of its last line. `said` is told each line of its progress.
template <class Said>
Outcome run_chapter(const Chapter& chapter, const std::string& programs, const Run& run, const Said& said) {
  Outcome outcome;
  outcome.chapter = &chapter;
  const std::string folder = run.out + "/" + chapter.name, log = folder + "/log.txt";
  fs::create_directories(folder);
  std::string command = quoted(programs + "/" + chapter.name) + " --threads 1 --out " + quoted(folder) + " --seed " +
                        std::to_string(run.seed);
  if (!run.data.empty()) command += " --data " + quoted(run.data);
  const auto start = std::chrono::steady_clock::now();
  FILE* pipe = popen((command + " 2>&1 >" + quoted(log)).c_str(), "r");
  check(pipe != nullptr, "tour: cannot start ", command);
  std::string line, last;
  for (int c; (c = std::fgetc(pipe)) != EOF;) {
    if (c != '\n' && c != '\r') line += char(c);
    else if (!line.empty()) said(last = std::exchange(line, ""));
  }
  const int status = pclose(pipe);
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  try {
    check(WIFEXITED(status), "it was ended by signal ", WTERMSIG(status));
    check(status == 0, "it ended with status ", WEXITSTATUS(status), last.empty() ? "" : ": " + last);
    const Bytes bytes = read_file(log);
    std::string printed(bytes.begin(), bytes.end());
    while (printed.ends_with('\n')) printed.pop_back();
    auto measured = nlohmann::json::parse(printed.substr(printed.rfind('\n') + 1), nullptr, false);
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

// What is going on, on a terminal: a bar for the whole, and below it the progress of every chapter that runs.
class Board {
 public:
  Board(int total, size_t lanes) : total_(total), lanes_(lanes), terminal_(isatty(STDERR_FILENO)) {}

  void begins(size_t lane, const Chapter& c) { lanes_[lane] = {&c, ""}, draw(); }
  void said(size_t lane, std::string line) { lanes_[lane].line = std::move(line), draw(); }
  void ended(size_t lane, const Outcome& o, int seconds) {
    done_ += seconds, lanes_[lane] = {};
    wipe();
    std::printf("%-20s %6.1f s%s\n", o.chapter->name, o.seconds,
                o.failure.empty() ? "" : ("  FAILED: " + o.failure).c_str());
    std::fflush(stdout);
    draw();
  }
  void wipe() {
    if (drawn_) std::fprintf(stderr, "\r\033[%zuA\033[J", std::exchange(drawn_, 0));
  }

 private:
  struct Lane {
    const Chapter* chapter = nullptr;
    std::string line;
  };
  void draw() {
    if (!terminal_) return;
    wipe();
    std::string bar(size_t(30 * done_ / total_), '#');
    bar.resize(30, '.');
    std::fprintf(stderr, "[%s] about %s left\n", bar.c_str(), minutes((total_ - done_) / int(lanes_.size())).c_str());
    for (const Lane& lane : lanes_)
      if (lane.chapter) std::fprintf(stderr, "  %-20s %.90s\n", lane.chapter->name, lane.line.c_str()), ++drawn_;
    ++drawn_;
  }
  int total_, done_ = 0;
  std::vector<Lane> lanes_;
  bool terminal_;
  size_t drawn_ = 0;  // lines to be wiped
};

// Runs all chapters, several at a time; those that Ctrl-C caught are left out.
std::vector<Outcome> run_chapters(const std::vector<const Chapter*>& chapters, const std::string& programs,
                                  const Run& run) {
  auto seconds = [&](size_t i) { return run.data.empty() ? chapters[i]->seconds : chapters[i]->data_seconds; };
  std::vector<size_t> queue(chapters.size());
  int total = 0;
  for (size_t i = 0; i < queue.size(); ++i) queue[i] = i, total += seconds(i);
  std::stable_sort(queue.begin(), queue.end(), [&](size_t a, size_t b) { return seconds(a) > seconds(b); });

  const size_t lanes = std::min(size_t(threads()), chapters.size());
  std::printf("%zu chapters, about %s.\n", chapters.size(), minutes(total / int(lanes)).c_str());
  std::fflush(stdout);
  std::vector<Outcome> outcomes(chapters.size());
  Board board(total, lanes);
  std::mutex mutex;
  size_t next = 0;
  auto work = [&](size_t lane) {
    std::unique_lock lock(mutex);
    while (next < queue.size() && !interrupted()) {
      const size_t i = queue[next++];
      board.begins(lane, *chapters[i]);
      lock.unlock();
      Outcome outcome = run_chapter(*chapters[i], programs, run, [&](std::string line) {
        const std::lock_guard guard(mutex);
        board.said(lane, std::move(line));
      });
      lock.lock();
      if (interrupted()) return;
      board.ended(lane, outcome, seconds(i));
      outcomes[i] = std::move(outcome);
    }
  };
  interrupted();  // begins to listen
  std::vector<std::thread> workers;
  for (size_t lane = 0; lane < lanes; ++lane) workers.emplace_back(work, lane);
  for (std::thread& w : workers) w.join();
  board.wipe();
  std::erase_if(outcomes, [](const Outcome& o) { return o.chapter == nullptr; });
  return outcomes;
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv, {.name = "tour", .about = "Runs the whole lecture and makes one page of it."});
  const std::string part = args.option(
      "part", "",
      "run only this part (engine, flows, ssl, self-training, distaug, flat, models, quiz) or this chapter");
  const Run run = args.done();
  const std::string programs = fs::path(argv[0]).parent_path().string();

  std::vector<const Chapter*> chapters;
  for (const Chapter& c : kChapters)
    if (part.empty() || part == c.part || part == c.name) chapters.push_back(&c);
  if (chapters.empty()) args.refuse("--part: there is no part and no chapter '" + part + "'");
  const std::vector<Outcome> outcomes = run_chapters(chapters, programs, run);
  const bool stopped = outcomes.size() < chapters.size();
  const std::string page = write_page(outcomes, run);

  std::printf("\n%-20s %7s  %s\n", "chapter", "seconds", "what it shows");
  for (const Outcome& o : outcomes)
    std::printf("%-20s %7.1f  %s\n", o.chapter->name, o.seconds,
                o.failure.empty() ? claim_of(o.text).c_str() : ("FAILED: " + o.failure).c_str());
  std::printf("\n%sThe page of the tour: %s\n", stopped ? "Stopped early. " : "", page.c_str());
  const auto failures = std::count_if(outcomes.begin(), outcomes.end(), [](auto& o) { return !o.failure.empty(); });
  Result result("tour");
  result.set("chapters", int64_t(outcomes.size())), result.set("failed", int64_t(failures)), result.set("page", page);
  result.print();
  return stopped ? 130 : failures > 0;
}
