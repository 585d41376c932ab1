// From sound to spectrograms.
#include <cmath>
#include <complex>
#include <numbers>

#include "ssl/spectrogram.h"
#include "tensor/layout.h"
#include "tensor/matmul.h"
#include "tests/support.h"

namespace bijou::ssl {
namespace {

using testing::expect_close;
using testing::expect_error;
using testing::kDouble;
using testing::random;

Tensor tone(double hz, int rate, int64_t n) {
  Tensor x({n});
  for (int64_t i = 0; i < n; ++i) x.mutable_data()[i] = real(std::sin(2 * std::numbers::pi * hz * double(i) / rate));
  return x;
}

// The sum that the fast transform computes, term by term.
Tensor naive_stft(const Tensor& x, const StftOptions& o) {
  const int64_t frames = x.numel() < o.window ? 1 : 1 + (x.numel() - o.window) / o.hop, bins = o.fft / 2 + 1;
  const Tensor w = hann_window(o.window);
  Tensor y({frames, bins, 2});
  for (int64_t t = 0; t < frames; ++t)
    for (int64_t k = 0; k < bins; ++k) {
      std::complex<double> sum = 0;
      for (int64_t m = 0; m < o.window && t * o.hop + m < x.numel(); ++m)
        sum += double(w.at({m})) * double(x.at({t * o.hop + m})) *
               std::polar(1.0, -2 * std::numbers::pi * double(k * m % o.fft) / double(o.fft));
      y.mutable_data()[2 * (t * bins + k)] = real(sum.real());
      y.mutable_data()[2 * (t * bins + k) + 1] = real(sum.imag());
    }
  return y;
}

TEST(Stft, IsTheFourierTransformOfEachFrame) {
  for (const StftOptions o :
       {StftOptions{.window = 20, .hop = 8, .fft = 32}, StftOptions{.window = 15, .hop = 15, .fft = 15},
        StftOptions{.window = 1, .hop = 3, .fft = 1}, StftOptions{.window = 200, .hop = 125, .fft = 256}})
    for (const int64_t n : {1, 19, 20, 333})
      expect_close(stft(random({n}), o), naive_stft(random({n}), o), kDouble ? 1e-10 : 1e-4);
}

TEST(Stft, OfAToneStandsAtItsFrequency) {
  const Tensor y = stft(tone(1000, 8000, 2000));  // bin 32 of 256
  EXPECT_EQ(y.shape(), Shape({15, 129, 2}));
  const auto power = [&](int64_t t, int64_t k) { return std::hypot(y.at({t, k, 0}), y.at({t, k, 1})); };
  for (int64_t t = 0; t < 15; ++t) {
    EXPECT_NEAR(power(t, 32), 50, 0.1);  // half the sum of the window
    EXPECT_LT(power(t, 60), 0.1);
  }
}

TEST(Stft, SaysWhatIsWrong) {
  expect_error([] { stft(zeros({100}), {.window = 300}); },
               "stft: a window of 300 samples every 125 in transforms of 256");
  expect_error([] { stft(zeros({10, 2})); }, "a sound [n] expected; the shape is [10, 2]");
  expect_error([] { stft(zeros({0})); }, "a sound [n] expected");
}

TEST(HannWindow, HalvesAddUpToOne) {
  const Tensor w = hann_window(16);
  EXPECT_EQ(w.at({0}), 0);
  for (int64_t i = 0; i < 8; ++i) EXPECT_NEAR(w.at({i}) + w.at({i + 8}), 1, 1e-6);
}

TEST(Mel, ScaleIsAsPublished) {
  EXPECT_NEAR(hz_to_mel(1000), 999.9855, 1e-3);  // 1000 Hz are 1000 mel
  EXPECT_NEAR(hz_to_mel(700), 2595 * std::log10(2.0), 1e-9);
  for (const double hz : {0.0, 100.0, 4000.0}) EXPECT_NEAR(mel_to_hz(hz_to_mel(hz)), hz, 1e-9);
}

TEST(Mel, FiltersAreTrianglesEvenlySpacedInMel) {
  const MelOptions o{.rate = 8000, .mels = 5, .low = 100, .high = 3500, .stft = {.window = 512, .fft = 512}};
  const Tensor h = mel_filters(o);
  ASSERT_EQ(h.shape(), Shape({5, 257}));
  const double step = (hz_to_mel(3500) - hz_to_mel(100)) / 6;
  for (int64_t j = 0; j < 5; ++j)
    for (int64_t k = 0; k < 257; ++k) {
      const double f = double(k) * 8000 / 512, edge = hz_to_mel(100) + step * double(j);
      const double l = mel_to_hz(edge), c = mel_to_hz(edge + step), r = mel_to_hz(edge + 2 * step);
      const double want = f <= l || f >= r ? 0 : f <= c ? (f - l) / (c - l) : (r - f) / (r - c);
      EXPECT_NEAR(h.at({j, k}), want, 1e-6) << j << ", " << k;
    }
}

TEST(Mel, NeighboursAddUpToOneBetweenTheOuterPeaks) {
  const MelOptions o{.mels = 12};
  const Tensor h = mel_filters(o);
  for (int64_t k = 0; k < 129; ++k) {
    const double f = double(k) * 8000 / 256, step = (hz_to_mel(4000) - hz_to_mel(60)) / 13;
    if (hz_to_mel(f) < hz_to_mel(60) + step || hz_to_mel(f) > hz_to_mel(4000) - step) continue;
    double sum = 0;
    for (int64_t j = 0; j < 12; ++j) sum += double(h.at({j, k}));
    EXPECT_NEAR(sum, 1, 1e-5) << f << " Hz";
  }
}

TEST(Mel, LogMelIsTheLogarithmOfFilteredPower) {
  const MelOptions o{.mels = 8, .floor = 1e-3};
  const Tensor x = random({700}), y = log_mel(x, o), h = mel_filters(o), s = naive_stft(x, o.stft);
  ASSERT_EQ(y.shape(), Shape({8, 5}));
  for (int64_t t = 0; t < 5; ++t)
    for (int64_t j = 0; j < 8; ++j) {
      double energy = 0;
      for (int64_t k = 0; k < 129; ++k)
        energy += double(h.at({j, k})) * (std::pow(s.at({t, k, 0}), 2) + std::pow(s.at({t, k, 1}), 2));
      EXPECT_NEAR(y.at({j, t}), std::log(energy), kDouble ? 1e-10 : 1e-4);
    }
  for (const real v : log_mel(zeros({500}), o)) EXPECT_NEAR(v, std::log(1e-3), 1e-6);
}

TEST(Mel, SaysWhatIsWrong) {
  expect_error([] { mel_filters({.rate = 8000, .high = 5000}); }, "to 5000 Hz at 8000 samples a second");
  expect_error([] { log_mel(zeros({500}), {.floor = 0}); }, "has no logarithm");
}

TEST(CosineTransform, IsOrthonormal) {
  for (const int64_t n : {1, 2, 13, 32}) {
    const Tensor c = cosine_transform(n, n);
    expect_close(matmul(c, c, {.transpose_b = true}), eye(n));
  }
  expect_close(cosine_transform(3, 7), cosine_transform(7, 7).rows(0, 3));
}

TEST(Mfcc, OfAFlatSpectrumIsItsFirstNumberAlone) {
  const Tensor y = mfcc(full({16, 3}, 2), 5);
  EXPECT_EQ(y.shape(), Shape({5, 3}));
  for (int64_t k = 0; k < 5; ++k) EXPECT_NEAR(y.at({k, 1}), k == 0 ? 8 : 0, 1e-5);
}

TEST(Resample, KeepsTonesThatBothRatesCanHold) {
  for (const auto& [from, to] : {std::pair{8000, 16000}, {16000, 8000}, {11025, 8000}, {8000, 6000}}) {
    const Tensor y = resample(tone(500, from, 2000), from, to), want = tone(500, to, y.numel());
    EXPECT_EQ(y.numel(), (2000 * int64_t(to) + from - 1) / from);
    for (int64_t i = 200; i < y.numel() - 200; ++i) ASSERT_NEAR(y.at({i}), want.at({i}), 2e-3) << from << " to " << to;
  }
}

TEST(Resample, RemovesWhatTheNewRateCannotHold) {
  const Tensor y = resample(tone(5000, 16000, 4000), 16000, 8000);
  for (int64_t i = 100; i < y.numel() - 100; ++i) ASSERT_NEAR(y.at({i}), 0, 2e-3);
}

TEST(Resample, ToTheSameRateChangesNothing) {
  expect_close(resample(random({50}), 8000, 8000), random({50}), 0);
  expect_error([] { resample(zeros({5}), 0, 8000); }, "resample");
}

}  // namespace
}  // namespace bijou::ssl
