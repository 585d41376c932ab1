// Sound as .wav files: RIFF/WAVE with samples as they are measured (PCM), 8, 16, 24 or 32 bits each, or as 32-bit
// floats.
//
//   const Sound sound = read_wav("seven.wav");
//   write_wav("again.wav", sound);
#pragma once

#include <string>

#include "examples/support/dataset.h"

namespace bijou::support {

struct Sound {
  Tensor samples;  // [channels, n], in [-1, 1]
  int rate;        // samples a second
};

// Throws, naming the file, where a header is broken, a chunk is cut short, or samples are coded in another way.
Sound parse_wav(const File& file);
Sound read_wav(const std::string& path);

// As 16-bit PCM; what lies outside of [-1, 1] is clamped. samples may be [n] too.
void write_wav(const std::string& path, const Sound& sound);

}  // namespace bijou::support
