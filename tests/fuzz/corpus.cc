// Feeds arbitrary bytes to the readers of texts: they either make passages of it or throw Error.
#include "examples/support/corpus.h"

#include "tensor/error.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for (auto parse : {bijou::support::parse_names, bijou::support::parse_plays, bijou::support::parse_wikitext}) {
    try {
      parse(bijou::Bytes(data, data + size), "input");
    } catch (const bijou::Error&) {
    }
  }
  return 0;
}
