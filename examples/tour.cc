// The tour: runs the lecture chapter by chapter and binds the results into one page, out/tour/index.html.
//
// A chapter is one of the other examples, run with its defaults on one thread, as many at a time as there are threads;
// the longest begin. Its text is examples/tour/NAME.md, into which its numbers are filled (examples/support/chapter.h).
// pandoc makes the page of it, formulas included. A block quote (>) is a claim, and is also printed in the terminal.
//
// A chapter that fails is named, the others run; Ctrl-C stops the tour and leaves a page of what was finished.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "examples/support/chapter.h"
#include "examples/support/cli.h"
#include "examples/support/interrupt.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"
#include "examples/support/stopwatch.h"
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
    {"flows", "flow_images", 12, 90},
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
    {"models", "family", 30, 200},
    {"quiz", "quiz", 20, 45},
};

constexpr const char* kTemplate = "examples/tour/page.html";

// Binds the texts of the finished chapters into one page; returns its path.
std::string write_page(const std::vector<Outcome>& outcomes, const Run& run) {
  std::string all = tour_text("opening");
  for (const Outcome& o : outcomes) all += "\n\n" + o.text;
  all += "\n\n" + filled(tour_text("closing"), {{"root", way_to_sources(run)}});
  const std::string source = run.out + "/index.md", page = run.out + "/index.html";
  write_file(source, {reinterpret_cast<const uint8_t*>(all.data()), all.size()});
  const std::string command =
      "pandoc --from markdown --to html5 --mathml --toc --toc-depth 1 --section-divs --template " +
      in_quotes(kTemplate) + " -o " + in_quotes(page) + " " + in_quotes(source);
  check(std::system(command.c_str()) == 0, "tour: pandoc could not make ", page, "; `make deps` installs it");
  return page;
}

std::string minutes(int seconds) {
  if (seconds < 100) return std::to_string(seconds) + " s";
  return std::to_string((seconds + 30) / 60) + " min";
}

// What is going on, on a terminal: a bar for the whole, and below it one for every chapter that runs.
class Board {
 public:
  Board(int total, size_t lanes) : total_(total), lanes_(lanes), terminal_(isatty(STDERR_FILENO)) {}

  void begins(size_t lane, const Chapter& c, double seconds) {
    lanes_[lane] = {.name = c.name, .seconds = seconds};
    draw();
  }
  void said(size_t lane, const std::string& line) {
    lanes_[lane].line = line, lanes_[lane].part = part_done(line, lanes_[lane].part);
    draw();
  }
  void ended(size_t lane, const Outcome& o) {
    done_ += lanes_[lane].seconds, lanes_[lane] = {};
    wipe();
    std::printf("%-20s %6.1f s%s\n", o.name.c_str(), o.seconds,
                o.failure.empty() ? "" : ("  FAILED: " + o.failure).c_str());
    std::fflush(stdout);
    draw();
  }
  void wipe() {
    if (drawn_) std::fprintf(stderr, "\r\033[%zuA\033[J", std::exchange(drawn_, 0));
  }

 private:
  struct Lane {
    std::string name;
    double seconds = 0;  // to expect
    Stopwatch watch = {};
    double part = 0;  // of the loop that it is in
    std::string line = "";
  };
  // A chapter has several loops, so what it adds to the whole is the time that it took, up to what is expected of it.
  double done() const {
    double sum = done_;
    for (const Lane& lane : lanes_) sum += std::min(lane.seconds, lane.watch.seconds());
    return sum;
  }
  static std::string bar(double part, int columns) {
    const std::string full(size_t(std::clamp(part, 0., 1.) * columns), '#');
    return "[" + full + std::string(size_t(columns) - full.size(), '.') + "] ";
  }
  void put(std::string line) {  // a line that wrapped could not be wiped
    line.resize(std::min(line.size(), size_t(terminal_columns() - 1)));
    std::fprintf(stderr, "%s\n", line.c_str()), ++drawn_;
  }
  void draw() {
    if (!terminal_) return;
    wipe();
    put(bar(done() / total_, 30) + "about " + minutes(int((total_ - done()) / double(lanes_.size()))) + " left");
    for (const Lane& lane : lanes_)
      if (!lane.name.empty())
        put("  " + lane.name + std::string(20 - lane.name.size(), ' ') + bar(lane.part, 10) + lane.line);
  }
  double total_, done_ = 0;  // seconds
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
  std::printf("%zu chapters, %s, about %s.\n", chapters.size(),
              run.data.empty() ? "on generated data" : ("on the real data sets in " + run.data).c_str(),
              minutes(total / int(lanes)).c_str());
  std::fflush(stdout);
  std::vector<Outcome> outcomes(chapters.size());
  Board board(total, lanes);
  std::mutex mutex;
  size_t next = 0;
  auto work = [&](size_t lane) {
    std::unique_lock lock(mutex);
    while (next < queue.size() && !interrupted()) {
      const size_t i = queue[next++];
      board.begins(lane, *chapters[i], seconds(i));
      lock.unlock();
      Outcome outcome = run_chapter(chapters[i]->name, programs, run, [&](const std::string& line) {
        const std::lock_guard guard(mutex);
        board.said(lane, line);
      });
      lock.lock();
      if (interrupted()) return;
      board.ended(lane, outcome);
      outcomes[i] = std::move(outcome);
    }
  };
  interrupted();  // begins to listen
  std::vector<std::thread> workers;
  for (size_t lane = 0; lane < lanes; ++lane) workers.emplace_back(work, lane);
  for (std::thread& w : workers) w.join();
  board.wipe();
  std::erase_if(outcomes, [](const Outcome& o) { return o.name.empty(); });
  return outcomes;
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv, {.name = "tour", .about = "Runs the whole lecture and makes one page of it."});
  const std::string part = args.option(
      "part", "",
      "run only this part (engine, flows, ssl, self-training, distaug, flat, models, quiz) or this chapter");
  const Run run = args.done();
  if (!fs::exists(kTemplate)) args.refuse("start it in the project's folder: there is no " + std::string(kTemplate));
  const std::string programs = fs::path(argv[0]).parent_path().string();

  std::vector<const Chapter*> chapters;
  for (const Chapter& c : kChapters)
    if (part.empty() || part == c.part || part == c.name) chapters.push_back(&c);
  if (chapters.empty()) args.refuse("--part: there is no part and no chapter '" + part + "'");
  const std::vector<Outcome> outcomes = run_chapters(chapters, programs, run);
  const bool stopped = outcomes.size() < chapters.size();

  std::printf("\n%-20s %7s  %-11s  %s\n", "chapter", "seconds", "data", "what it shows");
  for (const Outcome& o : outcomes)
    std::printf("%-20s %7.1f  %-11s  %s\n", o.name.c_str(), o.seconds, o.data.c_str(),
                o.failure.empty() ? claim_of(o.text).c_str() : ("FAILED: " + o.failure).c_str());
  const std::string page = write_page(outcomes, run);
  std::printf("\n%sThe page of the tour: %s\n", stopped ? "Stopped early. " : "", page.c_str());
  const auto failures = std::count_if(outcomes.begin(), outcomes.end(), [](auto& o) { return !o.failure.empty(); });
  Result result("tour");
  result.set("chapters", int64_t(outcomes.size())), result.set("failed", int64_t(failures)), result.set("page", page);
  result.print();
  return stopped ? 130 : failures > 0;
}
