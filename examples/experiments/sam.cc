#include "examples/experiments/sam.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <map>

#include "examples/support/batches.h"
#include "nn/activation.h"
#include "nn/conv.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "optim/grad_norm.h"
#include "optim/schedule.h"
#include "optim/sgd.h"
#include "optim/swa.h"
#include "tensor/indexing.h"

namespace bijou::experiments {

NoisySets noisy_sets(const NoisySetOptions& o) {
  const support::Dataset train = support::load_dataset(o.dataset, o.folder, support::Split::kTrain);
  const support::Dataset test = support::load_dataset(o.dataset, o.folder, support::Split::kTest);
  check(o.train + o.valid <= train.size() && o.test <= test.size(), o.dataset, " has ", train.size(), " + ",
        test.size(), " images; ", o.train + o.valid, " + ", o.test, " are asked for");
  Generator g = Generator(o.seed).fork(31);
  const Indices rows = randperm(train.size(), g).rows(0, o.train + o.valid);
  support::Dataset some{index_select(train.images, 0, rows), index_select(train.labels, 0, rows), train.classes};
  for (int64_t i = 0; i < some.size(); ++i)
    if (g.uniform() < o.noise) some.labels.mutable_data()[i] = g.below(int64_t(train.classes.size()));
  return {some.rows(0, o.train), some.rows(o.train, some.size()), test.rows(0, o.test)};
}

nn::Sequential make_perceptron(const std::vector<int64_t>& sizes) {
  nn::Sequential net{nn::Flatten()};
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    if (i > 0) net.add(nn::ReLU());
    net.add(nn::Linear({.in = sizes[i], .out = sizes[i + 1]}));
  }
  return net;
}

nn::Sequential make_classifier(const std::string& model, const Shape& image, int64_t classes) {
  if (model == "mlp") return make_perceptron({image.numel(), 64, 64, classes});
  check(model == "conv", "make_classifier: there is no model '", model, "'; mlp and conv are known");
  auto halved = [](int64_t size) { return (size + 1) / 2; };
  const int64_t features = 32 * halved(halved(image[1])) * halved(halved(image[2]));
  return nn::Sequential(nn::Conv2d({.in = image[0], .out = 16, .kernel = 3, .stride = 2, .padding = 1}), nn::ReLU(),
                        nn::Conv2d({.in = 16, .out = 32, .kernel = 3, .stride = 2, .padding = 1}), nn::ReLU(),
                        nn::Flatten(), nn::Linear({.in = features, .out = 64}), nn::ReLU(),
                        nn::Linear({.in = 64, .out = classes}));
}

nn::Sequential classifier_of(const nn::StateDict& weights, const Shape& image) {
  std::map<int, Tensor> matrices, biases;  // by number of the layer
  for (const auto& [name, tensor] : weights) {
    check(std::isdigit(name[0]), "classifier_of: ", name, " is not of a sequence of layers");
    (tensor.dim() == 1 ? biases : matrices)[std::stoi(name)] = tensor;
  }
  check(!matrices.empty() && matrices.size() == biases.size(), "classifier_of: ", matrices.size(), " weights with ",
        biases.size(), " biases; a perceptron, or this library's small convnet, is expected");
  if (matrices.begin()->second.dim() == 4) {
    nn::Sequential net = make_classifier("conv", image, matrices.rbegin()->second.size(0));
    net.load_state_dict(weights);
    return net;
  }
  std::vector<int64_t> sizes{image.numel()};
  for (const auto& [layer, w] : matrices) {
    check(w.dim() == 2 && w.size(1) == sizes.back() && biases.contains(layer), "classifier_of: layer ", layer, " is ",
          w.shape(), ", after ", sizes.back(), " numbers");
    sizes.push_back(w.size(0));
  }
  nn::Sequential net = make_perceptron(sizes);
  std::vector<Var> parameters = net.parameters();
  size_t next = 0;
  for (const auto& [layer, w] : matrices) {
    parameters[next++].mutable_value().copy_from(w);
    parameters[next++].mutable_value().copy_from(biases.at(layer));
  }
  return net;
}

void save_classifier(const std::string& path, const nn::Sequential& net, const NoisySetOptions& data) {
  nn::Checkpoint c;
  c.add("model", net.state_dict());
  c.metadata = {{"dataset", data.dataset},
                {"noise", to_string(data.noise)},
                {"train", std::to_string(data.train)},
                {"seed", std::to_string(data.seed)}};
  nn::save_checkpoint(path, c);
}

std::optional<NoisySetOptions> data_of(const nn::Checkpoint& checkpoint) {
  const std::map<std::string, std::string>& known = checkpoint.metadata;
  if (!known.contains("dataset")) return std::nullopt;
  return NoisySetOptions{.dataset = known.at("dataset"),
                         .noise = std::stod(known.at("noise")),
                         .train = std::stoll(known.at("train")),
                         .seed = std::stoull(known.at("seed"))};
}

