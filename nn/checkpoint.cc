#include "nn/checkpoint.h"

#include <charconv>

#include "tensor/safetensors.h"

namespace bijou::nn {

void Checkpoint::put(const std::string& prefix, const StateDict& state) {
  for (const auto& [name, tensor] : state) tensors[prefix + "." + name] = tensor;
}

void Checkpoint::put(const std::string& name, const Generator& generator) {
  const Generator::State state = generator.state();
  metadata[name] = std::to_string(state.seed) + " " + std::to_string(state.position);
}

StateDict Checkpoint::get(const std::string& prefix) const {
  StateDict state;
  const std::string start = prefix + ".";
  for (auto it = tensors.lower_bound(start); it != tensors.end() && it->first.starts_with(start); ++it)
    state.emplace_back(it->first.substr(start.size()), it->second);
  check(!state.empty(), "checkpoint: nothing is stored under ", prefix);
  return state;
}

const std::string& Checkpoint::text(const std::string& name) const {
  const auto it = metadata.find(name);
  check(it != metadata.end(), "checkpoint: there is no entry ", name);
  return it->second;
}

Generator Checkpoint::get_generator(const std::string& name) const {
  const std::string& s = text(name);
  Generator::State state{};
  const char* const end = s.data() + s.size();
  const auto seed = std::from_chars(s.data(), end, state.seed);
  const auto position = seed.ptr < end ? std::from_chars(seed.ptr + 1, end, state.position) : seed;
  check(seed.ec == std::errc() && *seed.ptr == ' ' && position.ec == std::errc() && position.ptr == end,
        "checkpoint: ", name, " should hold a generator's seed and position, not \"", s, "\"");
  return Generator(state);
}

void Checkpoint::save(const std::string& path) const { save_safetensors(path, {tensors, metadata}); }

Checkpoint Checkpoint::load(const std::string& path) {
  SafeTensors file = load_safetensors(path);
  return {std::move(file.tensors), std::move(file.metadata)};
}

}  // namespace bijou::nn
