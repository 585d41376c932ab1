#include "ssl/self_training.h"

#include <cmath>

#include "tensor/indexing.h"

namespace bijou::ssl {

PseudoLabels select(const Tensor& probabilities, const SelectOptions& o) {
  check(probabilities.dim() == 2 && all_finite(probabilities),
        "select: finite probabilities [n, classes] expected; the shape is ", probabilities.shape());
  check(o.part >= 0 && o.part <= 1, "select: ", o.part, " is not a part of the examples, 0 to 1");
  check(o.per_class > 0 || !o.duplicate, "select: to repeat examples, say how many there are to be: per_class");
  const int64_t n = probabilities.size(0), classes = probabilities.size(1);
  const auto [sureness, likeliest] = max(probabilities, 1);

  std::vector<std::vector<bijou::index>> chosen(static_cast<size_t>(classes));
  const Indices surest_first = argsort(sureness, 0, {.descending = true});
  for (const bijou::index i : surest_first.rows(0, std::llround(o.part * double(n)))) {
    if (sureness.data()[i] < real(o.threshold)) break;
    auto& of_class = chosen[size_t(likeliest.data()[i])];
    if (o.per_class == 0 || int64_t(of_class.size()) < o.per_class) of_class.push_back(i);
  }

  std::vector<bijou::index> rows;
  for (const auto& of_class : chosen) {
    const size_t wanted = o.duplicate && !of_class.empty() ? size_t(o.per_class) : of_class.size();
    for (size_t k = 0; k < wanted; ++k) rows.push_back(of_class[k % of_class.size()]);
  }
  const Indices at = Indices::from(std::span<const bijou::index>(rows));
  return {at, o.hard ? one_hot(index_select(likeliest, 0, at), classes) : index_select(probabilities, 0, at)};
}

namespace {

void check_parts(const SelfTraining& how, const Tensor& unlabelled) {
  check(how.make_model && how.train && how.select, "self_train: make_model, train and select are all needed");
  check(unlabelled.size(0) > 0, "self_train: there are no unlabelled examples");
}

}  // namespace

nn::Sequential self_train(nn::Sequential model, const SelfTraining& how, const Examples& labelled,
                          const Tensor& unlabelled) {
  check_parts(how, unlabelled);
  for (int64_t round = 1; round <= how.rounds; ++round) {
    const PseudoLabels pseudo = how.select(probabilities(model, unlabelled), round);
    model = how.make_model(round);
    how.train(model, labelled, {index_select(unlabelled, 0, pseudo.rows), pseudo.targets}, round);
    if (how.report && !how.report(round, model, pseudo)) break;
  }
  return model;
}

nn::Sequential self_train(const SelfTraining& how, const Examples& labelled, const Tensor& unlabelled) {
  check_parts(how, unlabelled);
  nn::Sequential model = how.make_model(0);
  how.train(model, labelled, {}, 0);
  if (how.report && !how.report(0, model, {})) return model;
  return self_train(std::move(model), how, labelled, unlabelled);
}

}  // namespace bijou::ssl
