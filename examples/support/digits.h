// Handwritten-like digits out of nothing: 28 x 28 grey images of 0 .. 9, drawn with a shaky pen. Made so that every
// example runs without a download; in look and difficulty they stand in for MNIST, and carry no claim beyond that.
#pragma once

#include "examples/support/dataset.h"
#include "tensor/random.h"

namespace bijou::support {

// n digits; image i shows i % 10, and depends on (g, i) alone: a longer set begins with the same images.
Dataset draw_digits(int64_t n, const Generator& g);

}  // namespace bijou::support
