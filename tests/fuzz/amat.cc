// Feeds arbitrary bytes to the reader of .amat files: it either makes a tensor of it or throws Error.
#include "examples/support/binary.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    bijou::support::parse_amat({"input", bijou::Bytes(data, data + size)}, 3);
  } catch (const bijou::Error&) {
  }
  return 0;
}
