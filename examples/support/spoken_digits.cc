#include "examples/support/spoken_digits.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <set>
#include <tuple>

#include "examples/support/tar.h"
#include "tensor/indexing.h"

namespace bijou::support {
namespace {

// "recordings/7_jackson_32.wav"
struct Name {
  int take;
  std::string speaker;
  int digit;
};

Name parse_name(const std::string& path) {
  const std::string stem = std::filesystem::path(path).stem().string();
  const size_t first = stem.find('_'), last = stem.rfind('_');
  auto number = [&](size_t from, size_t to) {
    int value = -1;
    const char *begin = stem.data() + from, *end = stem.data() + to;
    const auto [at, error] = std::from_chars(begin, end, value);
    return at == end && error == std::errc() ? value : -1;
  };
  const bool parts = first != std::string::npos && last > first + 1;
  const Name name{parts ? number(last + 1, stem.size()) : -1, parts ? stem.substr(first + 1, last - first - 1) : "",
                  parts ? number(0, first) : -1};
  check(name.take >= 0 && name.digit >= 0 && name.digit < 10, path, ": {digit}_{speaker}_{take}.wav expected");
  return name;
}

std::vector<File> read_folder(const std::string& folder) {
  std::vector<File> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".wav") files.push_back({entry.path().string(), read_file(entry.path().string())});
  return files;
}

Utterances load_fsdd(const std::string& folder) {
  const std::string unpacked = folder + "/recordings", packed = unpacked + ".tar.gz";
  if (std::filesystem::is_directory(unpacked)) return parse_fsdd(read_folder(unpacked));
  check(std::filesystem::exists(packed), packed, ": there is no such file, nor a folder ", unpacked);
  return parse_fsdd(parse_tar({packed, read_file(packed)}));
}

HeldOut held_out(const Utterances& all, const auto& is_test) {
  std::vector<index> rows[2];
  for (int64_t i = 0; i < all.size(); ++i) rows[is_test(i)].push_back(index(i));
  return {all.rows(Indices::from(rows[0])), all.rows(Indices::from(rows[1]))};
}

}  // namespace

Utterances Utterances::rows(const Indices& which) const {
  Utterances some{{},
                  index_select(labels, 0, which),
                  index_select(speakers, 0, which),
                  index_select(takes, 0, which),
                  speaker_names,
                  rate};
  for (const index i : which) some.sounds.push_back(sounds[size_t(i)]);
  return some;
}

Utterances parse_fsdd(const std::vector<File>& files) {
  std::vector<std::pair<Name, const File*>> found;
  std::set<std::string> speakers;
  for (const File& file : files) {
    if (!file.name.ends_with(".wav")) continue;
    found.emplace_back(parse_name(file.name), &file);
    speakers.insert(found.back().first.speaker);
  }
  check(!found.empty(), "fsdd: there are no .wav files among ", files.size());
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return std::tie(a.first.take, a.first.speaker, a.first.digit) <
           std::tie(b.first.take, b.first.speaker, b.first.digit);
  });
  const int64_t n = int64_t(found.size());
  Utterances all{{}, Indices({n}), Indices({n}), Indices({n}), {speakers.begin(), speakers.end()}, 0};
  for (int64_t i = 0; i < n; ++i) {
    const auto& [name, file] = found[size_t(i)];
    const Sound sound = parse_wav(*file);
    check(sound.samples.size(0) == 1 && (i == 0 || sound.rate == all.rate), file->name, ": ", sound.samples.size(0),
          " channels at ", sound.rate, " samples a second; one channel expected, and one rate in all files");
    check(sound.samples.numel() > 0, file->name, ": there are no samples");
    all.rate = sound.rate;
    all.sounds.push_back(sound.samples.row(0));
    all.labels.mutable_data()[i] = index(name.digit);
    all.speakers.mutable_data()[i] = index(std::distance(speakers.begin(), speakers.find(name.speaker)));
    all.takes.mutable_data()[i] = index(name.take);
  }
  return all;
}

std::vector<std::string> spoken_digits_names() { return {"synthetic", "fsdd"}; }

Utterances load_spoken_digits(const std::string& name, const std::string& folder) {
  if (name == "synthetic") return speak_digits(50, Generator(1));
  check(name == "fsdd", "there are no spoken digits ", name, "; there are synthetic and fsdd");
  check(!folder.empty(), "fsdd: the folder of the data sets is not known: give --data DIR, or set BIJOU_DATA");
  return load_fsdd(folder + "/fsdd");
}

HeldOut by_takes(const Utterances& all, index first_train) {
  return held_out(all, [&](int64_t i) { return all.takes.data()[i] < first_train; });
}

HeldOut by_speaker(const Utterances& all, index speaker) {
  check(speaker >= 0 && size_t(speaker) < all.speaker_names.size(), "by_speaker: there is no speaker ", speaker,
        " among ", all.speaker_names.size());
  return held_out(all, [&](int64_t i) { return all.speakers.data()[i] == speaker; });
}

}  // namespace bijou::support
