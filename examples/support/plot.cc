#include "examples/support/plot.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>

#include "tensor/files.h"

namespace bijou::support {
namespace {

// Okabe and Ito's colours, which colour-blind readers can tell apart, the strongest first; then again, dashed.
const char* const kColors[] = {"0072b2", "d55e00", "009e73", "cc79a7", "e69f00", "56b4e9", "555555"};

const char* const kLook = R"(set border 3 lc rgb '#666666'
set tics nomirror out textcolor rgb '#333333'
set grid lt 1 lw 0.5 lc rgb '#dddddd'
set key below Left reverse samplen 1.5 spacing 1.2 width 2
set datafile missing 'NaN'
)";

std::string number(double x) {
  if (!std::isfinite(x)) return "NaN";
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", x);
  return text;
}

// `text` between quotes, in which the quote itself is written twice, as gnuplot and CSV both do; on one line.
std::string quoted(const std::string& text, char quote) {
  std::string q(1, quote);
  for (char c : text) q += c == quote ? std::string(2, c) : std::string(1, c == '\n' ? ' ' : c);
  return q + quote;
}

ByteView bytes_of(const std::string& text) { return {reinterpret_cast<const uint8_t*>(text.data()), text.size()}; }

// ---- What gnuplot is told ------------------------------------------------------------------------------------------

bool has_visible_point(const Series& s, const PlotOptions& options) {
  const auto on_axis = [](double v, bool log) { return std::isfinite(v) && (v > 0 || !log); };
  for (size_t i = 0; i < s.y.size(); ++i)
    if (on_axis(s.x[i], options.log_x) && on_axis(s.y[i], options.log_y)) return true;
  return false;
}

std::string size_of(const PlotOptions& o, int scale) {
  return " size " + std::to_string(scale * o.width) + "," + std::to_string(scale * o.height);
}
std::string svg_terminal(const PlotOptions& o) {
  return "svg noenhanced dynamic background 'white' font 'sans-serif,14'" + size_of(o, 1);
}
std::string png_terminal(const PlotOptions& o) {
  return "pngcairo noenhanced fontscale 2 linewidth 2 pointscale 2 font 'Sans,11'" + size_of(o, 2);
}

struct Commands {
  std::string data;           // named blocks of rows: x y error
  std::string shades, marks;  // entries of `plot`; shades come first, so that lines and points lie above them all

  void add_mark(const std::string& mark) { marks += (marks.empty() ? "" : ", ") + mark; }
};

std::string rows(const Series& s) {
  std::string text;
  for (size_t i = 0; i < s.y.size(); ++i)
    text += number(s.x[i]) + " " + number(s.y[i]) + (s.error.empty() ? "" : " " + number(s.error[i])) + "\n";
  return text;
}

void add_line(const std::string& block, const std::string& title, const std::string& color, bool dashed, bool filled,
              bool band, Commands* all) {
  const std::string shade = " notitle with filledcurves fs transparent solid 0.25 noborder lc rgb '#" + color + "', ";
  if (filled) all->shades += block + " using 1:2:(0)" + shade;
  if (band) all->shades += block + " using 1:($2-$3):($2+$3)" + shade;
  all->add_mark(block + " using 1:2" + title + " with lines lw 2 dt " + (dashed ? "2" : "1") + " lc rgb '#" + color +
                "'");
}

// The more points, the smaller, and always somewhat transparent (#50); in the legend large enough to be seen.
void add_points(const std::string& block, const std::string& title, const std::string& color, size_t n, Commands* all) {
  const std::string dots = " with points pt 7 lc rgb '#50" + color + "' ps ";
  all->add_mark(block + " using 1:2 notitle" + dots + (n > 500 ? "0.25" : "0.5"));
  all->add_mark("keyentry" + dots + "0.7" + title);
}

// ---- gnuplot as a child process ------------------------------------------------------------------------------------

struct TemporaryFile {  // has no name, and goes away by itself
  std::FILE* file = std::tmpfile();
  TemporaryFile() { check(file != nullptr, "plot: no temporary file can be made"); }
  ~TemporaryFile() { std::fclose(file); }

  std::string text() const {
    std::string text;
    char buffer[4096];
    std::rewind(file);
    while (const size_t n = std::fread(buffer, 1, sizeof buffer, file)) text.append(buffer, n);
    return text;
  }
};

// Starts gnuplot; 0 where it is not installed.
pid_t start_gnuplot(std::FILE* in, std::FILE* out, std::FILE* errors) {
  posix_spawn_file_actions_t streams;
  posix_spawn_file_actions_init(&streams);
  posix_spawn_file_actions_adddup2(&streams, fileno(in), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&streams, fileno(out), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&streams, fileno(errors), STDERR_FILENO);
  char name[] = "gnuplot";
  char* const arguments[] = {name, nullptr};
  pid_t child = 0;
  const int failure = posix_spawnp(&child, name, &streams, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&streams);
  check(failure == 0 || failure == ENOENT, "plot: gnuplot does not start: error ", failure);
  return failure ? 0 : child;
}

// The picture that gnuplot makes of the script; empty where it is not installed.
std::string run_gnuplot(const std::string& script) {
  TemporaryFile in, out, errors;
  std::fwrite(script.data(), 1, script.size(), in.file);
  std::rewind(in.file);
  const pid_t child = start_gnuplot(in.file, out.file, errors.file);
  if (!child) return "";
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  check(status == 0, "plot: gnuplot failed: ", errors.text());
  return out.text();
}

}  // namespace

