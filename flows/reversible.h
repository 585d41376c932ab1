// A Chain whose forward remembers nothing: however many layers there are, training it takes the memory of one. Its
// inverse is Chain's, and trained through that, as by reverse KL, every layer keeps what its own backward pass needs.
//
// Backpropagation needs what went into each layer. A bijector's input can be had again from its output, h_{i-1} =
// g_i(h_i), so the backward pass goes back layer by layer: it inverts one, runs it forward once more with recording on,
// and takes its gradients. That costs about two forward passes more. From A. Gomez et al., "The reversible residual
// network: backpropagation without storing activations", NeurIPS 2017; for flows the inverse is there anyway.
//
// The gradients are those of Chain up to the rounding of g(f(x)), and can be taken once, not differentiated again. For
// layers that are functions of their input and parameters alone, both ways: no layer here that draws random numbers or,
// as batch normalisation does, looks at the whole batch.
#pragma once

#include "flows/bijector.h"

namespace bijou::flows {

struct ReversibleChain : Chain {
  using Chain::Chain;

 protected:
  Latent f(const Var& x, const Var& context) const override;
};

}  // namespace bijou::flows
