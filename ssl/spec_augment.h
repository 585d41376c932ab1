// SpecAugment: speech is still understood where a few frequencies, or a few moments, of its spectrogram are missing,
// and where it is a little faster here and slower there.
//
//   time warp    frame w0 moves to w0 + w, first and last stay, all between move along in straight lines:
//                w0 ~ U[W, τ - 1 - W),  w ~ U(-W, W]
//   frequency    rows [f0, f0 + f) become the mean:  f ~ U{0 .. F},  f0 ~ U{0 .. ν - f},  m_F times
//   time         columns [t0, t0 + t) become the mean:  t ~ U{0 .. min(T, p τ)},  t0 ~ U{0 .. τ - t},  m_T times
//
// for ν rows and τ columns. Adaptive masks grow with the length: T = p_S τ, and m_T = min(20, p_M τ).
//
// D. Park et al., "SpecAugment: a simple data augmentation method for automatic speech recognition", Interspeech 2019,
// where the warp is an image warp of several anchors; the straight lines and the adaptive masks are those of D. Park et
// al., "SpecAugment on large scale datasets", ICASSP 2020.
//
// Spectrograms are batches of images [B, C, frequency, time]. The mean is that of the example: 0 where it was taken
// away before, and then zeros behind a short sound leave it so.
#pragma once

#include "ssl/augmentation.h"

namespace bijou::ssl {

struct SpecPolicy {
  int64_t warp = 0;                              // W, frames; 0: none
  int64_t frequency = 0, frequency_masks = 0;    // F, m_F
  int64_t time = 0, time_masks = 0;              // T, m_T
  double longest = 1;                            // p: no time mask is a larger part of the whole
  double adaptive_time = 0, adaptive_masks = 0;  // p_S and p_M; where they are not 0, T and m_T are not used
};

// The policies of the paper, for spectrograms of 80 rows and hundreds of columns: LibriSpeech basic and double,
// Switchboard mild and strong.
constexpr SpecPolicy kPolicyLB{80, 27, 1, 100, 1, 1.0}, kPolicyLD{80, 27, 2, 100, 2, 1.0};
constexpr SpecPolicy kPolicySM{40, 15, 2, 70, 2, 0.2}, kPolicySS{40, 27, 2, 70, 2, 0.2};

Augmentation spec_augment(const SpecPolicy& policy);

// The whole spectrogram moves by up to so many frames, either way; what comes in is 0.
Augmentation time_shift(int64_t frames);

// ---- The parts, on one example --------------------------------------------------------------------------------------

// Frame t of the result is frame s of the input, read between two of them, where the warp takes s to t.
void time_warp(real* image, const ImageSize& size, double w0, double w);

struct Span {
  int64_t start, length;
};
// A span of up to `longest` of `of`, from two uniform numbers in [0, 1).
Span draw_span(int64_t of, int64_t longest, real length, real start);

// How many time masks there are in so many frames, and how long they may be.
struct TimeMasks {
  int64_t count, longest;
};
TimeMasks time_masks(const SpecPolicy& policy, int64_t frames);

}  // namespace bijou::ssl
