// A character model by recurrent networks: the plain one, the GRU and the LSTM, reading the same text.
//
//   char_rnn --data DIR --text shakespeare --cell gru --hidden 512 --dropout 0.5 --lr 4e-3 --epochs 30 --minutes 8
//   char_rnn --data DIR --text names
//   char_rnn --prompt "the dogs that" --temperature 0.8
//
// By default the text is one of a made-up language, whose entropy is known: no model can get below it. To come near it
// takes a memory, as in "the dogs that one king hears follow ...", where the verb depends on a word far before.
#include "examples/experiments/char_rnn.h"

#include <cstdio>

#include "examples/support/cli.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"

using namespace bijou;
using namespace bijou::support;
using namespace bijou::experiments;

int main(int argc, char** argv) {
  Args args(argc, argv, {.name = "char_rnn", .about = "Learns to write, character by character.", .epochs = 3});
  std::vector<std::string> cells = cell_names();
  cells.insert(cells.begin(), "all");
  const std::string name = args.choice("text", text_names(), "what is read");
  const std::string cell = args.choice("cell", cells, "the recurrent network");
  const int hidden = args.option("hidden", 64, "units of a layer", 1);
  const int layers = args.option("layers", 1, "recurrent layers", 1);
  const double dropout = args.option("dropout", 0.0, "of what goes into the last layer");
  const int batch = args.option("batch", 16, "places that are read at once", 1);
  const int chunk = args.option("chunk", 50, "characters between which gradients flow", 1);
  const double lr = args.option("lr", 0.01, "the highest learning rate");
  const double minutes = args.option("minutes", 0.0, "train no longer than this (0: all epochs)");
  const int length = args.option("length", 160, "characters to write", 1);
  const std::string prompt = args.option("prompt", "", "what it is to go on from; by default the start of a line");
  const double temperature = args.option("temperature", 0.0, "of the sampling (0: both 0.5 and 1)");
  const Run run = args.done();
  if (temperature < 0) args.refuse("--temperature: a number from 0 expected");
  const std::vector<double> temperatures = temperature > 0 ? std::vector{temperature} : std::vector{0.5, 1.0};
  const Text corpus = load_text(name, run.data);
  corpus.encode(prompt);  // throws before the training, not after it, where a character is none of the text's

  Result result("char_rnn");
  result.set("text", name), result.set("alphabet", int64_t(corpus.alphabet.size()));
  Plot plot({.title = "Reading: " + name, .x_label = "seconds", .y_label = "bits a character, validation"});
  double longest = 0;
  for (const std::string& kind : cell_names()) {
    if (cell != "all" && cell != kind) continue;
    CharTraining training{.model = {.cell = kind,
                                    .alphabet = int64_t(corpus.alphabet.size()),
                                    .hidden = hidden,
                                    .layers = layers,
                                    .dropout = dropout},
                          .epochs = run.epochs,
                          .minutes = minutes,
                          .batch = batch,
                          .chunk = chunk,
                          .lr = lr,
                          .seed = run.seed};
    Progress progress({.title = kind + " on " + name, .total = training_steps(corpus, training), .minutes = minutes});
    training.report = [&](double bits) { return progress.step(to_string(real(bits)) + " bits"), !interrupted(); };
    const CharRun trained = train_char_rnn(corpus, training);
    progress.finish();
    if (interrupted()) return 130;
    std::printf("%s: %.3f bits a character, %lld parameters\n", kind.c_str(), trained.best,
                (long long)trained.model.num_parameters());
    for (const double t : temperatures) {
      Generator g(run.seed);
      std::printf("--- %s at temperature %g:\n%s%s\n\n", kind.c_str(), t, prompt.c_str(),
                  continue_text(trained.model, corpus, prompt.empty() ? "\n" : prompt, length, t, g).c_str());
    }
    Series series{.label = kind, .y = trained.valid};
    for (const double m : trained.minutes) series.x.push_back(60 * m);
    longest = std::max(longest, series.x.back());
    plot.line(series);
    result.set(kind + "_bits", trained.best), result.set(kind + "_parameters", trained.model.num_parameters());
    result.set(kind + "_curve_minutes", trained.minutes), result.set(kind + "_curve", trained.valid);
  }
  if (corpus.entropy > 0) {
    plot.line({.label = "the text's own", .x = {0, longest}, .y = {corpus.entropy, corpus.entropy}});
    std::printf("No model can do with less than %.3f bits.\n", corpus.entropy);
    result.set("entropy_bits", corpus.entropy);
  }
  plot.write(run.out + "/bits.svg");
  std::printf("Pictures are in %s.\n", run.out.c_str());
  result.print();
}
