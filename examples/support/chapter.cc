#include "examples/support/chapter.h"

#include <sys/wait.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "examples/support/stopwatch.h"
#include "tensor/error.h"
#include "tensor/files.h"

namespace bijou::support {
namespace {

bool take_end(std::string* text, const std::string& end) {
  if (!text->ends_with(end)) return false;
  text->resize(text->size() - end.size());
  return true;
}

// What a chapter measured under "key", "key%", "key points" or "key.2", as words.
std::string measurement(std::string key, const nlohmann::json& measured) {
  const bool percent = take_end(&key, "%"), points = take_end(&key, " points");
  const size_t dot = key.find('.');
  nlohmann::json value = measured.value(key.substr(0, dot), nlohmann::json());
  if (dot != std::string::npos && value.is_array()) value = value.at(size_t(std::stoi(key.substr(dot + 1))));
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return std::to_string(value.get<int64_t>());
  check(value.is_number(), "tour: a text speaks of {{", key, "}}, which the run did not measure");
  const double number = value.get<double>(), size = std::abs(number);
  char text[32];
  if (percent) std::snprintf(text, sizeof text, "%.2f %%", 100 * number);
  else if (points) std::snprintf(text, sizeof text, "%.2f percentage points", 100 * number);
  else std::snprintf(text, sizeof text, size >= 1e4 && size < 1e15 ? "%.0f" : "%.4g", number);
  return text;
}

// Runs `command` and tells `said` each line that comes out of it. Throws if it fails.
void listen_to(const std::string& command, const std::function<void(const std::string&)>& said) {
  FILE* pipe = popen(command.c_str(), "r");
  check(pipe != nullptr, "it cannot be started");
  std::string line, last;
  for (int c; (c = std::fgetc(pipe)) != EOF;) {
    if (c != '\n' && c != '\r') line += char(c);
    else if (!line.empty()) said(last = std::exchange(line, ""));
  }
  const int status = pclose(pipe);
  check(WIFEXITED(status), "it was ended by signal ", WTERMSIG(status));
  check(status == 0, "it ended with status ", WEXITSTATUS(status), last.empty() ? "" : ": " + last);
}

nlohmann::json last_line(const std::string& log) {
  const Bytes bytes = read_file(log);
  std::string printed(bytes.begin(), bytes.end());
  while (printed.ends_with('\n')) printed.pop_back();
  const auto measured = nlohmann::json::parse(printed.substr(printed.rfind('\n') + 1), nullptr, false);
  check(measured.is_object(), "its last line is not a JSON object");
  return measured;
}

}  // namespace

std::string in_quotes(const std::string& word) {
  std::string s = "'";
  for (char c : word) s += c == '\'' ? "'\\''" : std::string(1, c);
  return s + "'";
}

std::string way_to_sources(const Run& run) {
  return std::filesystem::relative(std::filesystem::current_path(), run.out).string();
}

std::string tour_text(const std::string& name) {
  const Bytes bytes = read_file("examples/tour/" + name + ".md");
  return std::string(bytes.begin(), bytes.end());
}

std::string filled(const std::string& text, const nlohmann::json& measured) {
  std::string out;
  for (size_t at = 0;;) {
    const size_t open = text.find("{{", at), close = text.find("}}", open);
    if (close == std::string::npos) return out + text.substr(at);
    out += text.substr(at, open - at) + measurement(text.substr(open + 2, close - open - 2), measured);
    at = close + 2;
  }
}

std::string claim_of(const std::string& text) {
  std::istringstream lines(text);
  std::string claim;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("> ")) claim += (claim.empty() ? "" : " ") + line.substr(2);
  return claim;
}

double part_done(const std::string& line, double otherwise) {
  long long done, total;
  const size_t colon = line.find(": ");
  if (colon == std::string::npos || std::sscanf(line.c_str() + colon, ": %lld/%lld", &done, &total) != 2 || total <= 0)
    return otherwise;
  return double(done) / double(total);
}

Outcome run_chapter(const std::string& name, const std::string& programs, const Run& run,
                    const std::function<void(const std::string&)>& said) {
  Outcome outcome;
  outcome.name = name;
  const Stopwatch watch;
  try {
    const std::string folder = run.out + "/" + name, log = folder + "/log.txt";
    std::filesystem::create_directories(folder);
    std::string command = "BIJOU_PROGRESS_SECONDS=0.5 exec " + in_quotes(programs + "/" + name) +
                          " --threads 1 --out " + in_quotes(folder) + " --seed " + std::to_string(run.seed);
    if (!run.data.empty()) command += " --data " + in_quotes(run.data);
    listen_to(command + " 2>&1 >" + in_quotes(log), said);
    nlohmann::json measured = last_line(log);
    for (const char* key : {"dataset", "corpus", "text", "table"}) outcome.data += measured.value(key, "");
    measured["root"] = way_to_sources(run);
    outcome.text = filled(tour_text(name), measured);
    if (!outcome.data.empty()) outcome.text += "\n[Data: " + outcome.data + ".]{.next}\n";
  } catch (const std::exception& e) {
    outcome.failure = e.what();
    outcome.text = "# " + name + " failed\n\n" + e.what() + "\n";
  }
  outcome.seconds = watch.seconds();
  return outcome;
}

}  // namespace bijou::support
