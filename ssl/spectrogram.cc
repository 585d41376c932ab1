#include "ssl/spectrogram.h"

#include <fftw3.h>

#include <cmath>
#include <map>
#include <mutex>
#include <numbers>

#include "tensor/lane.h"
#include "tensor/layout.h"
#include "tensor/map.h"
#include "tensor/matmul.h"
#include "tensor/parallel.h"

namespace bijou::ssl {
namespace {

constexpr double kPi = std::numbers::pi;

// FFTW has its functions once for each type of number.
template <class T>
struct Fftw;
template <>
struct Fftw<float> {
  using Plan = fftwf_plan;
  using Complex = fftwf_complex;
  static Plan plan(int n, float* in, Complex* out) { return fftwf_plan_dft_r2c_1d(n, in, out, kFlags); }
  static void run(Plan plan, float* in, Complex* out) { fftwf_execute_dft_r2c(plan, in, out); }
  static constexpr unsigned kFlags = FFTW_ESTIMATE | FFTW_UNALIGNED;
};
template <>
struct Fftw<double> {
  using Plan = fftw_plan;
  using Complex = fftw_complex;
  static Plan plan(int n, double* in, Complex* out) { return fftw_plan_dft_r2c_1d(n, in, out, kFlags); }
  static void run(Plan plan, double* in, Complex* out) { fftw_execute_dft_r2c(plan, in, out); }
  static constexpr unsigned kFlags = FFTW_ESTIMATE | FFTW_UNALIGNED;
};
using Fft = Fftw<real>;

// Any thread may run a plan, but only one at a time may make one. They are kept to the end: there are few lengths.
Fft::Plan plan_for(int64_t n) {
  static std::mutex mutex;
  static auto& plans = *new std::map<int64_t, Fft::Plan>;
  const std::lock_guard lock(mutex);
  Fft::Plan& plan = plans[n];
  if (plan) return plan;
  const size_t length = size_t(n);
  std::vector<real> in(length), out(length + 2);
  plan = Fft::plan(int(n), in.data(), reinterpret_cast<Fft::Complex*>(out.data()));
  check(plan != nullptr, "stft: FFTW has no plan for length ", n);
  return plan;
}

// The ideal low-pass for frequencies up to `cut` times half the rate, at a distance of t samples.
double low_pass(double t, double cut, double reach) {
  const double s = kPi * cut * t, sinc = s == 0 ? 1 : std::sin(s) / s, hann = std::cos(kPi * t / (2 * reach));
  return cut * sinc * hann * hann;
}

}  // namespace

Tensor resample(const Tensor& x, int from, int to) {
  check(x.dim() == 1 && from > 0 && to > 0, "resample: a sound [n] expected, not ", x.shape(), ", from ", from, " to ",
        to, " samples a second");
  const int64_t n = x.numel(), m = (n * to + from - 1) / from;
  if (from == to) return x.clone();
  const double cut = std::min(1.0, double(to) / from), reach = 24 / cut;  // 24 zeros of the sinc to each side
  Tensor y({m});
  const real* in = x.data();
  real* out = y.mutable_data();
  parallel_for(m, 200, [&](int64_t first, int64_t last) {
    for (int64_t j = first; j < last; ++j) {
      const double at = double(j) * from / to;
      const int64_t begin = std::max<int64_t>(0, int64_t(std::ceil(at - reach)));
      const int64_t end = std::min<int64_t>(n - 1, int64_t(std::floor(at + reach)));
      double sum = 0;
      for (int64_t i = begin; i <= end; ++i) sum += double(in[i]) * low_pass(at - double(i), cut, reach);
      out[j] = real(sum);
    }
  });
  return y;
}

Tensor hann_window(int64_t n) {
  Tensor w({n});
  for (int64_t m = 0; m < n; ++m) {
    const double s = std::sin(kPi * double(m) / double(n));
    w.mutable_data()[m] = real(s * s);
  }
  return w;
}

Tensor stft(const Tensor& x, const StftOptions& o) {
  check(o.window > 0 && o.hop > 0 && o.fft >= o.window && o.fft < 1 << 24, "stft: a window of ", o.window,
        " samples every ", o.hop, " in transforms of ", o.fft);
  check(x.dim() == 1 && x.numel() > 0, "stft: a sound [n] expected; the shape is ", x.shape());
  const int64_t n = x.numel(), frames = 1 + std::max<int64_t>(0, n - o.window) / o.hop, bins = o.fft / 2 + 1;
  const Tensor weights = hann_window(o.window);
  const Fft::Plan plan = plan_for(o.fft);
  Tensor spectrum({frames, bins, 2});
  real* out = spectrum.mutable_data();
  parallel_for(frames, 64, [&](int64_t first, int64_t last) {
    std::vector<real> frame(size_t(o.fft));
    for (int64_t t = first; t < last; ++t) {
      const int64_t start = t * o.hop, length = std::min(o.window, n - start);
      std::fill(frame.begin(), frame.end(), real(0));
      for (int64_t m = 0; m < length; ++m) frame[size_t(m)] = weights.data()[m] * x.data()[start + m];
      Fft::run(plan, frame.data(), reinterpret_cast<Fft::Complex*>(out + t * bins * 2));
    }
  });
  return spectrum;
}

double hz_to_mel(double hz) { return 2595 * std::log10(1 + hz / 700); }
double mel_to_hz(double mel) { return 700 * (std::pow(10, mel / 2595) - 1); }

Tensor mel_filters(const MelOptions& o) {
  const double high = o.high > 0 ? o.high : o.rate / 2.0, bottom = hz_to_mel(o.low), top = hz_to_mel(high);
  check(o.mels > 0 && o.low >= 0 && o.low < high && high <= o.rate / 2.0, "mel_filters: ", o.mels, " filters from ",
        o.low, " to ", high, " Hz at ", o.rate, " samples a second");
  const int64_t bins = o.stft.fft / 2 + 1;
  const auto corner = [&](int64_t j) { return mel_to_hz(bottom + (top - bottom) * double(j) / double(o.mels + 1)); };
  Tensor h({o.mels, bins});
  for (int64_t j = 0; j < o.mels; ++j) {
    const double left = corner(j), peak = corner(j + 1), right = corner(j + 2);
    for (int64_t k = 0; k < bins; ++k) {
      const double f = double(k) * o.rate / double(o.stft.fft);
      h.mutable_data()[j * bins + k] =
          real(std::max(0.0, std::min((f - left) / (peak - left), (right - f) / (right - peak))));
    }
  }
  return h;
}

Tensor log_mel(const Tensor& x, const MelOptions& o) {
  check(o.floor > 0, "log_mel: the floor ", o.floor, " has no logarithm");
  const Tensor spectrum = stft(x, o.stft);
  const Tensor power = map_sum([](auto part) { return part * part; }, 2, spectrum);  // [frames, bins]
  const Tensor mels = matmul(mel_filters(o), power, {.transpose_b = true});
  return map([floor = real(o.floor)](auto energy) { return log(maximum(energy, Lane(floor))); }, mels);
}

Tensor cosine_transform(int64_t rows, int64_t n) {
  check(rows > 0 && rows <= n, "cosine_transform: ", rows, " rows of ", n);
  Tensor c({rows, n});
  for (int64_t k = 0; k < rows; ++k)
    for (int64_t j = 0; j < n; ++j)
      c.mutable_data()[k * n + j] =
          real(std::sqrt((k == 0 ? 1.0 : 2.0) / double(n)) * std::cos(kPi * double(k) * (double(j) + 0.5) / double(n)));
  return c;
}

Tensor mfcc(const Tensor& log_mels, int64_t coefficients) {
  check(log_mels.dim() == 2, "mfcc: log-mels [mels, frames] expected; the shape is ", log_mels.shape());
  return matmul(cosine_transform(coefficients, log_mels.size(0)), log_mels);
}

}  // namespace bijou::ssl
