// The command line that all examples share. An option is declared, explained and read in one line:
//
//   Args args(argc, argv, {.name = "mnist", .about = "Learns handwritten digits.", .epochs = 10});
//   const std::string model = args.choice("model", {"mlp", "conv"}, "the network");
//   const double lr = args.option("lr", 1e-3, "learning rate");
//   const Run run = args.done();  // --help, --data, --seed, --epochs, --out, --threads
//
// Whatever is wrong with the command line ends the program with one line and exit status 2; an exception that nobody
// catches ends it with its message and status 1.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace bijou::support {

// What an example says of itself, and its own defaults.
struct About {
  std::string name;   // as in `make examples/NAME`
  std::string about;  // a sentence or two: what it shows
  int epochs = 0;     // 0: the program has no --epochs
  int least_epochs = 0;
  std::string epoch = "passes over the training data";  // what --epochs counts
  int seed = 0;
};

// The options that all examples share.
struct Run {
  std::string data;  // folder of the real data sets: --data, else the environment's BIJOU_DATA, else ""
  std::string out;   // folder for pictures and checkpoints; it exists. By default out/NAME
  uint64_t seed;
  int epochs;
};

class Args {
 public:
  Args(int argc, char** argv, const About& about);
  ~Args();

  // The VALUE of --name VALUE, or the default. A whole number may not be below `least`.
  std::string option(const std::string& name, const char* fallback, const std::string& help);
  double option(const std::string& name, double fallback, const std::string& help);
  int option(const std::string& name, int fallback, const std::string& help, int least = 0);
  // One of `choices`; the first is the default.
  std::string choice(const std::string& name, const std::vector<std::string>& choices, const std::string& help);
  // The VALUE of --name VALUE; by default it depends on whether there is a folder of real data sets.
  std::string source(const std::string& name, const std::string& with_data, const std::string& without_data,
                     const std::string& help);
  // Was --name given?
  bool flag(const std::string& name, const std::string& help);

  // Call it after the last option: it answers --help, refuses what was not declared, sets the number of threads and
  // makes the output folder.
  Run done();

  // Ends the program with "NAME: message" and status 2.
  [[noreturn]] void refuse(const std::string& message) const;

 private:
  struct Parser;
  std::string value(const std::string& name, const std::string& fallback, const std::string& help);

  About about_;
  std::string data_;  // --data
  std::unique_ptr<Parser> parser_;
};

}  // namespace bijou::support
