// Sequences of tokens, and how they become a batch: side by side, padded to the longest.
#pragma once

#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace bijou::ssl {

using Tokens = std::vector<bijou::index>;

// The first tokens of every vocabulary stand for no text.
enum Special : bijou::index { kPad, kUnknown, kClass, kSeparator, kMask, kSpecials };

struct TokenBatch {
  Indices tokens;         // [B, T]; behind the end of each sequence, kPad
  Indices segments = {};  // [B, T]: 0 in the first part of a pair, 1 in the second; or nothing: all 0
  Tensor padding;         // [B, T]: 1 where there is padding
};
// As long as the longest of them.
TokenBatch padded(std::span<const Tokens> sequences);
// [CLS] a [SEP]; a is cut so that the whole has at most `longest` tokens.
Tokens framed(const Tokens& a, int64_t longest);

}  // namespace bijou::ssl
