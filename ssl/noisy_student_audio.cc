#include "ssl/noisy_student_audio.h"

namespace bijou::ssl {

SelfTraining noisy_student_audio(std::function<nn::Sequential(int64_t)> make_model, const NoisyStudentAudioOptions& o) {
  check(!o.generations.empty(), "noisy_student_audio: there is no generation 0");
  const auto generation = [o](int64_t k) {
    check(size_t(k) < o.generations.size(), "noisy_student_audio: there is no generation ", k, " among ",
          o.generations.size());
    return o.generations[size_t(k)];
  };
  return {
      .make_model = std::move(make_model),
      .train = [o, generation](
                   nn::Sequential& model, const Examples& labelled, const Examples& pseudo,
                   int64_t k) { train_student(model, labelled, pseudo, k, {.noise = generation(k).noise}, o.fit); },
      .select =
          [o, generation](const Tensor& p, int64_t k) {
            return select(
                p, {.threshold = generation(k).threshold, .per_class = o.per_class, .duplicate = true, .hard = o.hard});
          },
      .rounds = int64_t(o.generations.size()) - 1};
}

}  // namespace bijou::ssl
