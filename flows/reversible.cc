#include "flows/reversible.h"

#include <map>

#include "autograd/elementwise.h"
#include "autograd/ops.h"

namespace bijou::flows {
namespace {

// z and the log-determinant side by side, [B, numel + 1], as an op has one result.
Var packed(const Latent& l) {
  const int64_t b = l.z.size(0);
  return concat({reshape(l.z, {b, l.z.numel() / b}), reshape(l.log_det, {b, 1})}, 1);
}
Latent unpacked(const Var& both, const Shape& shape) {
  const int64_t n = both.size(1) - 1;
  return {reshape(slice(both, 1, 0, n), shape), reshape(slice(both, 1, n, n + 1), {both.size(0)})};
}

}  // namespace

Latent ReversibleChain::f(const Var& x, const Var& context) const {
  if (!grad_enabled()) return Chain::f(x, context);
  std::vector<Var> inputs{x, context ? context : Var(zeros({0}))};
  std::map<uint64_t, int> place;  // of a parameter, by its node's number, among the inputs
  for (const Var& p : parameters())
    if (place.emplace(p.node()->id, int(inputs.size())).second) inputs.push_back(p);
  Latent latent;
  {
    const NoGrad guard;
    latent = Chain::f(x, context);
  }
  const Shape shape = latent.z.shape();
  auto rule = [layers = list, place, shape, conditional = bool(context)](const Node& node, const Var& g, Grads& d) {
    check(!grad_enabled(), "ReversibleChain: its gradient cannot be differentiated again; Chain's can");
    const Latent g_out = unpacked(g, shape);
    Var h = unpacked(node.value, shape).z, g_h = g_out.z;
    for (size_t i = layers.size(); i-- > 0;) {
      const Var in = parameter(layers[i]->inverse(h, conditional ? node.in(1).detach() : Var()).x.value());
      std::vector<Var> wanted{in};
      std::vector<int> places{0};
      const Var context = conditional ? parameter(node.in(1).value()) : Var();
      if (conditional && d.wants(1)) wanted.push_back(context), places.push_back(1);
      for (const Var& p : layers[i]->parameters())
        if (const int at = place.at(p.node()->id); d.wants(at)) wanted.push_back(p), places.push_back(at);
      Latent again;
      {
        const EnableGrad on;
        again = layers[i]->forward(in, context);
      }
      const Var outputs[] = {again.z, again.log_det}, seeds[] = {g_h, g_out.log_det};
      std::vector<Var> gradients = grad(outputs, wanted, seeds);
      for (size_t k = 1; k < wanted.size(); ++k) {
        Var& sum = d[places[k]];
        sum = sum ? sum + gradients[k] : gradients[k];
      }
      h = in.detach(), g_h = gradients[0];
    }
    if (d.wants(0)) d[0] = g_h;
  };
  return unpacked(record("reversible_chain", packed(latent).value(), inputs, rule), shape);
}

}  // namespace bijou::flows
