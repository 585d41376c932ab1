#include "nn/checkpoint.h"

#include <charconv>

#include "tensor/safetensors.h"

namespace bijou::nn {
namespace {

constexpr const char *kSeed = "generator.seed", *kPosition = "generator.position", *kStep = "step";

// Takes the whole number called `key` out of the file's metadata.
template <class Int>
Int take(SafeTensors& file, const char* key, const std::string& path) {
  const auto entry = file.metadata.find(key);
  check(entry != file.metadata.end(), path, ": not a checkpoint: its metadata lack \"", key, "\"");
  const std::string& text = entry->second;
  Int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  check(error == std::errc() && end == text.data() + text.size(), path, ": \"", key, "\" is \"", text,
        "\", not a number");
  file.metadata.erase(entry);
  return value;
}

}  // namespace

void Checkpoint::add(const std::string& part, const StateDict& state) {
  for (const auto& [name, tensor] : state) {
    const bool fresh = tensors.emplace(part + "." + name, tensor).second;
    check(fresh, "checkpoint: there are two tensors called ", part, ".", name);
  }
}

StateDict Checkpoint::part(const std::string& part) const {
  StateDict state;
  const std::string prefix = part + ".";
  for (auto entry = tensors.lower_bound(prefix); entry != tensors.end() && entry->first.starts_with(prefix); ++entry)
    state.emplace_back(entry->first.substr(prefix.size()), entry->second);
  check(!state.empty(), "checkpoint: there is no part ", part);
  return state;
}

void save_checkpoint(const std::string& path, const Checkpoint& c) {
  SafeTensors file{c.tensors, c.metadata};
  for (const char* key : {kSeed, kPosition, kStep})
    check(!file.metadata.contains(key), "checkpoint: \"", key, "\" is not free for other metadata");
  file.metadata[kSeed] = std::to_string(c.generator.seed);
  file.metadata[kPosition] = std::to_string(c.generator.position);
  file.metadata[kStep] = std::to_string(c.step);
  save_safetensors(path, file);
}

Checkpoint load_checkpoint(const std::string& path) { return parse_checkpoint(read_file(path), path); }

Checkpoint parse_checkpoint(ByteView bytes, const std::string& name) {
  SafeTensors file = parse_safetensors(bytes, name);
  Checkpoint c;
  c.generator = {take<uint64_t>(file, kSeed, name), take<uint64_t>(file, kPosition, name)};
  c.step = take<int64_t>(file, kStep, name);
  c.tensors = std::move(file.tensors);
  c.metadata = std::move(file.metadata);
  return c;
}

}  // namespace bijou::nn
