// RIFF is a box of chunks, each a name of four letters, a size in 32 bits (all numbers are little-endian), so many
// bytes, and one byte more where the size is odd. WAVE has the chunk "fmt ", which says how samples are coded, and
// "data".
#include "examples/support/wav.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>

#include "tensor/layout.h"

namespace bijou::support {
namespace {

constexpr uint32_t kPcm = 1, kFloat = 3, kExtensible = 0xFFFE;

uint32_t little_endian(ByteView bytes, size_t at, int count) {
  uint32_t word = 0;
  for (int i = count; i-- > 0;) word = word << 8 | bytes[at + size_t(i)];
  return word;
}

bool says(ByteView bytes, size_t at, const char* four) { return std::memcmp(bytes.data() + at, four, 4) == 0; }

struct Format {
  uint32_t code, channels, rate, frame, bits;  // frame: bytes of one sample of all channels
};

Format parse_format(ByteView chunk, const std::string& name) {
  check(chunk.size() >= 16, name, ": the chunk \"fmt \" has ", chunk.size(), " bytes, at least 16 expected");
  Format f{little_endian(chunk, 0, 2), little_endian(chunk, 2, 2), little_endian(chunk, 4, 4),
           little_endian(chunk, 12, 2), little_endian(chunk, 14, 2)};
  if (f.code == kExtensible && chunk.size() >= 26) f.code = little_endian(chunk, 24, 2);  // told further behind
  const bool known = (f.code == kPcm && (f.bits == 8 || f.bits == 16 || f.bits == 24 || f.bits == 32)) ||
                     (f.code == kFloat && f.bits == 32);
  check(known, name, ": samples of ", f.bits, " bits in format ", f.code,
        "; PCM (1) of 8, 16, 24 or 32 bits, or float (3) of 32 bits expected");
  check(f.channels > 0 && f.rate > 0 && f.rate <= 1'000'000, name, ": ", f.channels, " channels at ", f.rate,
        " samples a second");
  check(f.frame == f.channels * f.bits / 8, name, ": ", f.channels, " channels of ", f.bits, " bits need ",
        f.channels * f.bits / 8, " bytes, the header says ", f.frame);
  return f;
}

real parse_sample(ByteView bytes, size_t at, const Format& f) {
  const uint32_t word = little_endian(bytes, at, int(f.bits / 8));
  if (f.code == kFloat) return real(std::bit_cast<float>(word));
  if (f.bits == 8) return real((double(word) - 128) / 128);  // the only one that is unsigned
  return real(double(int32_t(word << (32 - f.bits))) / 2147483648.0);
}

Sound parse_samples(ByteView data, const Format& f, const std::string& name) {
  check(data.size() % f.frame == 0, name, ": ", data.size(), " bytes of samples are no multiple of ", f.frame);
  const int64_t n = int64_t(data.size() / f.frame), channels = f.channels;
  Sound sound{Tensor({channels, n}), int(f.rate)};
  real* out = sound.samples.mutable_data();
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t i = 0; i < n; ++i) {
      const real sample = parse_sample(data, size_t(i * channels + c) * f.bits / 8, f);
      check(std::isfinite(sample), name, ": sample ", i, " is no number");
      out[c * n + i] = sample;
    }
  return sound;
}

void append(Bytes& bytes, uint32_t word, int count) {
  for (int i = 0; i < count; ++i) bytes.push_back(uint8_t(word >> 8 * i));
}
void append(Bytes& bytes, const char* four) { bytes.insert(bytes.end(), four, four + 4); }

}  // namespace

Sound parse_wav(const File& file) {
  const ByteView all = file.bytes;
  check(all.size() >= 12 && says(all, 0, "RIFF") && says(all, 8, "WAVE"), file.name,
        ": \"RIFF\", a size and \"WAVE\" expected at its beginning");
  const size_t claimed = size_t(little_endian(all, 4, 4)) + 8;
  check(claimed <= all.size(), file.name, ": cut short: ", claimed, " bytes are announced, there are ", all.size());
  const ByteView riff = all.first(claimed);  // what stands behind is not ours
  std::optional<Format> format;
  for (size_t at = 12; at + 8 <= riff.size();) {
    const size_t size = little_endian(riff, at + 4, 4), start = at + 8;
    check(size <= riff.size() - start, file.name, ": the chunk at byte ", at, " announces ", size, " bytes, there are ",
          riff.size() - start);
    const ByteView chunk = riff.subspan(start, size);
    if (says(riff, at, "fmt ")) format = parse_format(chunk, file.name);
    if (says(riff, at, "data")) {
      check(format.has_value(), file.name, ": samples come before the chunk \"fmt \" that explains them");
      return parse_samples(chunk, *format, file.name);
    }
    at = start + size + size % 2;
  }
  fail(file.name, ": there is no chunk \"data\"");
}

Sound read_wav(const std::string& path) { return parse_wav({path, read_file(path)}); }

void write_wav(const std::string& path, const Sound& sound) {
  const Tensor x = sound.samples.dim() == 1 ? unsqueeze(sound.samples, 0) : sound.samples;
  check(x.dim() == 2 && x.size(0) > 0 && x.size(0) < 65536 / 2 && sound.rate > 0, path,
        ": samples [channels, n] or [n] expected; the shape is ", sound.samples.shape(), ", ", sound.rate, " a second");
  check(all_finite(x), path, ": there are samples that are no numbers");
  const uint32_t channels = uint32_t(x.size(0)), frame = 2 * channels, rate = uint32_t(sound.rate);
  check(x.numel() < (int64_t(1) << 30), path, ": ", x.numel(), " samples are too many for one file");
  const uint32_t size = uint32_t(2 * x.numel());
  Bytes bytes;
  append(bytes, "RIFF"), append(bytes, 36 + size, 4), append(bytes, "WAVE");
  append(bytes, "fmt "), append(bytes, 16, 4), append(bytes, kPcm, 2), append(bytes, channels, 2);
  append(bytes, rate, 4), append(bytes, rate * frame, 4), append(bytes, frame, 2), append(bytes, 16, 2);
  append(bytes, "data"), append(bytes, size, 4);
  for (int64_t i = 0; i < x.size(1); ++i)
    for (int64_t c = 0; c < x.size(0); ++c) {
      const double level = std::clamp(std::round(32768 * double(x.data()[c * x.size(1) + i])), -32768.0, 32767.0);
      append(bytes, uint32_t(int32_t(level)), 2);
    }
  write_file(path, bytes);
}

}  // namespace bijou::support
