#include "examples/experiments/speech.h"

#include "examples/support/images.h"
#include "ssl/spectrogram.h"
#include "tensor/elementwise.h"
#include "tensor/layout.h"

namespace bijou::experiments {

Tensor spectrograms(const support::Utterances& u, Features features) {
  constexpr int kRate = 8000;
  const ssl::MelOptions options{
      .rate = kRate, .mels = kMels, .stft = {.window = kRate / 40, .hop = kRate / 64, .fft = 256}};
  const int64_t rows = features == Features::kMfcc ? kCoefficients : kMels;
  Tensor all = zeros({u.size(), 1, rows, kFrames});
  for (int64_t i = 0; i < u.size(); ++i) {
    const Tensor mels = ssl::log_mel(ssl::resample(u.sounds[size_t(i)], u.rate, kRate), options);
    const Tensor x = features == Features::kMfcc ? ssl::mfcc(mels, rows) : mels;
    const Tensor centred = x - mean(x, 1, {.keepdim = true});
    const int64_t frames = std::min(kFrames, x.size(1));
    for (int64_t row = 0; row < rows; ++row)
      std::copy_n(centred.data() + row * x.size(1), frames, all.mutable_data() + (i * rows + row) * kFrames);
  }
  return all;
}

Tensor picture_of_spectrograms(const Tensor& x, int columns) {
  const Tensor grid = support::image_grid(flip(x, 2), {.columns = columns, .background = 5});
  return support::heat_map(squeeze(grid, 0), {.low = -5, .high = 5});
}

}  // namespace bijou::experiments
