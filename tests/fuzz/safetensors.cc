// Feeds arbitrary bytes to the reader of safetensors files: it either makes tensors of them or throws Error.
#include "tensor/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    bijou::parse_safetensors({data, size}, "input");
  } catch (const bijou::Error&) {
  }
  return 0;
}
