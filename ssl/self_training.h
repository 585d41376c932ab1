// Self-training: iteratively expand the labelled set by using the model to label previously unlabelled data.
//
//   model <- train(labelled)
//   for each round:   pseudo <- select(model(unlabelled))
//                     model  <- train(labelled and pseudo)
//
// What a round believes is the whole art. With a threshold it takes what the model is sure of; with top-k so many of
// each class; a curriculum takes the surest fifth, then two fifths, ..., all. Labels are soft (the model's
// probabilities) or hard (its likeliest class). Every round chooses anew from all unlabelled examples, so an early
// mistake can be taken back; and every round begins with a new network, which does not remember it.
//
// H. Scudder, "Probability of error of some adaptive pattern-recognition machines", IEEE Trans. Information Theory
// 1965; D. Yarowsky, "Unsupervised word sense disambiguation rivaling supervised methods", ACL 1995; the curriculum: P.
// Cascante-Bonilla et al., "Curriculum labeling: Revisiting pseudo-labeling for semi-supervised learning", AAAI 2021.
#pragma once

#include "ssl/semi_supervised.h"

namespace bijou::ssl {

// ---- What to believe ------------------------------------------------------------------------------------------------

struct SelectOptions {
  double threshold = 0;    // only where the likeliest class has at least this probability
  double part = 1;         // of all examples, only this part, the surest
  int64_t per_class = 0;   // of each class the surest so many; 0: all
  bool duplicate = false;  // a class with fewer has its examples repeated until there are per_class: all are balanced
  bool hard = false;       // the likeliest class alone, not all the probabilities
};
struct PseudoLabels {
  Indices rows;  // the examples chosen: class by class, the surest first; one that is repeated stands there repeatedly
  Tensor targets;  // [rows, classes]
};
// From probabilities [n, classes]. A class that nothing is taken for stays empty.
PseudoLabels select(const Tensor& probabilities, const SelectOptions& options = {});

// ---- The loop -------------------------------------------------------------------------------------------------------

struct SelfTraining {
  // A new network. The first, round 0, learns from labels alone.
  std::function<nn::Sequential(int64_t round)> make_model;
  // Trains it; in round 0 pseudo is empty.
  std::function<void(nn::Sequential& model, const Examples& labelled, const Examples& pseudo, int64_t round)> train;
  // Chooses from what the model before said of the unlabelled examples.
  std::function<PseudoLabels(const Tensor& probabilities, int64_t round)> select = {};
  // After each round: its model and which labels of its teacher it was taught, in round 0 none. false stops.
  std::function<bool(int64_t round, nn::Sequential& model, const PseudoLabels& pseudo)> report = {};
  int64_t rounds = 3;
};

// The last model.
nn::Sequential self_train(const SelfTraining& how, const Examples& labelled, const Tensor& unlabelled);
// The same from a model that has learnt already: from round 1 on.
nn::Sequential self_train(nn::Sequential model, const SelfTraining& how, const Examples& labelled,
                          const Tensor& unlabelled);

}  // namespace bijou::ssl
