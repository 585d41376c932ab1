// A chapter of the tour: the run of another example, and the text into which its numbers go.
//
// The text of the example NAME is examples/tour/NAME.md. In it {{key}} is the number that the run printed as "key" in
// its last line, {{key%}} the same as a percentage, {{key points}} a difference of percentages, and {{key.2}} the third
// of several; {{root}} leads from the page to the sources. A block quote (>) is the chapter's claim.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "examples/support/cli.h"

namespace bijou::support {

std::string in_quotes(const std::string& word);  // one word for the shell
std::string way_to_sources(const Run& run);      // from the page, for links
std::string tour_text(const std::string& name);  // examples/tour/NAME.md, as it stands

// "{{test_accuracy%}} are read right" -> "99.70 % are read right". Throws where the run did not measure the key.
std::string filled(const std::string& text, const nlohmann::json& measured);

std::string claim_of(const std::string& text);  // its block quotes, in one line

// What part of its loop a line of Progress says is done: "training: 3/4, ..." -> 0.75. In other lines, `otherwise`.
double part_done(const std::string& line, double otherwise);

struct Outcome {
  std::string name;
  double seconds = 0;
  std::string data;     // what was learnt from, if the run names it
  std::string text;     // numbers filled in
  std::string failure;  // why there are none; empty where all went well
};

// Runs programs/NAME on one thread; it writes into run.out/NAME, and what it prints goes to log.txt there. `said` is
// told each line of its progress. Whatever goes wrong is in the outcome.
Outcome run_chapter(const std::string& name, const std::string& programs, const Run& run,
                    const std::function<void(const std::string&)>& said);

}  // namespace bijou::support
