// Radial flow: space is drawn towards a point, or pushed away from it.
//
//   x = g(z) = z + β̂ h (z - z₀),    h = 1 / (α + r),    r = ‖z - z₀‖
//
// Only the radius changes. With β̂ = q - α it becomes
//
//   r' = r (r + q) / (r + α),    log |det dx/dz| = (D - 1) log (r + q) / (r + α) + log (r (r + 2α) + αq) / (r + α)²
//
// which are quotients of positive numbers: nothing cancels. α and q are softplus of free numbers, so that β̂ > -α, the
// condition for g to be invertible. q < α contracts. D. Rezende, S. Mohamed, "Variational inference with normalizing
// flows", ICML 2015, appendix A.2.
//
// The way back is a formula too: r is the positive root of r² + (q - r') r - α r' = 0, and z lies in the same
// direction.
#pragma once

#include "flows/bijector.h"
#include "tensor/random.h"

namespace bijou::flows {

struct Radial : Bijector {
  struct Options {
    int64_t features;
    int64_t context = 0;  // its length C; each example then has its own z₀, α and q
  };
  explicit Radial(const Options& o, Generator& g = default_generator());  // at first nearly the identity
  void members(nn::Visitor& visit) override {
    visit("center", center), visit("alpha", alpha), visit("q", q), visit("from_context", from_context);
  }

  Options options;
  Var center, alpha, q;  // z₀ [1, D]; [1, 1], before softplus
  Var from_context;      // [D + 2, C], 0 at first: times the context it is added to them

 protected:
  Latent f(const Var& x, const Var& context) const override;
  Data g(const Var& z, const Var& context) const override;

 private:
  struct Params {
    Var center, alpha, q;  // [1 or B, D or 1]; after softplus
  };
  Params params(const Var& v, const Var& context) const;
};

}  // namespace bijou::flows
