#include "examples/experiments/few_labelled.h"

#include <set>

#include "ssl/evaluation.h"
#include "ssl/fine_tune.h"
#include "tensor/indexing.h"

namespace bijou::experiments {

FewLabelled few_labelled(const support::Dataset& train, const support::Dataset& test, int64_t labels,
                         int64_t unlabelled, uint64_t seed) {
  const int64_t classes = int64_t(train.classes.size());
  check(labels > 0 && labels % classes == 0, "few_labelled: ", labels, " labels are not as many of each of ", classes,
        " classes");
  Generator g(seed);
  const Indices rows = ssl::few_per_class(train.labels, classes, labels / classes, g);
  const support::Dataset rest = train.rows(0, std::min(unlabelled, train.size()));
  return {{index_select(train.images, 0, rows), one_hot(index_select(train.labels, 0, rows), classes)},
          rest.images,
          rest.labels,
          test.images,
          test.labels};
}

double test_accuracy(nn::Sequential& net, const FewLabelled& data) {
  return ssl::accuracy(ssl::predict(net, data.test_x), data.test_labels);
}

Round measure(nn::Sequential& net, const ssl::PseudoLabels& pseudo, const FewLabelled& data) {
  const int64_t n = pseudo.rows.numel();
  const Indices said = n ? argmax(pseudo.targets, 1) : Indices();
  std::set<bijou::index> kept;
  int64_t right = 0;
  for (int64_t i = 0; i < n; ++i) {
    const bijou::index row = pseudo.rows.data()[i];
    if (kept.insert(row).second) right += said.data()[i] == data.truth.data()[row];
  }
  return {test_accuracy(net, data), int64_t(kept.size()), double(right) / double(kept.size())};
}

}  // namespace bijou::experiments
