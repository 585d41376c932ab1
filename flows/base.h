// Base distributions: the simple densities p(z) that flows bend into those of the data.
//
//   StandardNormal    N(0, I)
//   DiagonalNormal    N(μ, diag σ²)                 learnable
//   FullNormal        N(μ, L Lᵀ), L lower triangular with a positive diagonal    learnable
//   Uniform           1 / Π (high - low) on a box, zero outside
//   NormalMixture     Σ_k softmax(l)_k N(μ_k, diag σ_k²)                         learnable
//
// Event shapes leave the batch axis out. Samples are differentiable functions of the parameters, but for which
// component of a mixture they come from.
#pragma once

#include <memory>

#include "nn/module.h"
#include "tensor/random.h"

namespace bijou::flows {

struct Base : nn::Module {
  explicit Base(Shape event) : event(event) {}
  virtual Var log_prob(const Var& z) const = 0;  // [B, event...] -> [B]
  // [n, event...]. A temperature T scales the distances from the mean: at 0.7 the samples are more typical.
  virtual Var sample(int64_t n, double temperature = 1, Generator& g = default_generator()) const = 0;

  Shape event;
};

struct StandardNormal : Base {
  using Base::Base;
  Var log_prob(const Var& z) const override;
  Var sample(int64_t n, double temperature, Generator& g) const override;
};

struct DiagonalNormal : Base {
  explicit DiagonalNormal(Shape event);
  Var log_prob(const Var& z) const override;
  Var sample(int64_t n, double temperature, Generator& g) const override;
  void members(nn::Visitor& visit) override { visit("mean", mean), visit("log_std", log_std); }

  Var mean, log_std;  // event; 0 at first
};

struct FullNormal : Base {
  explicit FullNormal(int64_t dim);
  // The one of highest likelihood for x [n, dim]; its covariance plus `ridge` I. Throws where that is singular.
  static FullNormal fitted(const Tensor& x, double ridge = 0);
  Var log_prob(const Var& z) const override;
  Var sample(int64_t n, double temperature, Generator& g) const override;
  void members(nn::Visitor& visit) override;
  Var cholesky() const;  // L

  Var mean, lower, log_diagonal;  // [D], [D, D] of which the part below the diagonal counts, [D]
};

struct Uniform : Base {
  Uniform(Shape event, real low, real high);
  Var log_prob(const Var& z) const override;  // -infinity outside
  Var sample(int64_t n, double temperature, Generator& g) const override;

  real low, high;
};

struct NormalMixture : Base {
  NormalMixture(int64_t components, int64_t dim, Generator& g = default_generator());
  Var log_prob(const Var& z) const override;
  Var sample(int64_t n, double temperature, Generator& g) const override;
  void members(nn::Visitor& visit) override;

  Var logits, mean, log_std;  // [K], [K, D], [K, D]
};

// A value that holds any base distribution, as AnyBijector does.
class AnyBase {
 public:
  template <std::derived_from<Base> B>
  AnyBase(B b)
      : held_(std::make_unique<B>(std::move(b))),
        copy_([](const Base& b) -> std::unique_ptr<Base> { return std::make_unique<B>(static_cast<const B&>(b)); }) {}
  AnyBase(const AnyBase& o) : held_(o.copy_(*o.held_)), copy_(o.copy_) {}
  AnyBase(AnyBase&&) noexcept = default;
  AnyBase& operator=(AnyBase o) noexcept { return std::swap(held_, o.held_), std::swap(copy_, o.copy_), *this; }

  Base& operator*() const { return *held_; }
  Base* operator->() const { return held_.get(); }

 private:
  std::unique_ptr<Base> held_;
  std::unique_ptr<Base> (*copy_)(const Base&);
};

}  // namespace bijou::flows
