// safetensors: named tensors in one file, as Hugging Face's libraries and PyTorch users exchange weights.
//
//   8 bytes   n, little-endian
//   n bytes   JSON: {"__metadata__": {"step": "7"}, "layer.weight": {"dtype": "F32", "shape": [2, 3], "data_offsets":
//   [0, 24]}} the rest  the numbers, which the offsets cover without a gap or an overlap
//
// Read are F16, BF16, F32, F64, BOOL and all integers, converted to real; written are F32 or F64, whichever real is.
#pragma once

#include <map>

#include "tensor/files.h"
#include "tensor/tensor.h"

namespace bijou {

struct SafeTensors {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;  // whatever else is to be remembered
};

SafeTensors load_safetensors(const std::string& path);
void save_safetensors(const std::string& path, const SafeTensors& contents);

// The same from memory; `name` is what an error calls the file.
SafeTensors parse_safetensors(ByteView file, const std::string& name);

}  // namespace bijou
