// Bijector: an invertible map between data x and latent z that knows how it stretches volume.
//
//   forward(x) -> z = f(x),   log |det dz/dx|             the lecture's f
//   inverse(z) -> x = g(z),   log |det dx/dz|             its g, the inverse of f
//
// If z has the density p(z), then p(x) = |det dz/dx| p(f(x)); for a chain h_0 = x, h_i = f_i(h_{i-1}) the
// log-determinants add up. D. Rezende, S. Mohamed, "Variational inference with normalizing flows", ICML 2015.
//
// Data is always called x, latent always z, and each direction computes its own log-determinant: nothing is cached.
// x and z have a batch axis first, [B, ...]; log-determinants are [B]. A context, where there is one, is [B, C]: what
// the map may depend on besides x. A layer that can be made for one throws if it is given another, or one where it was
// made for none; layers that cannot (elementwise, linear, normalising) let it pass.
#pragma once

#include <memory>

#include "nn/module.h"

namespace bijou::flows {

struct Latent {
  Var z, log_det;  // [B, ...], [B]
};
struct Data {
  Var x, log_det;  // [B, ...], [B]
};

// A bijector has no inverse where it was asked for one, or did not find it to its tolerance.
struct NotInvertible : Error {
  using Error::Error;
};

struct Bijector : nn::Module {
  // Throw where x or z is not a batch, or the context has other rows.
  Latent forward(const Var& x, const Var& context = {}) const;
  Data inverse(const Var& z, const Var& context = {}) const;

  // The shape of z, without the batch axis, for the shape of x. Most keep it.
  virtual Shape latent_shape(const Shape& data_shape) const { return data_shape; }

 protected:
  virtual Latent f(const Var& x, const Var& context) const = 0;
  virtual Data g(const Var& z, const Var& context) const = 0;
};

Shape batch_of(int64_t n, const Shape& event);  // [n, event...]
// Throws unless x is [B, event...]: another shape would be broadcast, and a density or log-determinant be wrong.
void check_event(const char* name, const Var& x, const Shape& event);
// Throws unless the context is what a layer was made for: [B, length], or none where the length is 0.
void check_context(const char* name, const Var& context, int64_t length);

// A value that holds any bijector. Copies share parameters, as copies of a module do.
class AnyBijector {
 public:
  template <std::derived_from<Bijector> B>
  AnyBijector(B b)
      : held_(std::make_unique<B>(std::move(b))), copy_([](const Bijector& b) -> std::unique_ptr<Bijector> {
          return std::make_unique<B>(static_cast<const B&>(b));
        }) {}
  AnyBijector(const AnyBijector& o) : held_(o.copy_(*o.held_)), copy_(o.copy_) {}
  AnyBijector(AnyBijector&&) noexcept = default;
  AnyBijector& operator=(AnyBijector o) noexcept { return std::swap(held_, o.held_), std::swap(copy_, o.copy_), *this; }

  Bijector& operator*() const { return *held_; }
  Bijector* operator->() const { return held_.get(); }

 private:
  std::unique_ptr<Bijector> held_;
  std::unique_ptr<Bijector> (*copy_)(const Bijector&);
};

// f = f_L ∘ ... ∘ f_1, listed in the order in which x passes through them.
//
//   Chain chain(ActNorm(...), Permutation(...), AffineCoupling(...));
struct Chain : Bijector {
  Chain() = default;
  explicit Chain(AnyBijector first, auto... more) {
    add(std::move(first));
    (add(std::move(more)), ...);
  }
  Chain& add(AnyBijector b) { return list.push_back(std::move(b)), *this; }

  Shape latent_shape(const Shape& data_shape) const override;
  void members(nn::Visitor& visit) override;  // "0", "1", ...

  std::vector<AnyBijector> list;

 protected:
  Latent f(const Var& x, const Var& context) const override;
  Data g(const Var& z, const Var& context) const override;
};

// The bijector the other way round. Its data are the other's latents: both must have the same shape.
struct Inverse : Bijector {
  explicit Inverse(AnyBijector b) : of(std::move(b)) {}
  void members(nn::Visitor& visit) override { visit("of", *of); }

  AnyBijector of;

 protected:
  Latent f(const Var& x, const Var& context) const override;
  Data g(const Var& z, const Var& context) const override;
};

}  // namespace bijou::flows
