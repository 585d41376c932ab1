// A search engine that never saw a question: a sentence is the query, the paragraph that it was taken from the answer.
//
// The table shows how often the right paragraph is the first found, or among the first ten: by chance, by the words in
// common (BM25), by towers trained on the inverse cloze task, and by both together. Once with the sentence removed from
// its paragraph, which asks for more than matching words, and once with all paragraphs whole. Towers are trained with
// the sentence removed never, half of the time, 90 % of the time, always; --alone: only with --mask-rate.
//
//   inverse_cloze --query "..."                    what it finds among the test paragraphs; with - it asks
//   inverse_cloze --data DIR --shared --alone --epochs 20
#include "examples/experiments/inverse_cloze.h"

#include <cstdio>
#include <iostream>
#include <set>

#include "examples/support/cli.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"

using namespace bijou;
using namespace bijou::support;
using namespace bijou::experiments;

namespace {

TwoTowers trained(const BlockData& data, IctOptions o) {
  Progress progress({.title = "mask rate " + to_string(o.mask_rate), .total = o.steps});
  o.report = [&](int64_t, double loss) {
    char note[32];
    std::snprintf(note, sizeof note, "loss %.3f", loss);
    progress.step(note);
    return !interrupted();
  };
  return train_towers(data, o);
}

void print_row(const std::string& title, const Recalls& removed, const Recalls& whole) {
  std::printf("%-22s %8.1f %8.1f %12.1f %8.1f\n", title.c_str(), 100 * removed.at_1, 100 * removed.at_10,
              100 * whole.at_1, 100 * whole.at_10);
}

// The three best paragraphs for a query, by BM25, the towers, and both.
void answer(const std::string& text, const Engine& engine, const BlockData& data, double weight) {
  const ssl::Tokens query = data.tokenizer.encode(text);
  if (query.empty()) return;
  const Engine::Found found = engine.find(query, weight, 3);
  std::printf("\n%s\n", text.c_str());
  const std::pair<const char*, Indices> ways[] = {
      {"BM25", found.words}, {"towers", found.towers}, {"both", found.both}};
  for (const auto& [name, best] : ways)
    for (int64_t k = 0; k < best.numel(); ++k)
      std::printf("  %-7s %s\n", k ? "" : name, data.test_texts[size_t(best.data()[k])].substr(0, 105).c_str());
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv,
            {.name = "inverse_cloze",
             .about = "Learns to search from text without a question in it.",
             .epochs = 7,
             .least_epochs = 1});
  const std::string corpus = args.source("corpus", "wikitext", "documents", "wikitext, or documents (invented)");
  const int blocks = args.option("blocks", 1'000'000, "paragraphs to train on, at most", 2);
  const int vocabulary = args.option("vocabulary", 20'000, "words known", 100);
  const std::string tower = args.choice("tower", {"bag", "transformer"}, "what reads queries and paragraphs");
  const bool rates = !args.flag("alone", "train with this mask rate only, not with 0, 0.5 and 1 beside it");
  IctOptions options{
      .mask_rate = args.option("mask-rate", 0.9, "how often the sentence is removed"),
      .shared = args.flag("shared", "one tower for queries and paragraphs"),
      .transformer = tower == "transformer",
      .dim = args.option("dim", 64, "numbers in an embedding", 4),
      .dropout = args.option("dropout", 0.0,
                             "left out in training: this part of the words, or of a transformer's activations"),
      .temperature = args.option("temperature", 1.0, "of the softmax"),
      .batch = args.option("batch", 128, "paragraphs a step", 2),
      .chunk = args.option("chunk", 0, "paragraphs at a time where a batch is larger than memory"),
      .lr = args.option("lr", 2e-3, "learning rate"),
      .weight_decay = args.option("weight-decay", 1e-2, "weight decay")};
  const std::string query = args.option("query", "", "a text to search for; - asks for them");
  const Run run = args.done();

  const BlockData data = block_data(corpus, run.data, blocks, vocabulary);
  options.seed = run.seed,
  options.steps = run.epochs * std::max<int64_t>(int64_t(data.train.size()) / options.batch, 1);
  const Search removed = search_of(data.test, true, 1), whole = search_of(data.test, false, 1);
  const Search valid = search_of(data.valid, true, 2);
  std::printf("%zu paragraphs to learn from, %zu to find; %lld words\n", data.train.size(), data.test.size(),
              (long long)data.tokenizer.size());
  Result result("inverse_cloze");
  result.set("corpus", corpus), result.set("steps", options.steps), result.set("paragraphs", int64_t(data.test.size()));

  std::printf("\n%-22s %8s %8s %12s %8s\n", "recall (%)", "removed", "", "whole", "");
  std::printf("%-22s %8s %8s %12s %8s\n", "", "first", "in 10", "first", "in 10");
  const double n = double(data.test.size()), chance = 1 / n;
  print_row("chance", {chance, 10 / n, 0}, {chance, 10 / n, 0});
  const Tensor words = bm25_scores(removed), words_whole = bm25_scores(whole);
  const Recalls bm25 = recalls(words, removed);
  print_row("BM25", bm25, recalls(words_whole, whole));
  result.set("bm25_1", bm25.at_1), result.set("bm25_10", bm25.at_10), result.set("chance_10", 10 / n);

  TwoTowers towers;  // those of --mask-rate
  std::set<double> compared = {options.mask_rate};
  if (rates) compared.insert({0, 0.5, 1});
  std::vector<double> removed_1, whole_1, removed_10;
  for (const double rate : compared) {
    IctOptions these = options;
    these.mask_rate = rate;
    const TwoTowers now = trained(data, these);
    if (interrupted()) return 130;
    const Recalls r = recalls(learnt_scores(now, removed), removed), w = recalls(learnt_scores(now, whole), whole);
    print_row("towers, mask rate " + to_string(rate), r, w);
    removed_1.push_back(100 * r.at_1), whole_1.push_back(100 * w.at_1), removed_10.push_back(100 * r.at_10);
    if (rate == options.mask_rate) towers = now;
  }
  const double weight = choose_weight(towers, valid);
  const Tensor learnt = learnt_scores(towers, removed), learnt_whole = learnt_scores(towers, whole);
  const Recalls r = recalls(learnt, removed), w = recalls(learnt_whole, whole);
  const Recalls both = recalls(ssl::combined(words, learnt, weight), removed);
  print_row("BM25 + " + to_string(weight) + " towers", both,
            recalls(ssl::combined(words_whole, learnt_whole, weight), whole));
  result.set("loss", towers.losses.back()), result.set("weight", weight);
  result.set("removed_1", r.at_1), result.set("removed_10", r.at_10), result.set("whole_1", w.at_1);
  result.set("both_1", both.at_1), result.set("both_10", both.at_10);
  if (rates) {
    const std::vector<double> tried(compared.begin(), compared.end());
    Plot({.title = "How often should the sentence be removed?", .x_label = "mask rate", .y_label = "recall (%)"})
        .line({.label = "first, removed", .x = tried, .y = removed_1})
        .line({.label = "in 10, removed", .x = tried, .y = removed_10})
        .line({.label = "first, whole", .x = tried, .y = whole_1})
        .write(run.out + "/rates.svg");
    result.set("rates", tried), result.set("rates_removed_1", removed_1), result.set("rates_whole_1", whole_1);
  }
  Plot({.title = "Inverse cloze task", .x_label = "step", .y_label = "loss of the batch"})
      .line({.y = towers.losses})
      .write(run.out + "/loss.svg");
  const Engine engine(towers, data.test);
  if (query.empty()) answer(data.tokenizer.decode(removed.queries[0]), engine, data, weight);
  else if (query != "-") answer(query, engine, data, weight);
  else
    for (std::string line; std::printf("\nsearch: "), std::fflush(stdout), std::getline(std::cin, line);)
      answer(line, engine, data, weight);
  std::printf("\nPictures are in %s.\n", run.out.c_str());
  result.print();
}
