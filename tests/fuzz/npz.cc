// Feeds arbitrary bytes to the reader of .npz archives: it either makes tensors of them or throws Error.
#include "tensor/npy.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    bijou::parse_npz({data, size}, "input");
  } catch (const bijou::Error&) {
  }
  return 0;
}
