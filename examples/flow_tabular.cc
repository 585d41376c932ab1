// Densities of tables: which flow says best how likely a row of numbers is?
//
// A full Gaussian, mixtures by MADE, RealNVP, MAF, MAF over a mixture, and a neural spline flow learn the same table
// by maximum likelihood; of each the weights count that were best on the validation set, and with --patience below
// --epochs it stops when that no longer gains. The table that bijou draws itself has a known density, so the best
// possible number is known too. The picture has histograms of pairs of columns: the data on the left, then samples of
// every model.
//
//   examples/flow_tabular --table uci/magic04.data --seeds 3 --models gaussian,realnvp,maf       a real one
//   examples/flow_tabular --sampling          what sampling from a MAF costs, beside the textbook's way
#include "examples/experiments/flow_tabular.h"

#include <cmath>
#include <cstdio>
#include <filesystem>

#include "autograd/ops.h"
#include "examples/support/cli.h"
#include "examples/support/images.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/result.h"
#include "tensor/elementwise.h"

using namespace bijou;
using namespace bijou::support;
using namespace bijou::experiments;

namespace {

constexpr int64_t kDrawnRows = 8000;

std::vector<std::string> words(const std::string& list) {
  std::vector<std::string> found(1);
  for (const char c : list)
    if (c == ',') found.emplace_back();
    else found.back() += c;
  return found;
}

// The path as it is, or below the folder of the data sets.
Table table_at(const std::string& path, const std::string& folder) {
  const bool here = folder.empty() || std::filesystem::exists(path);
  return load_table(here ? path : folder + "/" + path);
}

double mean_of(const std::vector<double>& v) {
  double total = 0;
  for (const double x : v) total += x;
  return total / double(v.size());
}
// Two standard errors of the mean; nothing where there is one number.
double two_errors(const std::vector<double>& v) {
  double squares = 0;
  for (const double x : v) squares += (x - mean_of(v)) * (x - mean_of(v));
  return v.size() < 2 ? 0 : 2 * std::sqrt(squares / double(v.size() - 1) / double(v.size()));
}

void compare_sampling() {
  Result result("flow_tabular");
  for (const auto& [columns, hidden] : {std::pair(43, 512), std::pair(784, 1024)}) {
    const SamplingTimes t = time_sampling(columns, hidden, 100);
    std::printf(
        "100 samples of %d columns, %d hidden units: %.1f ms at once, %.1f ms by %d passes: %.0f times; "
        "difference %.1e\n",
        columns, hidden, t.at_once * 1e3, t.by_passes * 1e3, columns, t.by_passes / t.at_once, t.difference);
    result.set("speedup_" + std::to_string(columns), t.by_passes / t.at_once);
    result.set("difference_" + std::to_string(columns), t.difference);
  }
  result.print();
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv,
            {.name = "flow_tabular", .about = "Learns the density of a table by several flows.", .epochs = 20});
  const std::string path =
      args.option("table", "", ".csv, .data or .npy, also below --data; by default drawn by bijou");
  const std::string list = args.option("models", "gaussian,made-mog,realnvp,maf,maf-mog,nsf", "which, between commas");
  const int seeds = args.option("seeds", 1, "fits of each model to average over", 1);
  const int layers = args.option("layers", 5, "layers of a flow", 1);
  const int hidden = args.option("hidden", 64, "units in each of the two hidden layers of a network", 1);
  const double lr = args.option("lr", 3e-3, "the highest learning rate");
  const int patience = args.option("patience", 30, "stop after so many epochs without a gain in validation", 1);
  const bool sampling = args.flag("sampling", "only time sampling from a MAF");
  const Run run = args.done();
  if (sampling) return compare_sampling(), 0;
  const std::vector<std::string> known = table_model_names(), models = words(list);
  for (const std::string& m : models)
    if (std::find(known.begin(), known.end(), m) == known.end()) args.refuse("--models: there is no model '" + m + "'");

  const TableSets sets = prepare(path.empty() ? draw_table(kDrawnRows, Generator(5)) : table_at(path, run.data));
  for (const std::string& note : sets.notes) std::printf("%s\n", note.c_str());
  std::printf("%lld columns; %lld rows to learn from, %lld for validation, %lld for the test\n",
              (long long)sets.train.size(1), (long long)sets.train.size(0), (long long)sets.valid.size(0),
              (long long)sets.test.size(0));

  Result result("flow_tabular");
  result.set("table", path.empty() ? "drawn" : path), result.set("seeds", seeds);
  std::vector<Tensor> pictures{sets.train};
  Plot plot({.title = "Early stopping", .x_label = "epoch", .y_label = "log p of the validation set (nats)"});
  std::printf("\n%-10s %10s %8s %9s %9s\n", "model", "test log p", "2 s.e.", "epochs", "minutes");
  for (const std::string& model : models) {
    std::vector<double> tests, epochs, minutes;
    for (int s = 0; s < seeds && !interrupted(); ++s) {
      const TableFit f = fit_table(model, sets,
                                   {.layers = layers,
                                    .hidden = hidden,
                                    .lr = lr,
                                    .epochs = run.epochs,
                                    .patience = patience,
                                    .seed = run.seed + uint64_t(s)});
      tests.push_back(f.test_log_p), epochs.push_back(double(f.fit.valid.size()));
      minutes.push_back(f.fit.minutes.empty() ? 0 : f.fit.minutes.back());
      if (s > 0) continue;
      Generator g(run.seed + 1);
      pictures.push_back(f.flow.sample(sets.train.size(0), {}, g).value());
      std::vector<double> curve;
      for (const double nats : f.fit.valid) curve.push_back(-nats);
      if (curve.size() > 1) plot.line({.label = model, .y = curve});
    }
    if (interrupted()) return 130;
    std::printf("%-10s %10.3f %8.3f %9.1f %9.2f\n", model.c_str(), mean_of(tests), two_errors(tests), mean_of(epochs),
                mean_of(minutes));
    std::fflush(stdout);
    result.set(model, mean_of(tests)), result.set(model + "_2se", two_errors(tests));
  }
  if (path.empty()) {  // in the units of the standardised columns
    const double stretch = double(sum(log(sets.std)).item());
    const double truth = double(mean(drawn_log_density(sets.test * sets.std + sets.mean)).item()) + stretch;
    std::printf("%-10s %10.3f\n", "the truth", truth);
    result.set("truth", truth);
  }
  write_png(run.out + "/pairs.png", picture_of_pairs(pictures), 2);
  if (run.epochs > 1 && models != std::vector<std::string>{"gaussian"}) plot.write(run.out + "/validation.svg");
  std::printf("Pictures are in %s.\n", run.out.c_str());
  result.print();
}
