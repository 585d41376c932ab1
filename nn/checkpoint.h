// Checkpoint: a whole run in one file, from which it goes on bit for bit.
//
//   nn::Checkpoint c;
//   c.add("model", model.state_dict());
//   c.add("optimizer", optimizer.state_dict());
//   c.generator = default_generator().state();
//   c.step = step;
//   nn::save_checkpoint("run.safetensors", c);
//
//   const nn::Checkpoint c = nn::load_checkpoint("run.safetensors");
//   model.load_state_dict(c.part("model"));
//   optimizer.load_state_dict(c.part("optimizer"));
//   default_generator() = Generator(c.generator);
//   step = c.step;
//
// The file is a safetensors file like any other. It appears complete or not at all: a run that is killed while it saves
// keeps the checkpoint before.
#pragma once

#include <map>

#include "nn/module.h"
#include "tensor/files.h"
#include "tensor/random.h"

namespace bijou::nn {

struct Checkpoint {
  std::map<std::string, Tensor> tensors;  // "model.0.weight"
  Generator::State generator = {0, 0};
  int64_t step = 0;
  std::map<std::string, std::string> metadata;  // whatever else is to be remembered

  void add(const std::string& part, const StateDict& state);  // under "part."; the tensors are shared, not copied
  StateDict part(const std::string& part) const;              // throws where there is none
};

void save_checkpoint(const std::string& path, const Checkpoint& checkpoint);
Checkpoint load_checkpoint(const std::string& path);

// The same from memory; `name` is what an error calls the file.
Checkpoint parse_checkpoint(ByteView file, const std::string& name);

}  // namespace bijou::nn
