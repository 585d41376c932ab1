#include "examples/experiments/noisy_student.h"

#include <cmath>

#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "nn/activation.h"
#include "nn/conv.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "ssl/filters.h"
#include "ssl/fixmatch.h"
#include "ssl/mean_teacher.h"
#include "ssl/pi_model.h"
#include "ssl/pseudo_label.h"
#include "ssl/rand_augment.h"
#include "ssl/uda.h"

namespace bijou::experiments {

namespace {

Shape image_of(const FewLabelled& data) { return Shape(std::span(data.test_x.shape().begin() + 1, 3)); }

ssl::Student::Options student_options(const StudentRun& run) {
  return {.noise = make_noise(run.dataset, run.bent), .label_smoothing = run.label_smoothing};
}

}  // namespace

nn::Sequential make_net(const Shape& image, const NetOptions& o) {
  nn::Sequential net;
  auto convolution = [&](int64_t in, int64_t out, int64_t stride) {
    return nn::Conv2d({.in = in, .out = out, .kernel = 3, .stride = stride, .padding = 1, .bias = false});
  };
  auto norm = [](int64_t channels) { return nn::BatchNorm2d({.channels = channels}); };
  const int64_t first = image[0] == 1 ? o.width : 3 * o.width, second = 2 * first;
  net.add(convolution(image[0], first, 2)).add(norm(first)).add(nn::ReLU());
  net.add(convolution(first, second, 2)).add(norm(second)).add(nn::ReLU());
  for (int64_t k = 1; k <= o.blocks; ++k) {
    net.add(nn::Residual(nn::Sequential(convolution(second, second, 1), norm(second), nn::ReLU(),
                                        convolution(second, second, 1), norm(second),
                                        nn::DropPath({.p = o.drop_path * double(k) / double(o.blocks)}))));
  }
  const int64_t features = second * ((image[1] + 3) / 4) * ((image[2] + 3) / 4);
  net.add(nn::Flatten()).add(nn::Linear({.in = features, .out = 4 * o.width})).add(nn::ReLU());
  return net.add(nn::Dropout({.p = o.dropout})).add(nn::Linear({.in = 4 * o.width, .out = 10}));
}

ssl::Augmentation make_noise(const std::string& dataset, bool bent) {
  if (bent) {
    const ssl::Augmentation bend = ssl::affine({.rotation = 15, .log_scale = 0.15, .shear = 0.2, .shift = 0.1});
    return ssl::compose({bend, make_noise(dataset, false)});
  }
  if (dataset == "cifar10")
    return ssl::compose({make_weak_noise(dataset), ssl::rand_augment({.magnitude = 9}), ssl::cutout({.size = 8})});
  if (dataset == "fashion-mnist")
    return ssl::compose({make_weak_noise(dataset), ssl::rand_augment({.operations = 1, .magnitude = 3})});
  return ssl::rand_augment({.magnitude = 5});
}

ssl::Augmentation make_weak_noise(const std::string& dataset) {
  if (dataset == "fashion-mnist") return ssl::affine({.shift = 0.05, .flip = 0.5});
  return ssl::affine({.shift = 0.1, .flip = dataset == "cifar10" ? 0.5 : 0.0});
}

nn::Sequential train_teacher(const FewLabelled& data, const StudentRun& run) {
  nn::Sequential net = make_net(image_of(data));
  ssl::Student teacher(net, student_options(run));
  ssl::fit(teacher, data.labelled, {}, run.fit);
  return net;
}

nn::Sequential train_control(const FewLabelled& data, const StudentRun& run) {
  nn::Sequential net = make_net(image_of(data));
  ssl::Student student(net, student_options(run));
  ssl::FitOptions fit = run.fit;
  fit.batch += std::llround(double(fit.batch) * fit.ratio), fit.steps *= 1 + run.rounds;
  ssl::fit(student, data.labelled, {}, fit);
  return net;
}

std::vector<std::string> arm_names() {
  return {"noisy student", "larger student", "smaller student", "no noise", "no filter", "no balancing", "hard labels"};
}

std::vector<Round> run_arm(const std::string& arm, const nn::Sequential& teacher, const FewLabelled& data,
                           const StudentRun& run, const Watch& watch) {
  NetOptions net;
  ssl::NoisyStudentOptions o{.student = student_options(run),
                             .fit = run.fit,
                             .select = {.threshold = 0.3, .per_class = run.per_class, .duplicate = true},
                             .rounds = run.rounds};
  if (arm == "larger student") net.blocks = 2;
  if (arm == "smaller student") net.width = 8;
  if (arm == "no noise") net.dropout = 0, o.student.noise = ssl::no_noise;
  if (arm == "no filter") o.select.threshold = 0;
  if (arm == "no balancing") o.select.per_class = 0, o.select.duplicate = false;
  if (arm == "hard labels") o.select.hard = true;
  std::vector<Round> rounds;
  ssl::SelfTraining how = noisy_student([&](int64_t) { return make_net(image_of(data), net); }, o);
  how.report = [&](int64_t, nn::Sequential& student, const ssl::PseudoLabels& pseudo) {
    rounds.push_back(measure(student, pseudo, data));
    if (watch) watch(student, pseudo);
    return !support::interrupted();
  };
  self_train(teacher, how, data.labelled, data.unlabelled);
  return rounds;
}

std::vector<std::string> kin_names() { return {"pseudo_label", "pi_model", "mean_teacher", "fixmatch", "uda"}; }

nn::Sequential train_kin(const std::string& name, const FewLabelled& data, const StudentRun& run) {
  const ssl::Noise strong = make_noise(run.dataset, run.bent), weak = make_weak_noise(run.dataset);
  const nn::Sequential net = make_net(image_of(data));
  ssl::FitOptions fit = run.fit;
  fit.steps *= 1 + run.rounds;
  auto trained = [&](ssl::SemiSupervised&& method) {
    ssl::fit(method, data.labelled, {data.unlabelled}, fit);
    return nn::clone(method.result());
  };
  if (name == "pseudo_label") return trained(ssl::PseudoLabel(net, {.noise = strong}));
  if (name == "pi_model") return trained(ssl::PiModel(net, {.noise = strong}));
  if (name == "mean_teacher") return trained(ssl::MeanTeacher(net, {.noise = strong}));
  if (name == "uda") return trained(ssl::UDA(net, {.weak = weak, .strong = strong}));
  check(name == "fixmatch", "train_kin: there is no method ", name);
  return trained(ssl::FixMatch(net, {.weak = weak, .strong = strong}));
}

Tensor picture_of_pseudo_labels(nn::Sequential& net, const Tensor& images, const Indices& truth) {
  constexpr int64_t kColumns = 16, kBar = 3;
  const int64_t c = images.size(1), h = images.size(2), w = images.size(3);
  const auto [sureness, classes] = max(ssl::probabilities(net, images), 1);
  std::vector<std::vector<bijou::index>> of_class(10);
  for (const bijou::index i : argsort(sureness, 0, {.descending = true}))
    of_class[size_t(classes.data()[i])].push_back(i);
  Tensor cells = ones({10 * kColumns, 3, h + kBar + 1, w});
  for (int64_t cell = 0; cell < 10 * kColumns; ++cell) {
    const auto& found = of_class[size_t(cell / kColumns)];
    if (found.empty()) continue;
    const size_t i = size_t(found[size_t(cell % kColumns) * (found.size() - 1) / size_t(kColumns - 1)]);
    const bool right = truth.data()[i] == classes.data()[i];
    for (int64_t k = 0; k < 3; ++k) {
      real* plane = cells.mutable_data() + (cell * 3 + k) * (h + kBar + 1) * w;
      std::copy_n(images.data() + (int64_t(i) * c + std::min(k, c - 1)) * h * w, h * w, plane);
      for (int64_t p = 0; p < kBar * w; ++p)
        if (real(p % w) < sureness.data()[i] * real(w)) plane[(h + 1) * w + p] = k == (right ? 1 : 0) ? real(0.7) : 0;
    }
  }
  return support::image_grid(cells, {.columns = int(kColumns)});
}

}  // namespace bijou::experiments
