// How far a long loop has come: a bar with its rate and the time left on a terminal, a plain line now and then
// elsewhere (a log file, a pipe), every ten seconds or as often as BIJOU_PROGRESS_SECONDS says. It goes to stderr, so
// that stdout keeps only results. NO_COLOR is respected.
//
//   Progress progress({.title = "training", .total = steps});
//   for (...) {
//     ...
//     progress.step("loss " + to_string(loss));
//   }
#pragma once

#include <cstdint>
#include <string>

#include "examples/support/stopwatch.h"

namespace bijou::support {

struct ProgressOptions {
  std::string title;
  int64_t total;      // steps in all
  int64_t start = 0;  // steps done by an earlier run, which this one resumes
  std::string unit = "steps";
  double minutes = 0;  // after which the loop ends, whatever is left of its steps; 0: no limit
};

class Progress {
 public:
  explicit Progress(const ProgressOptions& options);
  ~Progress() { finish(); }
  Progress(const Progress&) = delete;

  // One step more is done; the note is shown behind the numbers.
  void step(const std::string& note = "");
  // Prints a line to stdout, above the bar.
  void say(const std::string& line);
  // Leaves the last state standing; the destructor does so too.
  void finish();

 private:
  void draw();

  ProgressOptions options_;
  int64_t done_;
  std::string note_;
  Stopwatch since_start_, since_drawn_;
  bool terminal_, finished_ = false;
  double pause_;  // seconds between two drawings
};

// What Progress shows, for itself: `done` of options.total steps, `seconds` after the start.
// A bar that fits `width` columns; in plain words where width is 0.
std::string progress_line(const ProgressOptions& options, int64_t done, double seconds, const std::string& note,
                          int width, bool color);

int terminal_columns();  // of stderr's terminal; 80 where there is none

}  // namespace bijou::support
