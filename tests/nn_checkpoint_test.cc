// A run that is stopped, saved, loaded and resumed ends with the same bits as one that was never stopped.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "nn/activation.h"
#include "nn/checkpoint.h"
#include "nn/dropout.h"
#include "nn/linear.h"
#include "nn/losses.h"
#include "nn/norm.h"
#include "nn/sequential.h"
#include "optim/adam.h"
#include "tensor/safetensors.h"
#include "tests/support.h"

namespace bijou::nn {
namespace {

using namespace bijou::testing;

std::string path_of(const char* name) { return ::testing::TempDir() + "bijou_" + name; }

// A model with buffers and noise, an optimizer with state, and a loop.
struct Training {
  Sequential model{Linear({.in = 5, .out = 8}), BatchNorm1d({.channels = 8}), ReLU(), Dropout({.p = 0.3}),
                   Linear({.in = 8, .out = 3})};
  optim::Adam optimizer{model.parameters(), {.lr = 0.01}};
  int64_t step = 0;

  void run_to(int64_t end) {
    for (; step < end; ++step) {
      optimizer.zero_grad();
      backward(cross_entropy(model(randn({6, 5})), randint({6}, 0, 3)));
      optimizer.step();
    }
  }
  void save(const std::string& path) const {
    Checkpoint c;
    c.add("model", model.state_dict());
    c.add("optimizer", optimizer.state_dict());
    c.generator = default_generator().state();
    c.step = step;
    c.metadata["model"] = "mlp";
    save_checkpoint(path, c);
  }
  void load(const std::string& path) {
    const Checkpoint c = load_checkpoint(path);
    model.load_state_dict(c.part("model"));
    optimizer.load_state_dict(c.part("optimizer"));
    default_generator() = Generator(c.generator);
    step = c.step;
  }
};

TEST(Checkpoint, ResumesBitForBit) {
  const std::string path = path_of("resume.safetensors");
  manual_seed(1);
  Training unbroken;
  unbroken.run_to(4);
  unbroken.save(path);
  unbroken.run_to(9);
  const Generator::State end = default_generator().state();

  manual_seed(2);
  Training resumed;
  resumed.run_to(2);
  resumed.load(path);
  EXPECT_EQ(resumed.step, 4);
  resumed.run_to(9);
  EXPECT_EQ(default_generator().state(), end);
  const StateDict want = unbroken.model.state_dict(), got = resumed.model.state_dict();
  ASSERT_EQ(got.size(), want.size());
  for (size_t i = 0; i < want.size(); ++i) {
    EXPECT_EQ(got[i].first, want[i].first);
    expect_close(got[i].second, want[i].second, 0);
  }
  std::remove(path.c_str());
}

TEST(Checkpoint, KeepsMetadataAndLargeNumbers) {
  const std::string path = path_of("metadata.safetensors");
  Checkpoint c;
  c.add("a", {{"x", tensor({1, 2})}});
  c.add("ab", {{"x", scalar(3)}});
  c.generator = {~uint64_t(0), uint64_t(1) << 63};
  c.step = int64_t(1) << 40;
  c.metadata = {{"note", "line\n\"quoted\" ü"}};
  save_checkpoint(path, c);
  const Checkpoint back = load_checkpoint(path);
  EXPECT_EQ(back.generator, c.generator);
  EXPECT_EQ(back.step, c.step);
  EXPECT_EQ(back.metadata, c.metadata);
  ASSERT_EQ(back.part("a").size(), 1u);
  expect_close(back.part("a")[0].second, tensor({1, 2}), 0);
  expect_close(back.part("ab")[0].second, scalar(3), 0);
  std::remove(path.c_str());
}

TEST(Checkpoint, IsReadableAsSafetensors) {
  const std::string path = path_of("plain.safetensors");
  Training t;
  t.save(path);
  const SafeTensors file = load_safetensors(path);
  expect_close(file.tensors.at("model.0.weight"), t.model[0].as<Linear>().weight.value(), 0);
  EXPECT_EQ(file.metadata.at("step"), "0");
  std::remove(path.c_str());
}

TEST(Checkpoint, RefusesWhatIsNoCheckpoint) {
  const std::string path = path_of("broken.safetensors");
  expect_error([&] { load_checkpoint(path_of("missing.safetensors")); }, "missing.safetensors");
  std::ofstream(path) << "not a checkpoint";
  expect_error([&] { load_checkpoint(path); }, "broken.safetensors");
  save_safetensors(path, {{{"x", tensor({1})}}, {}});
  expect_error([&] { load_checkpoint(path); }, "not a checkpoint: its metadata lack \"generator.seed\"");
  save_safetensors(path, {{}, {{"generator.seed", "1"}, {"generator.position", "-1"}, {"step", "0"}}});
  expect_error([&] { load_checkpoint(path); }, "\"generator.position\" is \"-1\", not a number");
  save_safetensors(path, {{}, {{"generator.seed", "1"}, {"generator.position", "1"}, {"step", "7x"}}});
  expect_error([&] { load_checkpoint(path); }, "\"step\" is \"7x\"");
  std::remove(path.c_str());
}

TEST(Checkpoint, RefusesDoubleNamesAndMissingParts) {
  Checkpoint c;
  c.add("a", {{"x", scalar(1)}});
  expect_error([&] { c.add("a", {{"x", scalar(1)}}); }, "two tensors called a.x");
  expect_error([&] { c.part("b"); }, "no part b");
  c.metadata["step"] = "5";
  expect_error([&] { save_checkpoint(path_of("never.safetensors"), c); }, "\"step\" is not free");
}

}  // namespace
}  // namespace bijou::nn
