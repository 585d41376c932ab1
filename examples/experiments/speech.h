// Spoken digits as networks see them and as people see them.
#pragma once

#include "examples/support/spoken_digits.h"

namespace bijou::experiments {

constexpr int64_t kMels = 32, kFrames = 40;  // 40 frames every 15.6 ms: 0.64 s

// Log-mels of 25 ms every 15.6 ms, from each frequency its mean over the utterance taken away: [n, 1, kMels, kFrames].
// Longer utterances are cut, shorter ones followed by zeros.
Tensor spectrograms(const support::Utterances& u);

// Spectrograms [n, 1, mels, frames] side by side, low frequencies at the bottom: [3, H, W].
Tensor picture_of_spectrograms(const Tensor& x, int columns);

}  // namespace bijou::experiments
