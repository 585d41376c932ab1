// Small colour photographs out of nothing: 32 x 32 images of things lying on top of each other before a sky and a
// ground. What is in them has the statistics that make natural images what they are: sharp edges at every scale,
// smooth surfaces between them, occlusion, and light from above. They stand in for CIFAR-10, and carry no claim beyond.
//
// The "dead leaves" model, G. Matheron, 1968; A. Lee, D. Mumford, J. Huang, "Occlusion models for natural images",
// 2001: leaf after leaf at random places, their sizes r drawn from a density ∝ r⁻³.
#pragma once

#include "examples/support/dataset.h"
#include "tensor/random.h"

namespace bijou::support {

// n scenes; the class is the kind of leaf that most of a scene is made of: disks, boxes or bars. Image i shows class
// i % 3, and depends on (g, i) alone.
Dataset draw_scenes(int64_t n, const Generator& g);

}  // namespace bijou::support
