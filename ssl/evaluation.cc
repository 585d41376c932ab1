#include "ssl/evaluation.h"

#include <cmath>
#include <numeric>

#include "autograd/map.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "optim/adam.h"
#include "optim/schedule.h"
#include "ssl/method.h"
#include "tensor/elementwise.h"
#include "tensor/linalg.h"

namespace bijou::ssl {

namespace {

Tensor unit_rows(const Tensor& z) { return l2_normalize(z).value(); }

void check_labels(const char* who, const Indices& labels, int64_t classes) {
  for (const bijou::index label : labels)
    check(label >= 0 && label < classes, who, ": label ", label, " is none of ", classes, " classes");
}
void check_labelled(const char* who, const Labelled& data, int64_t classes) {
  check(data.x.dim() == 2 && data.labels.shape() == Shape{data.x.size(0)}, who,
        ": features [n, d] and n labels expected; their shapes are ", data.x.shape(), " and ", data.labels.shape());
  check_labels(who, data.labels, classes);
}

// x less the mean of `like`, by its standard deviation, feature by feature.
Tensor standardized(const Tensor& x, const Tensor& like) {
  const Tensor m = mean(like, 0), v = mean(map([](auto a, auto b) { return square(a - b); }, like, m), 0);
  return map([](auto a, auto b, auto c) { return (a - b) / sqrt(c + real(1e-6)); }, x, m, v);
}

// Softmax regression from zero weights: mean cross-entropy + decay/2 ‖W‖².
nn::Linear fitted(const Labelled& data, double decay, const LinearProbeOptions& o) {
  nn::Linear probe({.in = data.x.size(1), .out = o.classes});
  probe.weight.mutable_value().fill(0), probe.bias.mutable_value().fill(0);
  optim::Adam optimizer(probe.parameters(), {.lr = 0.05});
  for (int step = 0; step < o.steps; ++step) {
    optimizer.zero_grad();
    const Var penalty = map_sum([](auto w) { return w * w; }, 0, probe.weight) * real(decay / 2);
    backward(nn::cross_entropy(probe(data.x), data.labels) + penalty);
    optimizer.lr_scale = optim::cosine_decay(step, o.steps);
    optimizer.step();
  }
  return probe;
}

Labelled subset(const Labelled& data, const std::vector<bijou::index>& rows) {
  const Indices at = Indices::from(std::span<const bijou::index>(rows));
  return {index_select(data.x, 0, at), index_select(data.labels, 0, at)};
}

// The fold of each example, such that every class is spread evenly; and how many examples the rarest class has.
struct Folds {
  std::vector<int64_t> fold;
  int64_t count;
};
Folds stratified(const Indices& labels, const LinearProbeOptions& o) {
  std::vector<int64_t> seen(size_t(o.classes), 0);
  Folds f;
  for (const bijou::index label : labels) f.fold.push_back(seen[size_t(label)]++);
  int64_t rarest = labels.numel();
  for (const int64_t n : seen)
    if (n > 0) rarest = std::min(rarest, n);
  f.count = std::min<int64_t>(o.folds, rarest);
  for (int64_t& k : f.fold) k %= std::max<int64_t>(f.count, 1);
  return f;
}

double best_decay(const Labelled& data, const LinearProbeOptions& o) {
  const Folds folds = stratified(data.labels, o);
  if (folds.count < 2 || o.decays.size() == 1) return o.decays[o.decays.size() / 2];
  // Of many examples one fold held out says enough.
  const int64_t tried = data.x.size(0) > 1000 ? 1 : folds.count;
  double best = 0, least = INFINITY;
  for (const double decay : o.decays) {
    double loss = 0;
    for (int64_t k = 0; k < tried; ++k) {
      std::vector<bijou::index> in, out;
      for (size_t i = 0; i < folds.fold.size(); ++i) (folds.fold[i] == k ? out : in).push_back(bijou::index(i));
      const Labelled held_out = subset(data, out);
      const nn::Linear probe = fitted(subset(data, in), decay, o);
      const NoGrad guard;
      loss += double(nn::cross_entropy(probe(held_out.x), held_out.labels).item());
    }
    if (loss < least) least = loss, best = decay;
  }
  return best;
}

}  // namespace

Indices linear_probe(const Labelled& train, const Tensor& test_x, const LinearProbeOptions& o) {
  check_labelled("linear_probe", train, o.classes);
  check(!o.decays.empty(), "linear_probe: there is no weight decay to choose from");
  const Labelled data{standardized(train.x, train.x), train.labels};
  const nn::Linear probe = fitted(data, best_decay(data, o), o);
  const NoGrad guard;
  return argmax(probe(standardized(test_x, train.x)).value(), -1);
}

Indices nearest(const Tensor& queries, const Tensor& z, int64_t count) {
  const Tensor similarity = matmul(unit_rows(queries), unit_rows(z), {.transpose_b = true});
  return topk(similarity, std::min(count, z.size(0)), 1).indices;
}

Indices knn_probe(const Labelled& train, const Tensor& test_x, KnnOptions o) {
  check_labelled("knn_probe", train, o.classes);
  const Tensor table = unit_rows(train.x);
  Indices predicted({test_x.size(0)});
  for (int64_t first = 0; first < test_x.size(0); first += 500) {
    const Tensor some = unit_rows(test_x.rows(first, std::min(first + 500, test_x.size(0))));
    const auto top = topk(matmul(some, table, {.transpose_b = true}), std::min(o.k, table.size(0)), 1);
    Tensor votes = zeros({some.size(0), o.classes});
    for (int64_t i = 0; i < top.indices.numel(); ++i) {
      const bijou::index label = train.labels.data()[top.indices.data()[i]];
      votes.mutable_data()[i / top.indices.size(1) * o.classes + label] +=
          real(std::exp((double(top.values.data()[i]) - 1) / o.temperature));
    }
    predicted.rows(first, first + some.size(0)).copy_from(argmax(votes, -1));
  }
  return predicted;
}

double accuracy(const Indices& predicted, const Indices& labels) {
  check(predicted.shape() == labels.shape(), "accuracy: shapes ", predicted.shape(), " and ", labels.shape());
  int64_t right = 0;
  for (int64_t i = 0; i < labels.numel(); ++i) right += predicted.data()[i] == labels.data()[i];
  return double(right) / double(labels.numel());
}

double alignment(const Tensor& z, const Tensor& positives) {
  const Tensor squares = map([](auto a, auto b) { return square(a - b); }, unit_rows(z), unit_rows(positives));
  return double(sum(squares).item()) / double(z.size(0));
}

double uniformity(const Tensor& z) {
  const Tensor unit = unit_rows(z), cosines = matmul(unit, unit, {.transpose_b = true});
  const double n = double(z.size(0));
  const double all = double(sum(map([](auto c) { return exp(c * 4 - 4); }, cosines)).item());  // ‖z - z'‖² = 2 - 2 cos
  return std::log((all - n) / (n * (n - 1)));
}

Collapse collapse(const Tensor& z) {
  const Tensor unit = unit_rows(z);
  const double d = double(z.size(1));
  const Tensor centred = map([](auto a, auto m) { return a - m; }, unit, mean(unit, 0));
  const Tensor variances = mean(map([](auto a) { return a * a; }, centred), 0);
  Collapse result{0, 0};
  for (const real v : variances) result.std += std::sqrt(double(v)) / std::sqrt(d);
  // Singular values by way of their squares: those below 1/300 of the largest are rounding errors in float.
  const Tensor squares = eigh(matmul(unit, unit, {.transpose_a = true})).values;
  const double least = 1e-5 * double(max(squares).item());
  std::vector<double> singular;
  for (const real s : squares)
    if (double(s) > least) singular.push_back(std::sqrt(double(s)));
  const double all = std::accumulate(singular.begin(), singular.end(), 0.0);
  double entropy = 0;
  for (const double s : singular) entropy -= s / all * std::log(s / all);
  result.rank = std::exp(entropy);
  return result;
}

Tensor principal_components(const Tensor& z, int64_t count) {
  const Tensor centred = map([](auto a, auto m) { return a - m; }, z, mean(z, 0));
  const Tensor vectors = eigh(matmul(centred, centred, {.transpose_a = true})).vectors;  // ascending
  const Tensor last = flip(slice(vectors, 1, z.size(1) - count, z.size(1)), 1);
  return matmul(centred, last);
}

Indices few_per_class(const Indices& labels, int64_t classes, int64_t per_class, Generator& g) {
  check_labels("few_per_class", labels, classes);
  std::vector<std::vector<bijou::index>> found(static_cast<size_t>(classes));
  for (const bijou::index i : randperm(labels.numel(), g)) {
    auto& of_class = found[size_t(labels.data()[i])];
    if (int64_t(of_class.size()) < per_class) of_class.push_back(i);
  }
  std::vector<bijou::index> rows;
  for (const auto& of_class : found) {
    check(int64_t(of_class.size()) == per_class, "few_per_class: a class has ", of_class.size(), " examples, not ",
          per_class);
    rows.insert(rows.end(), of_class.begin(), of_class.end());
  }
  return Indices::from(std::span<const bijou::index>(rows));
}

}  // namespace bijou::ssl
