// Feeds arbitrary bytes to the reader of checkpoints: it either makes a checkpoint of it or throws Error.
#include "nn/checkpoint.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    bijou::nn::parse_checkpoint({data, size}, "input");
  } catch (const bijou::Error&) {
  }
  return 0;
}
