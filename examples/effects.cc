// The effect of every paper in the library, measured: arms that differ in one thing, paired by fresh seeds, and a table
// of what each paper claims: how large the difference was, how likely it would be by luck, and whether it held.
//
//   effects                     all of them (`make effects DATA=DIR` does so, on the real data sets)
//   effects --only sam          one, or several separated by commas
//   effects --seeds 8 --seed 5000
//
// The raw numbers are in rows.csv, for plots of one's own. Ends with status 1 where something did not hold.
#include "examples/experiments/effects.h"

#include <cstdio>
#include <fstream>

#include "examples/support/cli.h"
#include "examples/support/interrupt.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"
#include "examples/support/stopwatch.h"
#include "examples/support/words.h"

using namespace bijou;
using namespace bijou::support;
using namespace bijou::experiments;

namespace {

std::vector<Effect> chosen(const Args& args, const std::string& only) {
  const std::vector<Effect> all = all_effects();
  if (only.empty()) return all;
  std::vector<Effect> some;
  for (const std::string& name : words(only)) {
    const size_t before = some.size();
    for (const Effect& e : all)
      if (e.name == name) some.push_back(e);
    if (some.size() > before) continue;
    std::string names;
    for (const Effect& e : all) names += (names.empty() ? "" : ", ") + e.name;
    args.refuse("there is no effect '" + name + "'; there are " + names);
  }
  return some;
}

// Runs all arms of an effect from one seed. An arm that fails is told of and leaves no rows.
void run_seed(const Effect& effect, const Trial& trial, Progress& progress, std::vector<Row>& rows) {
  for (const Arm& arm : effect.arms) {
    if (interrupted()) return;
    try {
      for (const auto& [name, value] : arm.run(trial)) rows.push_back({effect.name, arm.name, name, trial.seed, value});
    } catch (const std::exception& e) {
      progress.say(effect.name + ", " + arm.name + ": " + e.what());
    }
    progress.step(effect.name + ", " + arm.name);
  }
}

void write_rows(const std::string& path, const std::vector<Row>& rows) {
  std::ofstream out(path);
  out.precision(9);
  out << "effect,arm,measurement,seed,value\n";
  for (const Row& r : rows)
    out << r.effect << ',' << r.arm << ',' << r.measurement << ',' << r.seed << ',' << r.value << '\n';
}

// Prints the gates of an effect; returns how many held.
int report(const Effect& effect, const std::vector<Row>& rows, double seconds) {
  std::printf("\n%s: %s. %s; %.0f s\n", effect.name.c_str(), effect.about.c_str(), effect.paper.c_str(), seconds);
  std::printf("  %-52s %9s %9s %3s %9s  %-14s\n", "", "mean", "deviation", "n", "p", "expected");
  int held = 0;
  for (const Gate& gate : effect.gates) {
    const Verdict v = judge(gate, rows);
    const std::string wanted = band(gate);
    std::printf("  %-52s %+9.4f %9.4f %3d %9.2g  %-14s %s\n", describe(gate).c_str(), v.test.mean, v.test.deviation,
                v.pairs, v.test.p, wanted.c_str(),
                !v.held                ? "NOT HELD"
                : wanted == "reported" ? ""
                                       : "held");
    held += v.held;
  }
  std::fflush(stdout);
  return held;
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv,
            {.name = "effects", .about = "Measures the effect of every paper, over paired seeds.", .seed = 1000});
  const std::string only = args.option("only", "", "names of effects, separated by commas; by default all");
  const int seeds = args.option("seeds", 0, "how many seeds, from --seed on; 0: as many as each effect asks for");
  const Run run = args.done();
  const std::vector<Effect> effects = chosen(args, only);
  auto seeds_of = [&](const Effect& e) { return seeds ? seeds : e.seeds; };

  int64_t trials = 0;
  for (const Effect& e : effects) trials += int64_t(e.arms.size()) * seeds_of(e);
  Progress progress({.title = "effects", .total = trials, .unit = "arms"});
  std::vector<Row> rows;
  int held = 0, gates = 0;
  for (const Effect& effect : effects) {
    const Stopwatch watch;
    std::vector<Row> own;
    for (int s = 0; s < seeds_of(effect) && !interrupted(); ++s)
      run_seed(effect, {.data = run.data, .seed = run.seed + uint64_t(s)}, progress, own);
    held += report(effect, own, watch.seconds());
    gates += int(effect.gates.size());
    rows.insert(rows.end(), own.begin(), own.end());
    write_rows(run.out + "/rows.csv", rows);
    if (interrupted()) break;
  }
  progress.finish();
  std::printf("\n%d of %d held. All numbers are in %s/rows.csv.\n", held, gates, run.out.c_str());
  Result result("effects");
  result.set("effects", int64_t(effects.size())), result.set("gates", gates), result.set("held", held);
  result.print();
  return interrupted() ? 130 : held < gates;
}
