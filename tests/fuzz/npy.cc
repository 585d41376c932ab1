// Feeds arbitrary bytes to the readers of .npy files: they either make a tensor of it or throw Error.
#include "tensor/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    bijou::parse_npy({data, size}, "input");
  } catch (const bijou::Error&) {
  }
  try {
    bijou::parse_npy_indices({data, size}, "input");
  } catch (const bijou::Error&) {
  }
  return 0;
}
