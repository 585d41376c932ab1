// Problems for which check.py asks PyTorch, too: a function, random inputs, and everything that there is to know of its
// derivatives. run_peer writes them all down, check.py compares.
//
//   y = f(x),   d = dL/dx for L = g·y,   and for s = v·d:  ds/dx (the second gradient) and ds/dg (how f answers to v)
#pragma once

#include <functional>

#include "autograd/ops.h"
#include "tensor/elementwise.h"
#include "tensor/npy.h"
#include "tensor/random.h"

namespace bijou::peer {

using Vars = std::vector<Var>;

struct Problem {
  std::vector<Tensor> x;
  std::function<Vars(const Vars&)> f;
  // What else PyTorch must know, by name: a number or a list of them; positions and labels; tensors that are not
  // differentiated.
  NamedTensors numbers = {};
  std::vector<std::pair<std::string, Indices>> indices = {};
  NamedTensors tensors = {};
  std::vector<std::string> names = {};  // of x, where they are parameters of a layer
};

// Random choices and numbers.
struct Draw {
  Generator g;

  int64_t size(int64_t low = 1, int64_t high = 6) { return low + g.below(high - low + 1); }
  bool coin() { return g.below(2); }
  Shape shape(int low = 0, int high = 4);  // of so many axes, one of them now and then long
  int axis(const Shape& shape) { return g.below(2 * shape.rank()) - shape.rank(); }
  Axes axes(const Shape& shape);  // one or more
  Tensor normal(const Shape& shape) { return randn(shape, g); }
  Tensor between(real low, real high, const Shape& shape) { return uniform(shape, low, high, g); }
  Tensor probabilities(const Shape& shape);  // along the last axis
  Tensor matrix(const Shape& shape);         // far from singular
  Indices below(int64_t n, const Shape& shape) { return randint(shape, 0, n, g); }
};

struct Case {
  std::string name;
  std::function<Problem(Draw&)> draw;
};
using Cases = std::vector<Case>;

void elementwise_cases(Cases& cases);
void structure_cases(Cases& cases);
void image_cases(Cases& cases);
void linalg_cases(Cases& cases);
void layer_cases(Cases& cases);
void loss_cases(Cases& cases);
void optim_cases(Cases& cases);

// What a case passes on as a number or a list.
template <class T>
Tensor list(const std::vector<T>& values) {
  Tensor t({int64_t(values.size())});
  std::copy(values.begin(), values.end(), t.mutable_data());
  return t;
}
inline Tensor list(const Axes& axes) { return list(axes.list); }
inline Tensor list(const Shape& shape) { return list(std::vector<int64_t>(shape.begin(), shape.end())); }
inline Tensor number(double value) { return scalar(real(value)); }

}  // namespace bijou::peer
