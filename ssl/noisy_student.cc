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

SelfTraining noisy_student(std::function<nn::Sequential(int64_t)> make_student, const NoisyStudentOptions& o) {
  return {.make_model = std::move(make_student),
          .train =
              [o](nn::Sequential& model, const Examples& labelled, const Examples& pseudo, int64_t round) {
                Student student(model, o.student);
                FitOptions fit_options = o.fit;
                fit_options.seed = Generator(o.fit.seed).fork(uint64_t(round)).state().seed;
                fit(student, labelled, pseudo, fit_options);
              },
          .select = [o](const Tensor& p, int64_t) { return select(p, o.select); },
          .rounds = o.rounds};
}

}  // namespace bijou::ssl
