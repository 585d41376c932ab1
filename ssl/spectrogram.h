// From sound to its picture: how loud is which frequency at what time?
//
//   STFT       X_t(k) = Σ_m w_m x_{t hop + m} exp(-2πi k m / N)           w: a Hann window
//   mel        m(f) = 2595 log10(1 + f / 700), on which steps of pitch sound equally large (D. O'Shaughnessy, 1987)
//   log-mel    log Σ_k H_{jk} |X_t(k)|²         H: triangles, evenly spaced in mel, half overlapping
//   MFCC       the cosine transform of log-mels over j: S. Davis, P. Mermelstein, "Comparison of parametric
//              representations for monosyllabic word recognition", IEEE Trans. ASSP 1980
//
// Pictures are [frequency, time], so that augmentations of images (ssl/augmentation.h) and ssl/spec_augment.h serve
// them. The fast Fourier transform itself is FFTW's: M. Frigo, S. Johnson, "The design and implementation of FFTW3",
// 2005.
#pragma once

#include "tensor/tensor.h"

namespace bijou::ssl {

// A sound [n] with `from` samples a second as one with `to`: [ceil(n to / from)]. What is too high for the new rate is
// filtered out:   y_j = Σ_i x_i h(j from/to - i)   with h the ideal low-pass, a sinc, cut off by a Hann window.
Tensor resample(const Tensor& x, int from, int to);

struct StftOptions {
  int64_t window = 200;  // samples a frame sees
  int64_t hop = 125;     // samples from frame to frame
  int64_t fft = 256;     // N; the window is filled up with zeros
};
Tensor hann_window(int64_t n);  // sin²(π m / n): periodic, so that windows n/2 apart add up to 1
// A sound [n] -> [frames, N/2 + 1, 2], real and imaginary parts. Frames lie within the sound; one shorter than a window
// is filled up with zeros.
Tensor stft(const Tensor& x, const StftOptions& options = {});

double hz_to_mel(double hz);
double mel_to_hz(double mel);

struct MelOptions {
  int rate = 8000;  // samples a second
  int64_t mels = 32;
  double low = 60, high = 0;  // Hz; high 0: half the rate
  double floor = 1e-6;        // what is fainter counts as this
  StftOptions stft = {};
};
Tensor mel_filters(const MelOptions& options);                    // H [mels, N/2 + 1]
Tensor log_mel(const Tensor& x, const MelOptions& options = {});  // [n] -> [mels, frames]

// The rows of the orthonormal cosine transform (DCT-II): C_{kj} = sqrt((2 - [k = 0]) / n) cos(π k (j + ½) / n).
Tensor cosine_transform(int64_t rows, int64_t n);                // [rows, n]
Tensor mfcc(const Tensor& log_mels, int64_t coefficients = 13);  // [mels, frames] -> [coefficients, frames]

}  // namespace bijou::ssl
