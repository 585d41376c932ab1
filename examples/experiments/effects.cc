#include "examples/experiments/effects.h"

#include <cmath>
#include <map>

namespace bijou::experiments {

Effect distaug_effect();              // effect_distaug.cc
Effect inverse_cloze_effect();        // effect_inverse_cloze.cc
Effect masked_lm_effect();            // effect_masked_lm.cc
Effect noisy_student_effect();        // effect_noisy_student.cc
Effect noisy_student_audio_effect();  // effect_noisy_student_audio.cc
Effect sam_effect();                  // effect_sam.cc
Effect simclr_effect();               // effect_simclr.cc

std::vector<Effect> all_effects() {
  // clang-format off
  return {
      distaug_effect(),
      inverse_cloze_effect(),
      masked_lm_effect(),
      noisy_student_effect(),
      noisy_student_audio_effect(),
      sam_effect(),
      simclr_effect(),
  };
  // clang-format on
}

namespace {

std::string short_number(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", x);
  return text;
}

// What "ARM.MEASUREMENT" was, for each seed.
std::map<uint64_t, double> by_seed(const std::string& name, const std::vector<Row>& rows) {
  std::map<uint64_t, double> values;
  for (const Row& row : rows)
    if (row.arm + "." + row.measurement == name) values[row.seed] = row.value;
  return values;
}

}  // namespace

Verdict judge(const Gate& gate, const std::vector<Row>& rows) {
  const auto a = by_seed(gate.a, rows);
  const auto b = gate.b.empty() ? std::map<uint64_t, double>() : by_seed(gate.b, rows);
  std::vector<double> differences;
  for (const auto& [seed, value] : a) {
    if (gate.b.empty()) differences.push_back(value);
    else if (const auto other = b.find(seed); other != b.end())
      differences.push_back(value - gate.times * other->second);
  }
  if (differences.empty()) return {{}, 0, false};
  const support::TTest test = support::t_test(differences);
  const bool one_sided = !gate.b.empty() && (gate.low >= 0 || gate.high <= 0);
  const bool inside = test.mean >= gate.low && test.mean <= gate.high;  // false for NaN
  return {test, int(differences.size()), inside && (!one_sided || test.p < 0.05)};
}

std::string describe(const Gate& gate) {
  if (gate.b.empty()) return gate.a;
  return gate.a + " - " + (gate.times == 1 ? "" : short_number(gate.times) + " ") + gate.b;
}

std::string band(const Gate& gate) {
  if (std::isinf(gate.low) && std::isinf(gate.high)) return "reported";
  if (std::isinf(gate.high)) return ">= " + short_number(gate.low);
  if (std::isinf(gate.low)) return "<= " + short_number(gate.high);
  return short_number(gate.low) + " .. " + short_number(gate.high);
}

}  // namespace bijou::experiments