double accuracy(const nn::Sequential& net, const support::Dataset& data) {
  const NoGrad off;
  int64_t right = 0;
  for (int64_t first = 0; first < data.size(); first += 500) {
    const support::Dataset part = data.rows(first, std::min(first + 500, data.size()));
    const Indices predicted = argmax(net(part.images).value(), -1);
    for (int64_t i = 0; i < part.size(); ++i) right += predicted.data()[i] == part.labels.data()[i];
  }
  return double(right) / double(data.size());
}

double FlatRun::early() const { return test[size_t(std::max_element(valid.begin(), valid.end()) - valid.begin())]; }

FlatRun train_flat(const NoisySets& data, const FlatTraining& o) {
  manual_seed(o.seed);
  const Shape image(std::span(data.train.images.shape().begin() + 1, 3));
  const nn::Sequential net = make_classifier(o.model, image, int64_t(data.train.classes.size()));
  const std::vector<Var> parameters = net.parameters();
  FlatRun run{.net = net};
  optim::Swa swa(net);
  optim::Ema ema(net, {.decay = 0.99, .warmup = true});
  if (o.averaging == Averaging::kEma) run.net = ema.average;
  support::Batches batches(data.train, {.size = 64}, Generator(o.seed).fork(32));
  const int64_t steps = o.epochs * batches.per_epoch();

  optim::SGD optimizer(parameters, {.lr = o.lr, .momentum = 0.9});
  optim::Sam sam(optimizer, o.sam);
  for (int64_t step = 0; step < steps; ++step) {
    const auto [images, labels] = batches.at(step);
    auto loss = [&, &images = images, &labels = labels](int64_t first, int64_t last) {
      const Var l = nn::cross_entropy(net(images.rows(first, last)), labels.rows(first, last));
      return o.gradient_norm > 0 ? l + optim::gradient_norm(l, parameters) * real(o.gradient_norm) : l;
    };
    optimizer.lr_scale = optim::cosine_decay(step, steps, o.averaging == Averaging::kSwa ? 0.5 : 0);
    if (o.sam.rho > 0) {
      sam.step(labels.size(0), loss);
    } else {
      optimizer.zero_grad();
      backward(loss(0, labels.size(0)));
      optimizer.step();
    }
    if (o.averaging == Averaging::kEma) ema.update();
    if ((step + 1) % batches.per_epoch()) continue;
    if (o.averaging == Averaging::kSwa && 4 * (step + 1) > 3 * steps) swa.update(), run.net = swa.average;
    run.valid.push_back(accuracy(run.net, data.valid));
    run.test.push_back(accuracy(run.net, data.test));
    const bool tenth = (step + 1) * 10 / steps > (step + 1 - batches.per_epoch()) * 10 / steps;
    if (o.curvature_along && tenth) {
      run.lambda_epochs.push_back(double(run.test.size()));
      run.lambdas.push_back(lambda_max(training_loss(run, data, 500), run, 0.03));
    }
    if (o.tick && !o.tick("test " + std::to_string(run.test.back()))) break;
  }
  return run;
}

std::string FlatArm::name() const {
  char text[80];
  if (method == "sgd") return "SGD " + std::to_string(epochs) + " epochs";
  if (method == "swa") return "SWA";
  if (method == "ema") return "EMA";
  if (method == "gradient_norm") std::snprintf(text, sizeof text, "gradient norm, lambda %g", rho);
  else std::snprintf(text, sizeof text, "%s rho %g m %d p %g", method == "sam" ? "SAM" : "ASAM", rho, int(m), p);
  return text;
}

std::vector<FlatArm> sweep(const FlatGrid& grid) {
  std::vector<FlatArm> arms{{.method = "sgd"}};
  for (const double p : grid.p)
    for (const double m : grid.m)
      for (const double rho : grid.rho)
        if (rho != 0) arms.push_back({.method = "sam", .rho = rho, .m = int64_t(m), .p = p});
  for (const double rho : grid.asam) arms.push_back({.method = "asam", .rho = rho});
  arms.push_back({.method = "swa"}), arms.push_back({.method = "ema"});
  for (const double lambda : grid.gradient_norm) arms.push_back({.method = "gradient_norm", .rho = lambda});
  arms.push_back({.method = "sgd"});
  for (FlatArm& arm : arms) arm.epochs = grid.epochs;
  arms.back().epochs *= 2;
  return arms;
}

optim::Objective training_loss(const FlatRun& run, const NoisySets& data, int64_t images) {
  const support::Dataset some = data.train.rows(0, std::min(data.train.size(), images));
  return optim::classification(run.net, some.images, some.labels);
}

double lambda_max(const optim::Objective& loss, const FlatRun& run, double tolerance) {
  const optim::LinearOperator hessian = optim::hessian_operator(loss, run.net.parameters());
  return optim::lanczos(hessian, {.steps = 40, .tolerance = tolerance}).values[0];
}

support::Series density_line(const optim::Spectrum& s, double width, const std::string& label) {
  support::Series line{.label = label};
  for (int i = 0; i <= 400; ++i) {
    line.x.push_back(s.lowest() - 3 * width + (s.highest() - s.lowest() + 6 * width) * i / 400);
    line.y.push_back(std::max(s.density(line.x.back(), width), 1e-7));
  }
  return line;
}

}  // namespace bijou::experiments
