// NumPy's files: .npy, one array; .npz, a zip archive of named ones.
//
// An .npy is a magic word, a version, the length of a header, the header in Python's own syntax
//
//   {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
//
// padded so that the numbers, which follow, are aligned. Read are versions 1 to 3, all numbers but complex ones, in
// both byte orders; an array in Fortran's order is transposed into ours. Written are '<f4' or '<f8' as real is, and
// '<i4'.
#pragma once

#include "tensor/files.h"
#include "tensor/tensor.h"

namespace bijou {

Tensor load_npy(const std::string& path);
Indices load_npy_indices(const std::string& path);  // integers that fit 32 bits; throws on anything else
void save_npy(const std::string& path, const Tensor& x);
void save_npy(const std::string& path, const Indices& x);

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;
NamedTensors load_npz(const std::string& path);  // in the file's order; names without ".npy"
void save_npz(const std::string& path, const NamedTensors& tensors);

// The same from memory; `name` is what an error calls the file.
Tensor parse_npy(ByteView file, const std::string& name);
Indices parse_npy_indices(ByteView file, const std::string& name);
NamedTensors parse_npz(ByteView file, const std::string& name);

}  // namespace bijou