// ---- What is drawn -------------------------------------------------------------------------------------------------

Plot& Plot::add(Series series, Style style) {
  const size_t n = series.y.size();
  if (series.x.empty()) {
    series.x.resize(n);
    std::iota(series.x.begin(), series.x.end(), 1);
  }
  check(series.x.size() == n, "plot: ", series.label, ": ", series.x.size(), " x for ", n, " y");
  check(series.error.empty() || series.error.size() == n, "plot: ", series.label, ": ", series.error.size(),
        " errors for ", n, " y");
  drawn_.push_back({std::move(series), style});
  return *this;
}

Plot& Plot::line(const Series& series) { return add(series, Style::kLine); }
Plot& Plot::points(const Series& series) { return add(series, Style::kPoints); }

Plot& Plot::points(const std::string& label, const Tensor& xy) {
  check(xy.dim() == 2 && xy.size(1) == 2, "plot: ", label, ": points [n, 2] expected, not ", xy.shape());
  Series series{.label = label};
  for (const real* p = xy.begin(); p != xy.end(); p += 2) series.x.push_back(p[0]), series.y.push_back(p[1]);
  return points(series);
}

Plot& Plot::histogram(const std::string& label, const std::vector<double>& values, int bins) {
  std::vector<double> finite;
  std::copy_if(values.begin(), values.end(), std::back_inserter(finite), [](double v) { return std::isfinite(v); });
  check(bins > 0 && !finite.empty(), "plot: ", label, ": a histogram of ", finite.size(), " values in ", bins, " bins");
  const auto [least, most] = std::minmax_element(finite.begin(), finite.end());
  double low = *least, high = *most;
  if (low == high) low -= 0.5, high += 0.5;
  const double width = (high - low) / bins;
  check(width > 0 && std::isfinite(width), "plot: ", label, ": no histogram from ", low, " to ", high);
  std::vector<double> density(size_t(bins), 0.0);
  for (double v : finite)
    density[size_t(std::min(bins - 1, int((v - low) / width)))] += 1 / (double(finite.size()) * width);
  Series outline{.label = label};
  for (int i = 0; i < bins; ++i)
    for (int end : {i, i + 1}) outline.x.push_back(low + end * width), outline.y.push_back(density[size_t(i)]);
  return add(outline, Style::kArea);
}

std::string Plot::csv() const {
  std::string text = "series,x,y,error\n";
  for (const auto& [s, style] : drawn_)
    for (size_t i = 0; i < s.y.size(); ++i)
      text += quoted(s.label, '"') + "," + number(s.x[i]) + "," + number(s.y[i]) + "," +
              (s.error.empty() ? "" : number(s.error[i])) + "\n";
  return text;
}

std::string Plot::script(const std::string& terminal) const {
  Commands all;
  for (size_t k = 0; k < drawn_.size(); ++k) {
    const auto& [series, style] = drawn_[k];
    const std::string block = "$series" + std::to_string(k);
    all.data += block + " << END\n" + rows(series) + "END\n";
    const std::string title = series.label.empty() ? " notitle" : " title " + quoted(series.label, '\'');
    const std::string color = kColors[k % std::size(kColors)];
    if (style == Style::kPoints) add_points(block, title, color, series.y.size(), &all);
    else add_line(block, title, color, k >= std::size(kColors), style == Style::kArea, !series.error.empty(), &all);
  }
  const auto& o = options_;
  return all.data + "set terminal " + terminal + "\nset title " + quoted(o.title, '\'') + "\nset xlabel " +
         quoted(o.x_label, '\'') + "\nset ylabel " + quoted(o.y_label, '\'') + "\n" +
         (o.log_x ? "set logscale x\n" : "") + (o.log_y ? "set logscale y\n" : "") +
         (o.equal_axes ? "set size ratio -1\n" : "") + kLook + "plot " + all.shades + all.marks + "\n";
}

std::string Plot::write(const std::string& path) const {
  const std::string ending = std::filesystem::path(path).extension().string();
  check(ending == ".svg" || ending == ".png", "plot: ", path, " should end in .svg or .png");
  const auto shows = [&](const Drawn& d) { return has_visible_point(d.series, options_); };
  check(std::any_of(drawn_.begin(), drawn_.end(), shows), "plot: ", path, ": there is not one point to draw");
  const std::string picture = run_gnuplot(script(ending == ".svg" ? svg_terminal(options_) : png_terminal(options_)));
  if (!picture.empty()) {
    write_file(path, bytes_of(picture));
    return path;
  }
  const std::string instead = std::filesystem::path(path).replace_extension(".csv").string();
  std::fprintf(stderr, "gnuplot is not installed: %s has the data of %s\n", instead.c_str(), path.c_str());
  write_file(instead, bytes_of(csv()));
  return instead;
}

}  // namespace bijou::support
