// Spoken digits as networks see them and as people see them.
#pragma once

#include "examples/support/spoken_digits.h"

namespace bijou::experiments {

constexpr int64_t kMels = 32, kFrames = 40;  // 40 frames every 15.6 ms: 0.64 s
constexpr int64_t kCoefficients = 13;        // of MFCC

// Log-mels of 25 ms every 15.6 ms, at 8,000 samples a second whatever the recording has; or their MFCC. From each row
// its mean over the utterance is taken away: [n, 1, kMels or kCoefficients, kFrames]. Longer utterances are cut,
// shorter ones followed by zeros.
enum class Features { kLogMel, kMfcc };
Tensor spectrograms(const support::Utterances& u, Features features = Features::kLogMel);

// Spectrograms [n, 1, mels, frames] side by side, low frequencies at the bottom: [3, H, W].
Tensor picture_of_spectrograms(const Tensor& x, int columns);

}  // namespace bijou::experiments
