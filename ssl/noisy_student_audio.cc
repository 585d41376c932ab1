#include "ssl/noisy_student_audio.h"

namespace bijou::ssl {

SelfTraining noisy_student_audio(std::function<nn::Sequential(int64_t)> make_model, const NoisyStudentAudioOptions& o) {
  check(!o.generations.empty(), "noisy_student_audio: there is no generation 0");
  const auto generation = [o](int64_t k) { return o.generations[size_t(k)]; };
  return {
      .make_model = std::move(make_model),
      .train =
          [o, generation](nn::Sequential& model, const Examples& labelled, const Examples& pseudo, int64_t k) {
            Student student(model, {.noise = generation(k).noise});
            FitOptions fit_options = o.fit;
            fit_options.seed = Generator(o.fit.seed).fork(uint64_t(k)).state().seed;
            fit(student, labelled, pseudo, fit_options);
          },
      .select =
          [o, generation](const Tensor& p, int64_t k) {
            return select(
                p, {.threshold = generation(k).threshold, .per_class = o.per_class, .duplicate = true, .hard = o.hard});
          },
      .rounds = int64_t(o.generations.size()) - 1};
}

}  // namespace bijou::ssl
