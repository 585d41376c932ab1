// Feeds arbitrary bytes to the reader of .tar files: it either makes files of it or throws Error.
#include "examples/support/tar.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    bijou::support::parse_tar({"input", bijou::Bytes(data, data + size)});
  } catch (const bijou::Error&) {
  }
  return 0;
}
