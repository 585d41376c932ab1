// Feeds arbitrary bytes to the reader of .wav files: it either makes a sound of it or throws Error.
#include "examples/support/wav.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    bijou::support::parse_wav({"input", bijou::Bytes(data, data + size)});
  } catch (const bijou::Error&) {
  }
  return 0;
}
