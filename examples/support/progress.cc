#include "examples/support/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace bijou::support {
namespace {

constexpr int kBarColumns = 30;

bool has_value(const char* variable) {
  const char* value = std::getenv(variable);
  return value && *value;
}

bool stderr_is_terminal() {
  const char* term = std::getenv("TERM");
  return isatty(STDERR_FILENO) && term && std::string_view(term) != "dumb";
}

// Between two drawings.
double pause_seconds(bool terminal) {
  if (terminal) return 0.1;
  return has_value("BIJOU_PROGRESS_SECONDS") ? std::atof(std::getenv("BIJOU_PROGRESS_SECONDS")) : 10;
}

// 65 -> "1:05", 3700 -> "1:01:40"
std::string clock_text(double seconds) {
  const long s = std::lround(seconds);
  char text[32];
  if (s < 3600) std::snprintf(text, sizeof text, "%ld:%02ld", s / 60, s % 60);
  else std::snprintf(text, sizeof text, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
  return text;
}

std::string rate_text(double rate, const std::string& unit) {
  char text[32];
  std::snprintf(text, sizeof text, rate < 1000 ? "%.3g" : "%.0f", rate);
  return text + (" " + unit) + "/s";
}

std::string bar(double part, int columns, bool color) {
  const int full = int(part * columns);
  std::string text = color ? "\033[36m" : "";
  for (int i = 0; i < columns; ++i) {
    if (i == full && color) text += "\033[90m";
    text += i < full || color ? "━" : " ";
  }
  return text + (color ? "\033[0m" : "");
}

}  // namespace

int terminal_columns() {
  winsize size = {};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

std::string progress_line(const ProgressOptions& options, int64_t done, double seconds, const std::string& note,
                          int width, bool color) {
  const double limit = options.minutes > 0 ? 60 * options.minutes : HUGE_VAL;
  const double by_steps = options.total > 0 ? double(done) / double(options.total) : 1;
  const double part = std::clamp(std::max(by_steps, seconds / limit), 0., 1.);
  const double rate = seconds > 0 ? double(done - options.start) / seconds : 0;
  char percent[16];
  std::snprintf(percent, sizeof percent, "%3d %%", int(100 * part));

  std::string text = width > 0 ? std::string(percent) : std::to_string(done) + "/" + std::to_string(options.total);
  const std::string gap = width > 0 ? "  " : ", ";
  if (rate > 0) text += gap + rate_text(rate, options.unit);
  if (part >= 1) text += gap + "took " + clock_text(seconds);
  else if (rate > 0) text += gap + clock_text(std::min(double(options.total - done) / rate, limit - seconds)) + " left";
  if (!note.empty()) text += gap + note;
  if (width <= 0) return options.title + ": " + text;

  // The bar gives way first, then the end of the text. One column stays free, or some terminals would wrap.
  text = text.substr(0, size_t(std::max(0, width - 2 - int(options.title.size()))));
  const int room = width - 3 - int(options.title.size() + text.size());
  const int columns = std::min(kBarColumns, room);
  return options.title + " " + (columns >= 5 ? bar(part, columns, color) + " " : "") + text;
}

Progress::Progress(const ProgressOptions& options)
    : options_(options), done_(options.start), terminal_(stderr_is_terminal()), pause_(pause_seconds(terminal_)) {}

void Progress::step(const std::string& note) {
  ++done_;
  note_ = note;
  if (since_drawn_.seconds() >= pause_) draw();
}

void Progress::draw() {
  since_drawn_ = {};
  const bool color = terminal_ && !has_value("NO_COLOR");
  const std::string line =
      progress_line(options_, done_, since_start_.seconds(), note_, terminal_ ? terminal_columns() : 0, color);
  std::fprintf(stderr, terminal_ ? "\r\033[K%s" : "%s\n", line.c_str());
  std::fflush(stderr);
}

void Progress::say(const std::string& line) {
  if (terminal_) std::fputs("\r\033[K", stderr);
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
  if (terminal_ && !finished_) draw();
}

void Progress::finish() {
  if (finished_) return;
  finished_ = true;
  draw();
  if (terminal_) std::fputs("\n", stderr);
}

}  // namespace bijou::support
