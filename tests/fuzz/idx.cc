// Feeds arbitrary bytes to the readers of IDX files: they either make a tensor of it or throw Error.
#include "examples/support/dataset.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const bijou::support::File file{"input", bijou::Bytes(data, data + size)};
  try {
    bijou::support::parse_idx_images(file);
  } catch (const bijou::Error&) {
  }
  try {
    bijou::support::parse_idx_labels(file);
  } catch (const bijou::Error&) {
  }
  return 0;
}
