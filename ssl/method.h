// What all self-supervised methods have in common: an encoder that is to be learnt, and a loss that needs images only.
//
//   SimCLR method({.encoder = encoder, .features = 128, .views = views}, {.temperature = 0.5});
//   optim::Adam optimizer(method.parameters(), {.lr = 2e-3});
//   pretrain(method, optimizer, images, {.batch = 64, .steps = 1200});
//   const Tensor h = embed(method.encoder, images);         // for a probe: ssl/evaluation.h
//
// The heads that a loss needs are the method's own and are thrown away afterwards.
#pragma once

#include "nn/sequential.h"
#include "optim/lars.h"
#include "ssl/augmentation.h"

namespace bijou::ssl {

struct Method : nn::Module {
  explicit Method(nn::AnyModule net) : encoder(std::move(net)) {}
  void members(nn::Visitor& visit) override {
    if (nn::Module* module = encoder.module()) visit("encoder", *module);
  }

  // The loss of a batch [B, C, H, W]: shape [].
  virtual Var loss(const Tensor& images, Generator& g) = 0;
  // What is done after each step of the optimizer, `progress` = step / steps of the way: teachers follow here.
  virtual void after_step(double progress) { (void)progress; }

  nn::AnyModule encoder;  // [B, C, H, W] -> [B, features]; shares its parameters with what it was made from
};

// What a method that compares two views is made of.
struct Views {
  nn::AnyModule encoder;
  int64_t features;    // of the encoder's result
  Augmentation views;  // drawn twice for each image
};

struct PretrainOptions {
  int64_t batch = 64, steps = 1200;
  int64_t warmup = 0;  // steps of linear warm-up, a factor beside half a cosine that falls to 0 over all steps
  uint64_t seed = 0;   // of the order of the images and of what is drawn for each batch
  std::function<bool(int64_t step, double loss)> report = {};  // false stops
};
// Returns the loss of every step. Batches are drawn without replacement, in a new order each epoch.
std::vector<double> pretrain(Method& method, optim::Optimizer& optimizer, const Tensor& images,
                             const PretrainOptions& options);

// The encoder's features of all images, in evaluation mode: [n, features].
Tensor embed(const nn::AnyModule& encoder, const Tensor& images);

// ---- Parts of many methods ------------------------------------------------------------------------------------------

// Linear, batch norm, ReLU, ..., Linear, from `in` to widths.back(). last_norm: batch norm after the last one too.
nn::Sequential projection_head(int64_t in, const std::vector<int64_t>& widths, bool last_norm = false);

Var l2_normalize(const Var& z);  // each row divided by its length; a row of zeros stays

// Two draws of the views, one below the other: [2B, C, H, W], so that rows i and i + B are a positive pair.
Tensor two_views(const Augmentation& views, const Tensor& images, Generator& g);
std::array<Var, 2> halves(const Var& z);  // rows [0, B) and [B, 2B)

// A teacher follows its student: w <- momentum w + (1 - momentum) student, all parameters and buffers.
void follow(const nn::Module& teacher, const nn::Module& student, double momentum);

// LARS as SimCLR uses it: biases and normalisation layers (all that are vectors) go without decay and without trust.
std::vector<optim::LARS::Group> lars_groups(const nn::Module& method, double lr, double weight_decay = 1e-4);

}  // namespace bijou::ssl
