// Effects: what a paper claims, as a test that can fail.
//
// An effect has arms, ways to train that differ in one thing, and gates, demands on the difference of what two arms
// measure. All arms run from the same seeds, so that differences are paired; a gate holds where the mean difference
// lies in its band and, where the band has no room on the other side of zero, luck is unlikely too: p < 0.05 of a
// paired t-test.
//
// To add one, write examples/experiments/effect_NAME.cc,
//
//   Effect sam_effect() {
//     return {.name = "sam",
//             .paper = "Foret et al., ICLR 2021",
//             .about = "SAM against SGD, 30 % of the labels wrong",
//             .arms = {{"sgd", [](const Trial& t) { return train(t, 0.0); }},     // train() returns Measurements:
//                      {"sam", [](const Trial& t) { return train(t, 0.2); }}},    // {{"test", 0.84}, {"lambda", 3.1}}
//             .gates = {{.a = "sam.test", .b = "sgd.test", .low = 0.06},          // sam.test - sgd.test >= 0.06
//                       {.a = "sam.lambda", .b = "sgd.lambda", .times = 0.55, .high = 0}}};  // lambda <= 0.55 sgd's
//   }
//
// and name it in effects.cc beside the others: two lines. An arm must depend on its Trial alone (seed every generator
// by trial.seed). It should look at test images only to measure; what is chosen, is chosen on others.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "examples/support/statistics.h"

namespace bijou::experiments {

struct Trial {
  std::string data;  // folder of the real data sets, or "": generated data
  uint64_t seed;
  // The data set to take: `real` where there is a folder of data, else drawn digits.
  std::string dataset(const std::string& real) const { return data.empty() ? "digits" : real; }
};

using Measurements = std::vector<std::pair<std::string, double>>;

struct Arm {
  std::string name;
  std::function<Measurements(const Trial&)> run;
};

// low <= mean of (a - times b) <= high, for a and b = "ARM.MEASUREMENT". Without b: of a alone. Without bounds the mean
// is reported, and nothing is demanded but that it was measured.
struct Gate {
  std::string a, b = "";
  double times = 1;
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
};

struct Effect {
  std::string name, paper, about;
  int seeds = 8;  // unless the user wants another number
  std::vector<Arm> arms;
  std::vector<Gate> gates;
};

std::vector<Effect> all_effects();

// ---- Running and judging --------------------------------------------------------------------------------------------

// One number that an arm measured: a line of the table of raw results.
struct Row {
  std::string effect, arm, measurement;
  uint64_t seed;
  double value;
};

struct Verdict {
  support::TTest test;
  int pairs;
  bool held;
};
// Of the rows of one effect. Where no seed has both sides, because an arm failed, the gate is not held.
Verdict judge(const Gate& gate, const std::vector<Row>& rows);

std::string describe(const Gate& gate);  // "sam.test - sgd.test"
std::string band(const Gate& gate);      // ">= 0.06"

}  // namespace bijou::experiments
