// Kernels, forward only, at 1e3, 1e5 and 1e7 elements (products and convolutions, which take longer, at the sizes in
// their names); the cost of an op on next to nothing, and of a copy.
#include <cstring>

#include "autograd/conv.h"
#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "nn/norm.h"
#include "tensor/elementwise.h"
#include "tensor/map.h"
#include "tensor/random.h"
#include "tests/bench/bench.h"

namespace bijou::bench {

// A hundred ops on four numbers, forward and backward.
template <class Op>
Work hundred(const Op& op) {
  return [op, x = parameter(uniform({4}, 0.5, 1.5)), seed = Var(ones({4}))] {
    Var y = x;
    for (int i = 0; i < 100; ++i) y = op(y);
    backward(y, seed);
  };
}

// A large map should run at the speed of a copy.
Work copying(int64_t n) {
  return [from = uniform({n}, 0.5, 1.5), to = zeros({n})]() mutable {
    real* out = to.mutable_data();
    parallel_for(to.numel(), 1 << 16, [&](int64_t first, int64_t last) {
      std::memcpy(out + first, from.data() + first, size_t(last - first) * sizeof(real));
    });
  };
}

Cases kernels() {
  Cases cases;
  cases["100 tiny tanh"] = [] { return hundred([](const Var& x) { return tanh(x); }); };
  cases["100 tiny products"] = [] {
    return hundred([b = parameter(uniform({4}, 0.5, 1.5))](const Var& x) { return x * b; });
  };
  cases["copy 10000000"] = [] { return copying(10000000); };
  cases["map 10000000"] = [] {
    return [x = uniform({10000000}, 0.5, 1.5)] { map([](auto v) { return v * 2 + 1; }, x); };
  };
  for (const int64_t n : {1000, 100000, 10000000}) {
    auto add = [&](const char* name, std::function<Work()> make) { cases[name + (" " + std::to_string(n))] = make; };
    auto unary = [&](const char* name, Tensor (*f)(const Tensor&)) {
      add(name, [=] { return [f, x = uniform({n}, 0.5, 1.5)] { f(x); }; });
    };
    const int64_t rows = std::max<int64_t>(1, n / 100);
    add("add", [=] { return [x = uniform({n}, 0.5, 1.5)] { x + x; }; });
    unary("exp", exp), unary("log", log), unary("tanh", tanh), unary("gelu", gelu), unary("sum", sum);
    add("sum rows", [=] { return [x = uniform({rows, 100}, 0.5, 1.5)] { sum(x, 1); }; });
    add("sum columns", [=] { return [x = uniform({rows, 100}, 0.5, 1.5)] { sum(x, 0); }; });
    add("softmax", [=] { return [x = uniform({n / 1000, 1000}, 0.5, 1.5)] { softmax(x, -1); }; });
    add("layer norm", [=] {
      return [x = Var(uniform({n / 1000, 1000}, 0.5, 1.5)), norm = nn::LayerNorm({.size = 1000})] {
        NoGrad guard;
        norm(x);
      };
    });
    add("gather", [=] {
      return [table = randn({8192, 100}), ids = randint({rows}, 0, 8192)] { index_select(table, 0, ids); };
    });
    add("scatter", [=] {
      return [g = randn({rows, 100}), ids = randint({rows}, 0, 8192)] { index_add(Shape{8192, 100}, 0, ids, g); };
    });
  }
  for (const int64_t n : {10, 100, 700})
    cases["matmul " + std::to_string(n) + "x" + std::to_string(n)] = [=] {
      return [a = randn({n, n})] { matmul(a, a); };
    };
  for (const int64_t n : {1, 8, 64})  // of 32 channels, 28 x 28
    cases["conv 3x3, " + std::to_string(n) + (n == 1 ? " image" : " images")] = [=] {
      return [x = Var(randn({n, 32, 28, 28})), w = Var(randn({32, 32, 3, 3}))] { conv2d(x, w, {}, {.padding = 1}); };
    };
  return cases;
}

}  // namespace bijou::bench
