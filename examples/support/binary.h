// Sets of binary vectors, on which density models are compared: handwritten digits in black and white, and tables.
#pragma once

#include "examples/support/dataset.h"

namespace bijou::support {

struct BinarySets {
  Tensor train, valid, test;  // [n, D] of 0 and 1
  Shape image;                // {height, width} with height * width = D, or {} where the vectors are no pictures
};

// What load_binary() knows: digits (generated, 14 x 14), mnist, mushrooms, dna, nips.
std::vector<std::string> binary_names();

// Reads, below `folder`:
//   binarized_mnist/binarized_mnist_{train,valid,test}.amat, plain or as .gz
//   made/{mushrooms,dna,nips}_{train,valid,test}.npy
// Throws, naming the file, where one is missing or is not what it should be.
BinarySets load_binary(const std::string& name, const std::string& folder);

// Text of 0 and 1, `columns` of them a line, separated by spaces: [lines, columns].
Tensor parse_amat(const File& file, int64_t columns);

// One picture of binary vectors, `columns` side by side: [1, H, W].
Tensor binary_grid(const Tensor& x, const Shape& image, int columns);

}  // namespace bijou::support
