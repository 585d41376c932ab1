#include "examples/experiments/effects.h"
#include "examples/experiments/masked_lm.h"

namespace bijou::experiments {
namespace {

struct Task {
  TextData data;
  std::vector<ssl::Tokens> test;
  LmOptions options;
};

// On invented words a run of 400 steps says as much as one of 2,000 on names.
Task task(const Trial& t) {
  Task k{text_data(t.data.empty() ? "words" : "names", t.data),
         {},
         {.steps = t.data.empty() ? 400 : 2000, .seed = t.seed}};
  k.test = sequences_of(k.data.test, k.data.length);
  k.test.resize(500);
  return k;
}

Measurements masked(const Trial& t, double hidden) {
  Task k = task(t);
  k.options.hidden = hidden;
  const ssl::MaskedLM model = train_masked(k.data, k.options);
  const Score seen = score(model, nothing_hidden(k.test));
  return {{"bits", score(model, each_hidden_in_turn(k.test)).bits()},
          {"seen_bits", seen.bits()},
          {"seen_accuracy", seen.accuracy}};
}

Measurements causal(const Trial& t) {
  const Task k = task(t);
  return {{"bits", score(train_causal(k.data, k.options), k.test).bits()}};
}

}  // namespace

Effect masked_lm_effect() {
  return {.name = "masked_lm",
          .paper = "Devlin et al., NAACL 2019",
          .about = "BERT's masking against a causal model of the same size, and against holes that are always [MASK]",
          .arms = {{"bert", [](const Trial& t) { return masked(t, 0.8); }},
                   {"always_mask", [](const Trial& t) { return masked(t, 1); }},
                   {"causal", causal}},
          .gates = {{.a = "causal.bits", .b = "bert.bits", .low = 0.10},
                    {.a = "always_mask.seen_bits", .b = "bert.seen_bits", .low = 1.5}}};
}

}  // namespace bijou::experiments
