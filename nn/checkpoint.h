// A checkpoint: everything that a run needs to go on as if it had never stopped, in one safetensors file.
//
//   nn::Checkpoint c;
//   c.put("model", model.state_dict());
//   c.put("optimizer", optimizer.state_dict());
//   c.put("generator", default_generator());
//   c.metadata["step"] = std::to_string(step);
//   c.save("run.safetensors");
//
//   nn::Checkpoint c = nn::Checkpoint::load("run.safetensors");
//   model.load_state_dict(c.get("model"));  ...
//
// The file replaces an older one only when it is whole: a run killed while it saves leaves the last checkpoint behind.
#pragma once

#include <map>
#include <string>

#include "nn/module.h"
#include "tensor/random.h"

namespace bijou::nn {

struct Checkpoint {
  std::map<std::string, Tensor> tensors;        // "model.0.weight", "optimizer.0.exp_avg", ...
  std::map<std::string, std::string> metadata;  // whatever is text: the step, options, the generators' states

  // The numbers of a module or an optimizer, under prefix. They are shared, not copied: save before they change.
  void put(const std::string& prefix, const StateDict& state);
  void put(const std::string& name, const Generator& generator);

  // What was put there. Throws where there is nothing of that name.
  StateDict get(const std::string& prefix) const;
  Generator get_generator(const std::string& name) const;
  const std::string& text(const std::string& name) const;  // from the metadata

  void save(const std::string& path) const;  // throws, and leaves an older file alone, where it cannot be written
  static Checkpoint load(const std::string& path);
};

}  // namespace bijou::nn
