#include "examples/support/cli.h"

#define CXXOPTS_NO_REGEX  // <regex> would double the compile time
#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cxxopts.hpp>
#include <exception>
#include <filesystem>

#include "tensor/parallel.h"

namespace bijou::support {
namespace {

std::string program;  // named beside the message of an exception that nobody catches

[[noreturn]] void end_with_message() {
  std::fflush(stdout);
  try {
    std::rethrow_exception(std::current_exception());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", program.c_str(), e.what());
  } catch (...) {
    std::fprintf(stderr, "%s: unknown exception\n", program.c_str());
  }
  std::_Exit(1);
}

// Is all of `text` a finite number?
template <class T>
bool parse_number(const std::string& text, T* number) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, *number);
  return error == std::errc() && stop == end && std::isfinite(double(*number));
}

// The shortest text that reads as this number.
std::string exact_text(double number) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, number).ptr};
}

std::string join(const std::vector<std::string>& words) {
  std::string list;
  for (size_t i = 0; i < words.size(); ++i) list += (i == 0 ? "" : i + 1 < words.size() ? ", " : " or ") + words[i];
  return list;
}

}  // namespace

struct Args::Parser {
  int argc;
  char** argv;
  cxxopts::Options options;
  std::string group = "";  // under which --help lists the options declared from now on

  // Reads the options that are declared so far, and passes over the others.
  cxxopts::ParseResult parse(const Args& args) {
    try {
      return options.parse(argc, argv);
    } catch (const cxxopts::exceptions::parsing& e) {
      args.refuse(e.what());
    }
  }
};

Args::Args(int argc, char** argv, const About& about)
    : about_(about), parser_(new Parser{argc, argv, cxxopts::Options(about.name, about.name + ": " + about.about)}) {
  program = about.name;
  std::set_terminate(end_with_message);
  parser_->options.custom_help("[options]").set_width(100).allow_unrecognised_options();
  const char* environment = std::getenv("BIJOU_DATA");
  parser_->group = "Common";
  data_ = option("data", environment ? environment : "", "folder of the real data sets; else $BIJOU_DATA");
  parser_->group = "";
}

Args::~Args() = default;

void Args::refuse(const std::string& message) const {
  std::fprintf(stderr, "%s: %s (%s --help lists the options)\n", about_.name.c_str(), message.c_str(),
               about_.name.c_str());
  std::exit(2);
}

std::string Args::value(const std::string& name, const std::string& fallback, const std::string& help) {
  auto text = cxxopts::value<std::string>();
  if (!fallback.empty()) text->default_value(fallback);  // for --help to show
  parser_->options.add_options(parser_->group)(name, help, text, "VALUE");
  const auto parsed = parser_->parse(*this);
  return parsed.count(name) ? parsed[name].as<std::string>() : fallback;
}

std::string Args::option(const std::string& name, const char* fallback, const std::string& help) {
  return value(name, fallback, help);
}

double Args::option(const std::string& name, double fallback, const std::string& help) {
  const std::string text = value(name, exact_text(fallback), help);
  double number;
  if (!parse_number(text, &number)) refuse("--" + name + ": a number expected, '" + text + "' given");
  return number;
}

int Args::option(const std::string& name, int fallback, const std::string& help, int least) {
  const std::string text = value(name, std::to_string(fallback), help);
  int number;
  if (!parse_number(text, &number) || number < least)
    refuse("--" + name + ": a whole number from " + std::to_string(least) + " expected, '" + text + "' given");
  return number;
}

std::string Args::choice(const std::string& name, const std::vector<std::string>& choices, const std::string& help) {
  const std::string text = value(name, choices.at(0), help + ": " + join(choices));
  if (std::find(choices.begin(), choices.end(), text) == choices.end())
    refuse("--" + name + ": " + join(choices) + " expected, '" + text + "' given");
  return text;
}

std::string Args::source(const std::string& name, const std::string& with_data, const std::string& without_data,
                         const std::string& help) {
  const std::string given =
      option(name, "", help + "; by default " + with_data + " where --data is given, else " + without_data);
  return !given.empty() ? given : data_.empty() ? without_data : with_data;
}

bool Args::flag(const std::string& name, const std::string& help) {
  parser_->options.add_options(parser_->group)(name, help);
  return parser_->parse(*this).count(name) > 0;
}

Run Args::done() {
  parser_->group = "Common";
  Run run;
  run.data = data_;
  run.out = option("out", ("out/" + about_.name).c_str(), "folder for what it writes");
  run.seed = uint64_t(option("seed", about_.seed, "where the random numbers start"));
  run.epochs = about_.epochs ? option("epochs", about_.epochs, about_.epoch, about_.least_epochs) : 0;
  const int threads = option("threads", bijou::threads(), "cores to use", 1);
  if (flag("help", "show this")) {
    std::printf("%s\n", parser_->options.help({"", "Common"}).c_str());
    std::exit(0);
  }
  const auto unknown = parser_->parse(*this).unmatched();
  if (!unknown.empty()) refuse("unknown option " + unknown[0]);
  std::error_code error;
  std::filesystem::create_directories(run.out, error);
  if (error) refuse("--out " + run.out + ": " + error.message());
  set_threads(threads);
  return run;
}

}  // namespace bijou::support
