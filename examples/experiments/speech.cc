#include "examples/experiments/speech.h"

#include "examples/support/images.h"
#include "ssl/spectrogram.h"
#include "tensor/elementwise.h"
#include "tensor/layout.h"

namespace bijou::experiments {

Tensor spectrograms(const support::Utterances& u) {
  const int rate = u.rate;
  const ssl::MelOptions options{
      .rate = rate, .mels = kMels, .stft = {.window = rate / 40, .hop = rate / 64, .fft = rate <= 8000 ? 256 : 1024}};
  Tensor all = zeros({u.size(), 1, kMels, kFrames});
  for (int64_t i = 0; i < u.size(); ++i) {
    const Tensor x = ssl::log_mel(u.sounds[size_t(i)], options), centred = x - mean(x, 1, {.keepdim = true});
    const int64_t frames = std::min(kFrames, x.size(1));
    for (int64_t row = 0; row < kMels; ++row)
      std::copy_n(centred.data() + row * x.size(1), frames, all.mutable_data() + (i * kMels + row) * kFrames);
  }
  return all;
}

Tensor picture_of_spectrograms(const Tensor& x, int columns) {
  const Tensor grid = support::image_grid(flip(x, 2), {.columns = columns, .background = 5});
  return support::heat_map(squeeze(grid, 0), {.low = -5, .high = 5});
}

}  // namespace bijou::experiments
