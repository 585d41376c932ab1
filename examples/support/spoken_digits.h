// Spoken digits: read from the Free Spoken Digit Dataset, or spoken by a small synthesizer, so that every example runs
// without a download. The synthetic ones stand in for real speech in length and pitch, and carry no claim beyond that.
#pragma once

#include <string>
#include <vector>

#include "examples/support/wav.h"
#include "tensor/random.h"

namespace bijou::support {

struct Utterances {
  std::vector<Tensor> sounds;       // each [samples], in [-1, 1]
  Indices labels, speakers, takes;  // [n]: the digit, who speaks it, and for the how manieth time
  std::vector<std::string> speaker_names;
  int rate;  // samples a second

  int64_t size() const { return labels.size(0); }
  Utterances rows(const Indices& which) const;
};

// What load_spoken_digits() knows: synthetic, fsdd.
std::vector<std::string> spoken_digits_names();

// Reads <folder>/fsdd/recordings.tar.gz, or the unpacked files <folder>/fsdd/recordings/{digit}_{speaker}_{take}.wav;
// "synthetic" needs no folder. In the order of takes, then of speakers, then of digits.
Utterances load_spoken_digits(const std::string& name, const std::string& folder);

// The recordings of FSDD from files in memory; others than .wav are passed over.
Utterances parse_fsdd(const std::vector<File>& files);

// Every digit, spoken by each of kSpeakers speakers `takes` times, at 8,000 samples a second. What is said depends on
// (g, digit, speaker, take) alone.
constexpr int kSpeakers = 6;
Utterances speak_digits(int64_t takes, const Generator& g);

struct HeldOut {
  Utterances train, test;
};
HeldOut by_takes(const Utterances& all, index first_train);  // takes before it are for the test
HeldOut by_speaker(const Utterances& all, index speaker);    // all that this one says is for the test

}  // namespace bijou::support
