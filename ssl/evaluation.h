// What is an embedding worth? Probes read labels off it, other measures need none.
//
//   linear probe    softmax regression on standardised features; its weight decay is chosen on held-out examples of the
//                   training set, by cross-validation where there are few; the test set is only ever scored
//   k-NN probe      the k most similar training examples vote, each with exp(cos / τ)
//   alignment       E ‖z - z'‖² of positive pairs, uniformity log E exp(-2 ‖z - z'‖²) of any pair, of unit vectors
//   collapse        does every image have the same embedding, or embeddings in few directions?
//
// Z. Wu et al., "Unsupervised feature learning via non-parametric instance discrimination", CVPR 2018 (the k-NN);
// T. Wang, P. Isola, "Understanding contrastive representation learning through alignment and uniformity on the
// hypersphere", ICML 2020; Q. Garrido et al., "RankMe: Assessing the downstream performance of pretrained
// self-supervised representations by their rank", ICML 2023.
#pragma once

#include <vector>

#include "tensor/random.h"

namespace bijou::ssl {

struct Labelled {
  Tensor x;        // features [n, d]
  Indices labels;  // [n], 0 .. classes-1
};

// Returns the predicted classes of test_x [m, d].
struct LinearProbeOptions {
  int64_t classes = 10;
  int folds = 5;    // fewer where a class has fewer examples; with one example each, the middle decay is taken
  int steps = 300;  // of Adam, each on all examples
  std::vector<double> decays = {1e-4, 1e-3, 1e-2, 1e-1};
};
Indices linear_probe(const Labelled& train, const Tensor& test_x, const LinearProbeOptions& options = {});

struct KnnOptions {
  int64_t classes = 10;
  int64_t k = 20;
  double temperature = 0.07;
};
Indices knn_probe(const Labelled& train, const Tensor& test_x, KnnOptions options = {});

double accuracy(const Indices& predicted, const Indices& labels);

double alignment(const Tensor& z, const Tensor& positives);  // row by row; both are normalised first
double uniformity(const Tensor& z);

// Of rows normalised to length 1: std is the mean over features of their standard deviation, times sqrt(d): 1 where
// directions are spread evenly, 0 where all are the same. rank is exp of the entropy of the singular values' shares,
// the number of directions that matter: between 1 and min(n, d).
struct Collapse {
  double std, rank;
};
Collapse collapse(const Tensor& z);

Tensor principal_components(const Tensor& z, int64_t count = 2);  // [n, d] -> [n, count], by falling variance

// The `count` rows of `z` most similar to each row of `queries` by cosine, best first: [m, count].
Indices nearest(const Tensor& queries, const Tensor& z, int64_t count);

// `per_class` positions of each class, drawn at random: the few labels of a semi-supervised task, class by class.
Indices few_per_class(const Indices& labels, int64_t classes, int64_t per_class, Generator& g);

}  // namespace bijou::ssl
