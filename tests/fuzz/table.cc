// Feeds arbitrary bytes to the reader of tables: it either makes a table of it or throws Error.
#include "examples/support/table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    bijou::support::parse_table({"input", bijou::Bytes(data, data + size)});
  } catch (const bijou::Error&) {
  }
  return 0;
}
