// Feeds arbitrary bytes to the reader of CIFAR-10 batches: it either makes a data set of it or throws Error.
#include "examples/support/dataset.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    bijou::support::parse_cifar10({{"input", bijou::Bytes(data, data + size)}});
  } catch (const bijou::Error&) {
  }
  return 0;
}
