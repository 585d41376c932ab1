// The synthesizer: a source and filters, as a mouth has them. The vocal folds give pulses of a pitch, constrictions
// give noise; three resonances of the mouth, the formants, make vowels of it.
//
//   pulse   the slope of the air flow, 2 τ - 3 τ² while the folds are open (0 <= τ < 1), then silence
//   filter  y_t = (1 - b - c) x_t + b y_{t-1} + c y_{t-2},   b = 2 exp(-π w/r) cos(2π f/r),   c = -exp(-2π w/r)
//
// for a resonance at f Hz, w Hz wide, at r samples a second. A word is a row of phones, each a target for the formants
// and for the loudness of voice and noise. The mouth has inertia: its state moves towards the target, and seldom gets
// there. D. Klatt, "Software for a cascade/parallel formant synthesizer", J. Acoust. Soc. Am. 1980.
#include <cmath>

#include "examples/support/spoken_digits.h"

namespace bijou::support {
namespace {

constexpr int kRate = 8000;
constexpr double kTwoPi = 6.283185307179586;

struct Phone {
  char name;
  double formants[3];   // Hz, of a man
  double voice, noise;  // loudness
  double noise_at;      // Hz, where the noise is loudest
  double milliseconds;
};

constexpr Phone kPhones[] = {
    {'z', {250, 1600, 2600}, .35, .05, 3500, 80}, {'T', {300, 1400, 2500}, 0, .03, 2900, 90},
    {'s', {300, 1700, 2600}, 0, .09, 3600, 110},  {'f', {300, 1100, 2300}, 0, .045, 2300, 90},
    {'v', {260, 1150, 2300}, .4, .015, 2300, 55}, {'n', {260, 1450, 2300}, .45, 0, 2000, 75},
    {'r', {330, 1150, 1600}, .6, 0, 2000, 70},    {'w', {300, 650, 2200}, .6, 0, 2000, 75},
    {'_', {300, 1500, 2500}, 0, 0, 2500, 50},     {'t', {300, 1750, 2600}, 0, .12, 3300, 25},
    {'k', {300, 1900, 2400}, 0, .18, 2000, 30},   {'i', {280, 2250, 2950}, .8, 0, 2000, 120},
    {'I', {400, 1950, 2550}, .9, 0, 2000, 80},    {'E', {540, 1800, 2500}, 1, 0, 2000, 95},
    {'A', {720, 1120, 2500}, 1, 0, 2000, 120},    {'a', {640, 1200, 2450}, 1, 0, 2000, 95},
    {'O', {560, 860, 2450}, 1, 0, 2000, 125},     {'o', {460, 880, 2400}, .9, 0, 2000, 130},
    {'u', {310, 900, 2250}, .8, 0, 2000, 150},
};
constexpr const char* kWords[10] = {"ziro", "wan", "_tu", "Tri", "fOr", "fAiv", "sI_ks", "sEvan", "Ei_t", "nAin"};

struct Speaker {
  double size;   // of the formants, against the table: short mouths sound high
  double pitch;  // Hz
  double speed, breath;
};
constexpr Speaker kVoices[kSpeakers] = {{0.95, 95, 0.9, .02},   {1.00, 120, 1.1, .05},  {1.04, 145, 1.0, .03},
                                        {1.12, 190, 1.15, .06}, {1.17, 215, 0.95, .03}, {1.24, 250, 1.2, .08}};

const Phone& phone(char name) {
  for (const Phone& p : kPhones)
    if (p.name == name) return p;
  fail("speak_digits: there is no phone ", name);
}

constexpr int kPiece = 8;  // samples for which the mouth stands still

struct Resonator {
  double b = 0, c = 0, y1 = 0, y2 = 0;
  void tune(double hz, double width) {
    c = -std::exp(-kTwoPi * width / kRate);
    b = 2 * std::sqrt(-c) * std::cos(kTwoPi * hz / kRate);
  }
  double operator()(double x) {
    const double y = (1 - b - c) * x + b * y1 + c * y2;
    y2 = y1;
    return y1 = y;
  }
};

// The word as this speaker says it this time: phones with their lengths and formants changed.
std::vector<Phone> pronounced(const char* word, const Speaker& s, Generator accent, Generator& g) {
  const double speed = s.speed * std::exp(0.12 * g.normal()), size = s.size * std::exp(0.05 * g.normal());
  std::vector<Phone> said;
  for (; *word; ++word) {
    Phone p = phone(*word);
    Generator own = accent.fork(uint64_t(*word));  // how this speaker says this phone, always
    for (double& f : p.formants) f *= size * std::exp(0.10 * own.normal() + 0.10 * g.normal());
    p.formants[2] = std::min(p.formants[2], 3000.0);  // close to half the rate a resonance would drown the others
    p.milliseconds *= std::exp(0.2 * g.normal()) / speed;
    p.noise *= std::exp(0.3 * g.normal());
    said.push_back(p);
  }
  return said;
}

// What moves slowly: formants within about 20 ms, loudness within about 6.
struct Mouth {
  double formants[3], voice = 0, noise = 0;
  explicit Mouth(const Phone& p) { std::copy_n(p.formants, 3, formants); }
  void towards(const Phone& p) {
    constexpr double slow = kPiece / (0.020 * kRate), quick = kPiece / (0.006 * kRate);
    for (int k = 0; k < 3; ++k) formants[k] += slow * (p.formants[k] - formants[k]);
    voice += quick * (p.voice - voice);
    noise += quick * (p.noise - noise);
  }
};

std::vector<double> voiced(const std::vector<Phone>& word, const Speaker& s, Generator& g) {
  double milliseconds = 0;
  for (const Phone& p : word) milliseconds += p.milliseconds;
  const double fall = std::pow(0.75 + 0.15 * g.uniform(), kPiece * 1000 / (milliseconds * kRate));  // over the word
  const Tensor noises = randn({int64_t(milliseconds * kRate / 1000) + 1, 3}, g);
  const real* noise = noises.data();
  Mouth mouth(word[0]);
  Resonator formants[3], hiss;
  double phase = 0, pitch = s.pitch * std::exp(0.08 * g.normal());
  std::vector<double> sound;
  for (const Phone& p : word) {
    hiss.tune(std::min(3500.0, p.noise_at * s.size), 700);
    for (int pieces = int(p.milliseconds * kRate / 1000 / kPiece); pieces > 0; --pieces) {
      mouth.towards(p);
      for (int k = 0; k < 3; ++k) formants[k].tune(mouth.formants[k], 60 + 40 * k);
      pitch *= fall;
      for (int i = 0; i < kPiece; ++i, noise += 3) {
        phase += pitch * (1 + 0.01 * noise[0]) / kRate;
        phase -= std::floor(phase);
        const double tau = phase / 0.6, pulse = tau < 1 ? tau * (2 - 3 * tau) : 0;
        double y = mouth.voice * (pulse + s.breath * noise[1]);
        for (Resonator& formant : formants) y = formant(y);
        sound.push_back(y + hiss(mouth.noise * noise[2]));
      }
    }
  }
  return sound;
}

// Silence before and after, the noise of a room, and how loud it is.
Tensor recorded(const std::vector<double>& word, Generator& g) {
  const int64_t before = int64_t(0.06 * kRate * g.uniform()), after = int64_t(0.06 * kRate * g.uniform());
  const int64_t n = int64_t(word.size());
  double power = 0;
  for (const double y : word) power += y * y / double(n);
  const double loud = 0.08 * std::exp(0.4 * g.normal()) / std::sqrt(power);
  const double room = 0.08 * std::pow(10, -(8 + 22 * g.uniform()) / 20);  // 8 to 30 dB below
  Tensor sound = normal({before + n + after}, 0, real(room), g);
  real* samples = sound.mutable_data() + before;
  for (int64_t i = 0; i < n; ++i) samples[i] = real(std::clamp(samples[i] + loud * word[size_t(i)], -1.0, 1.0));
  return sound;
}

}  // namespace

Utterances speak_digits(int64_t takes, const Generator& g) {
  check(takes >= 0, "speak_digits: ", takes, " takes");
  const int64_t n = takes * kSpeakers * 10;
  Utterances all{std::vector<Tensor>(size_t(n)), Indices({n}), Indices({n}), Indices({n}), {}, kRate};
  for (int s = 0; s < kSpeakers; ++s) all.speaker_names.push_back("voice " + std::to_string(s));
  for (int64_t i = 0; i < n; ++i) {
    const int64_t digit = i % 10, speaker = i / 10 % kSpeakers;
    const Speaker& s = kVoices[speaker];
    Generator own = g.fork(uint64_t(i));
    const std::vector<Phone> word = pronounced(kWords[digit], s, Generator(uint64_t(speaker)), own);
    all.sounds[size_t(i)] = recorded(voiced(word, s, own), own);
    all.labels.mutable_data()[i] = index(digit);
    all.speakers.mutable_data()[i] = index(speaker);
    all.takes.mutable_data()[i] = index(i / 10 / kSpeakers);
  }
  return all;
}

}  // namespace bijou::support
