#include "ssl/noisy_student.h"

#include "autograd/map.h"
#include "nn/losses.h"

namespace bijou::ssl {

Tensor smoothed(const Tensor& targets, double s) {
  const real keep = real(1 - s), share = real(s / double(targets.size(-1)));
  return map([=](auto t) { return t * keep + share; }, targets);
}

Var Student::loss(const Examples& labelled, const Examples& pseudo, double, Generator& g) {
  const Examples batch = joined({labelled.x, smoothed(labelled.targets, options.label_smoothing)}, pseudo);
  return nn::cross_entropy(net(options.noise(batch.x, g)), Var(batch.targets));
}

void train_student(const nn::Sequential& model, const Examples& labelled, const Examples& pseudo, int64_t round,
                   const Student::Options& o, FitOptions fit_options) {
  Student student(model, o);
  fit_options.seed = Generator(fit_options.seed).fork(uint64_t(round)).state().seed;
  fit(student, labelled, pseudo, fit_options);
}

SelfTraining noisy_student(std::function<nn::Sequential(int64_t)> make_student, const NoisyStudentOptions& o) {
  return {.make_model = std::move(make_student),
          .train = [o](nn::Sequential& model, const Examples& labelled, const Examples& pseudo,
                       int64_t round) { train_student(model, labelled, pseudo, round, o.student, o.fit); },
          .select = [o](const Tensor& p, int64_t) { return select(p, o.select); },
          .rounds = o.rounds};
}

}  // namespace bijou::ssl
