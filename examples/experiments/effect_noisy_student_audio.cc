// Noisy student on spoken digits: what generations gain from utterances without labels.
#include "examples/experiments/effects.h"
#include "examples/experiments/noisy_student_audio.h"

namespace bijou::experiments {
namespace {

FewLabelled task_of(const Trial& trial, bool unheard_speaker) {
  const bool real_ones = !trial.data.empty();
  return make_task(support::load_spoken_digits(real_ones ? "fsdd" : "synthetic", trial.data),
                   {.labels_per_class = labels_per_class(real_ones ? "fsdd" : "synthetic"),
                    .speaker = unheard_speaker ? int(trial.seed % 6) : -1,
                    .seed = trial.seed});
}

Measurements generations(const Trial& trial, bool unheard_speaker) {
  const FewLabelled task = task_of(trial, unheard_speaker);
  const Generations noisy = run_generations(task, {.seed = trial.seed});
  return {{"gen0", noisy.rounds[0].accuracy},
          {"gen1", noisy.rounds[1].accuracy},
          {"gen2", noisy.rounds[2].accuracy},
          {"no SpecAugment", run_without_spec_augment(task, noisy.models[0], {.seed = trial.seed})}};
}

Measurements longer(const Trial& trial, bool unheard_speaker) {
  return {{"test", run_longer(task_of(trial, unheard_speaker), {.seed = trial.seed})}};
}

}  // namespace

Effect noisy_student_audio_effect() {
  return {.name = "noisy_student_audio",
          .paper = "Park et al., Interspeech 2020",
          .about = "a recogniser of spoken digits, 100 of 2,400 utterances labelled; accuracy on new takes",
          .arms = {{"takes", [](const Trial& t) { return generations(t, false); }},
                   {"labels only 3 x", [](const Trial& t) { return longer(t, false); }},
                   {"new speaker", [](const Trial& t) { return generations(t, true); }},
                   {"new speaker labels only 3 x", [](const Trial& t) { return longer(t, true); }}},
          .gates = {{.a = "takes.gen1", .b = "takes.gen0", .low = 0.025},
                    {.a = "takes.gen1", .b = "labels only 3 x.test", .low = 0.01},
                    {.a = "takes.no SpecAugment", .b = "takes.gen0", .high = 0.01},
                    {.a = "new speaker.gen1", .b = "new speaker.gen0"},
                    {.a = "new speaker.gen1", .b = "new speaker labels only 3 x.test"}}};
}

}  // namespace bijou::experiments
