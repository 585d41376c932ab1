#include "optim/curvature.h"

#include "autograd/elementwise.h"
#include "autograd/functional.h"
#include "autograd/ops.h"
#include "nn/losses.h"
#include "nn/norm.h"
#include "tensor/elementwise.h"
#include "tensor/map.h"

namespace bijou::optim {
namespace {

// f(first, last, part) for every batch; part is its share of the examples.
template <class F>
void for_batches(const Objective& o, const F& f) {
  check(o.examples > 0 && o.batch > 0, "curvature: ", o.examples, " examples in batches of ", o.batch);
  const nn::KeepStatistics keep;
  for (int64_t first = 0; first < o.examples; first += o.batch) {
    const int64_t last = std::min(first + o.batch, o.examples);
    f(first, last, real(double(last - first) / double(o.examples)));
  }
}

// The losses of examples first .. last, whose outputs are y.
Var losses_of(const Objective& o, const Var& y, int64_t first, int64_t last) {
  const Var losses = o.losses(y, first, last);
  check(losses.shape() == Shape{last - first}, "curvature: losses of shape ", losses.shape(), ", where one of each of ",
        last - first, " examples is wanted");
  return losses;
}

// v -> the mean over the batches of product(first, last, v).
template <class Product>
LinearOperator batched(const Objective& o, const std::vector<Var>& parameters, const Product& product) {
  int64_t size = 0;
  for (const Var& p : parameters) size += p.numel();
  return {size, [=](const Tensor& v) {
            check(v.shape() == Shape{size}, "curvature: a vector of shape ", v.shape(), " for ", size, " parameters");
            const EnableGrad on;
            Tensor result = zeros({size});
            for_batches(o, [&](int64_t first, int64_t last, real part) {
              result = result + flattened(product(first, last, unflattened(v, parameters))) * part;
            });
            return result;
          }};
}

std::vector<Tensor> values(const std::vector<Var>& list) {
  std::vector<Tensor> tensors;
  for (const Var& v : list) tensors.push_back(v.value());
  return tensors;
}

// J v for J = dy/dp: the backward pass u -> Jᵀ u is linear in u, and its own backward pass is v -> J v.
Tensor forward_derivative(const Var& y, const std::vector<Var>& parameters, const std::vector<Tensor>& v) {
  const Var u = parameter(zeros(y.shape()));
  const std::vector<Var> back = grad(y, u, parameters, {.create_graph = true});
  return grad(back, std::span(&u, 1), std::vector<Var>(v.begin(), v.end()), {.retain_graph = true})[0].value();
}

}  // namespace

Objective detail::classification(std::function<Var(const Var&)> net, const Tensor& images, const Indices& labels) {
  return {.examples = images.size(0),
          .outputs = [=](int64_t first, int64_t last) { return net(images.rows(first, last)); },
          .losses =
              [=](const Var& logits, int64_t first, int64_t last) {
                return nn::cross_entropy(logits, labels.rows(first, last), {.reduction = nn::Reduction::kNone});
              }};
}

double mean_loss(const Objective& o) {
  const NoGrad off;
  double total = 0;
  for_batches(o, [&](int64_t first, int64_t last, real) {
    total += double(sum(losses_of(o, o.outputs(first, last), first, last)).item());
  });
  return total / double(o.examples);
}

double mean_gradient(const Objective& o, const std::vector<Var>& parameters) {
  const EnableGrad on;
  for (Var p : parameters) p.set_grad({});
  double total = 0;
  for_batches(o, [&](int64_t first, int64_t last, real) {
    const Var loss = sum(losses_of(o, o.outputs(first, last), first, last)) * real(1 / double(o.examples));
    backward(loss);
    total += double(loss.item());
  });
  return total;
}

LinearOperator hessian_operator(const Objective& o, const std::vector<Var>& parameters) {
  return batched(o, parameters, [o, parameters](int64_t first, int64_t last, const std::vector<Tensor>& v) {
    return hvp([&] { return mean(losses_of(o, o.outputs(first, last), first, last)); }, parameters, v);
  });
}

LinearOperator gauss_newton_operator(const Objective& o, const std::vector<Var>& parameters) {
  return batched(o, parameters, [o, parameters](int64_t first, int64_t last, const std::vector<Tensor>& v) {
    const Var y = o.outputs(first, last), z = parameter(y.value());
    const Tensor jv = forward_derivative(y, parameters, v);
    const auto curved = hvp([&] { return mean(losses_of(o, z, first, last)); }, std::span(&z, 1), std::span(&jv, 1));
    return values(grad(y, Var(curved[0]), parameters));
  });
}

LinearOperator fisher_operator(const Objective& o, const std::vector<Var>& parameters) {
  return batched(o, parameters, [o, parameters](int64_t first, int64_t last, const std::vector<Tensor>& v) {
    const Var losses = losses_of(o, o.outputs(first, last), first, last);
    const Tensor slopes = forward_derivative(losses, parameters, v);  // ∇ℓ_i · v
    return values(grad(losses, Var(slopes * real(1 / double(last - first))), parameters));
  });
}

Tensor flattened(const std::vector<Tensor>& tensors) {
  std::vector<Tensor> rows;
  for (const Tensor& t : tensors) rows.push_back(t.flatten());
  return concat(rows, 0);
}

std::vector<Tensor> unflattened(const Tensor& vector, const std::vector<Var>& parameters) {
  std::vector<Tensor> tensors;
  int64_t first = 0;
  for (const Var& p : parameters) {
    tensors.push_back(vector.rows(first, first + p.numel()).reshape(p.shape()));
    first += p.numel();
  }
  return tensors;
}

double dot(const Tensor& a, const Tensor& b) {
  return double(map_sum([](Lane x, Lane y) { return x * y; }, 0, a, b).item());
}

}  // namespace bijou::optim
