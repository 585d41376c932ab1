// Self-training where one can watch it: points in the plane, of two classes, two half-moons around each other.
//
// The model has a bell on every place of a grid and takes the softmax of weighted sums of them: near labelled points it
// is sure, far from everything it says 1/2. So what is labelled grows from the given points outwards, along the moons.
#pragma once

#include <string>
#include <vector>

#include "examples/experiments/few_labelled.h"

namespace bijou::experiments {

struct MoonOptions {
  double spread = 0.1;  // std of the noise around the moons' arcs
  double share = 0.5;   // of the second moon among the 400 unlabelled points; the test points are half and half
  int64_t labels = 2;   // of each moon
};
FewLabelled make_moons(const MoonOptions& options, uint64_t seed);

// What is believed in a round: everything; what the model is sure of by 80 %; the k surest of each class, k growing
// with the rounds up to all there should be; a curriculum, the surest part of all, growing likewise. Labels are hard.
std::vector<std::string> policy_names();
ssl::SelectOptions policy(const std::string& name, int64_t round, int64_t rounds, const FewLabelled& data);

// Rounds 0 (labels alone) to `rounds`.
std::vector<Round> self_train_moons(const FewLabelled& moons, const std::string& policy_name, int64_t rounds,
                                    const Watch& watch = {});
// The same with images and a small convnet, which `fit` trains each round.
std::vector<Round> self_train_images(const FewLabelled& data, const std::string& policy_name, int64_t rounds,
                                     const ssl::FitOptions& fit);

// The plane as a model sees it, tinted where it is sure: all points in grey, those that it was taught in the colour
// that it was told, the given labels large. [1, 3, h, w]
Tensor picture_of_moons(const FewLabelled& moons, nn::Sequential& net, const ssl::PseudoLabels& pseudo);

}  // namespace bijou::experiments
