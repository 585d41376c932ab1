// Distribution augmentation: a density model is trained on transformed data, and told the transformation.
//
//   max over θ of  Σ_i E_t log p_θ(t(x_i) | t),        evaluated as p_θ(x | identity)
//
// Plain data augmentation would fit p(t(x)): it spends probability on images that no test set holds. Told which t it
// sees, the model shares what the tasks have in common and keeps them apart where they differ.
// H. Jun, R. Child, M. Chen, J. Schulman, A. Ramesh, A. Radford, I. Sutskever, "Distribution augmentation for
// generative modeling", ICML 2020.
//
// A type (rotation, transposition, jigsaw, ...) is an Augmentation with some variants, of which 0 is the identity. For
// each image a variant of each type is drawn, and they are applied one after the other in the given order; the paper's
// is rotation, colour, transposition, reversal, jigsaw. Each variant has a learnt vector, and the condition is their
// sum: the start vector of a transformer, a bias in every layer of a MADE or PixelCNN, the context of a flow.
#pragma once

#include "nn/embedding.h"
#include "ssl/augmentation.h"

namespace bijou::ssl {

struct DistAug : nn::Module {
  struct Type {
    std::string name;
    Augmentation t;
    bool moves_pixels = true;  // it does nothing but that
    double rate = 0;           // how often it is another than the identity; 0: all variants equally often
  };
  struct Options {
    std::vector<Type> types;  // none: no augmentation
    int64_t dim;              // of the condition
    double plain = 0;         // this part of the images is left as it is, whatever is drawn for the others
    bool conditioned = true;  // else the model is told nothing, as if all were the identity: plain data augmentation
    bool permuted = true;     // where it is told: places() move with the pixels; else they always are 0, 1, ...
  };
  explicit DistAug(Options o);

  int64_t variants() const { return all_.variants; }                  // of all types together; 0 is the identity
  Indices draw(int64_t n, Generator& g = default_generator()) const;  // [n] in 0 .. variants() - 1
  Tensor transform(const Tensor& x, const Indices& ids, Generator& g = default_generator()) const;  // [B, C, H, W]
  Tensor undo(const Tensor& y, const Indices& ids) const;  // throws where a type cannot be undone
  bool can_undo() const { return bool(all_.undo); }

  Var condition(const Indices& ids) const;  // [B] -> [B, dim]; zeros for the identity

  // Where in x each number of transform(x, ids) comes from, in the order of tokens: [B, H W C], pixel by pixel, the
  // channels of one together. For models whose position vectors move with the pixels; 0, 1, ... where they should not.
  Indices places(const Shape& shape, const Indices& ids) const;  // shape [B, C, H, W]

  void members(nn::Visitor& visit) override { visit("embeddings", embeddings); }

  Options options;
  std::vector<nn::Embedding> embeddings;  // [variants - 1, dim] for each type: the identity has none

 private:
  void check_ids(const Indices& ids) const;

  Augmentation all_;
};

// log p(x | condition), [B], of any conditional density: a MADE, a PixelCNN, a transformer, a flow.
using ConditionalDensity = std::function<Var(const Tensor& x, const Indices& ids)>;

// log of the mean of p(t(x) | t) over `ids`, [B]: the density of x under a mixture of those views, which the paper
// calls an ensemble over transformations. Of ids drawn at random it is, on average, a lower bound of the log of the
// mixture of all views. Types must move pixels only.
Tensor log_prob_of_views(const DistAug& aug, const ConditionalDensity& log_p, const Tensor& x, const Indices& ids);

}  // namespace bijou::ssl
