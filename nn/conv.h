// Convolution and pooling as modules. What they compute and the shapes are in tensor/conv.h and tensor/pool.h; images
// are [n, channels, h, w], sequences [n, channels, length].
#pragma once

#include "autograd/conv.h"
#include "nn/module.h"

namespace bijou::nn {

struct Conv2d : Module {
  struct Options {
    int64_t in, out;
    HW kernel;  // 3, or {3, 5}; so too the next three
    HW stride = 1, padding = 0, dilation = 1;
    int64_t groups = 1;
    bool bias = true;
  };
  explicit Conv2d(Options o);
  Var operator()(const Var& x) const { return conv2d(x, weight, bias, options); }
  void members(Visitor& visit) override { visit("weight", weight), visit("bias", bias); }

  ConvOptions options;
  Var weight;  // [out, in / groups, kh, kw]
  Var bias;    // [out], or nothing
};

struct Conv1d : Module {
  struct Options {
    int64_t in, out, kernel;
    int64_t stride = 1, padding = 0, dilation = 1, groups = 1;
    bool bias = true;
  };
  explicit Conv1d(Options o);
  Var operator()(const Var& x) const { return conv1d(x, weight, bias, options); }
  void members(Visitor& visit) override { visit("weight", weight), visit("bias", bias); }

  ConvOptions options;
  Var weight;  // [out, in / groups, kernel]
  Var bias;    // [out], or nothing
};

struct ConvTranspose2d : Module {
  struct Options {
    int64_t in, out;
    HW kernel;
    HW stride = 1, padding = 0, output_padding = 0, dilation = 1;
    int64_t groups = 1;
    bool bias = true;
  };
  explicit ConvTranspose2d(Options o);
  Var operator()(const Var& x) const { return conv_transpose2d(x, weight, bias, options); }
  void members(Visitor& visit) override { visit("weight", weight), visit("bias", bias); }

  ConvTransposeOptions options;
  Var weight;  // [in, out / groups, kh, kw]
  Var bias;    // [out], or nothing
};

struct MaxPool2d : Module {
  explicit MaxPool2d(PoolOptions o) : options(o) {}
  Var operator()(const Var& x) const { return max_pool2d(x, options); }
  PoolOptions options;
};

struct AvgPool2d : Module {
  explicit AvgPool2d(PoolOptions o) : options(o) {}
  Var operator()(const Var& x) const { return avg_pool2d(x, options); }
  PoolOptions options;
};

}  // namespace bijou::nn
