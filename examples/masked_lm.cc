// A masked language model: hide some tokens of a text and guess them from both sides.
//
// Three models of the same size learn from the same text: one that fills holes as BERT does, one whose holes are always
// [MASK], and a causal one that sees only what comes before. The first should know more of a hidden letter than the
// causal one, and unlike the second, have something to say of letters that it sees.
//
// Its own embedding of a text, the mean of the last layer, says which texts are alike. What was learnt is saved.
//
//   masked_lm --fill "_re_ina"                                   letters of an invented name
//   masked_lm --data DIR --epochs 9 --fill "em_a"                names
//   masked_lm --data DIR --corpus wikitext --dim 128 --fill "He was born in _ ."
//   masked_lm --load out/masked_lm/masked_lm.safetensors --fill "_re_ina"     another text, without training again
#include "examples/experiments/masked_lm.h"

#include <cstdio>

#include "examples/support/cli.h"
#include "examples/support/corpus.h"
#include "examples/support/interrupt.h"
#include "examples/support/plot.h"
#include "examples/support/progress.h"
#include "examples/support/result.h"
#include "ssl/evaluation.h"

using namespace bijou;
using namespace bijou::support;
using namespace bijou::experiments;

namespace {

void print_fill(const ssl::MaskedLM& model, const ssl::Tokenizer& tokenizer, const std::string& text) {
  std::printf("\n%s\n", text.c_str());
  for (const std::vector<Guess>& guesses : fill_in(model, tokenizer, text, 5)) {
    std::printf("  _ ");
    for (const Guess& g : guesses) std::printf("  %s %.0f %%", g.token.c_str(), 100 * g.probability);
    std::printf("\n");
  }
}

// Those of `sequences`, framed texts, whose embeddings are nearest to those of the first three.
void print_nearest(const ssl::MaskedLM& model, const ssl::Tokenizer& tokenizer,
                   std::span<const ssl::Tokens> sequences) {
  const Tensor z = model.body.embed(sequences);
  const Indices near = ssl::nearest(z.rows(0, 3), z, 4);
  auto text = [&](bijou::index i) {
    const ssl::Tokens& s = sequences[size_t(i)];
    return tokenizer.decode(std::span(s).subspan(1, s.size() - 2)).substr(0, 90);
  };
  std::printf("\nAlike, by the cosine of their embeddings:\n");
  for (int64_t i = 0; i < 3; ++i) {
    std::printf("%s\n", text(bijou::index(i)).c_str());
    for (const bijou::index k : near.row(i))
      if (k != i) std::printf("    %s\n", text(k).c_str());
  }
}

// Trains, showing how far it is.
template <class Train>
auto shown(const char* title, const TextData& data, LmOptions o, const Train& train) {
  Progress progress({.title = title, .total = o.steps});
  o.report = [&](int64_t, double loss) {
    char note[32];
    std::snprintf(note, sizeof note, "loss %.3f", loss);
    progress.step(note);
    return !interrupted();
  };
  return train(data, o);
}

std::vector<double> in_bits(std::vector<double> nats) {
  for (double& x : nats) x /= std::log(2.0);
  return nats;
}

}  // namespace

int main(int argc, char** argv) {
  Args args(argc, argv, {.name = "masked_lm", .about = "Fills in the blanks of a text, as BERT does.", .epochs = 3});
  const std::string corpus =
      args.source("corpus", "names", "words", "names, shakespeare, wikitext, or words and documents (invented)");
  const TextOptions text{
      .tokenizer = args.option("tokenizer", "", "characters, words or byte_pairs; by default what suits the corpus"),
      .vocabulary = args.option("vocabulary", 4000, "tokens of words and byte pairs", 300),
      .length = args.option("length", 40, "tokens of the longest sequence", 8)};
  LmOptions options{.dim = args.option("dim", 48, "width of the transformer", 4),
                    .layers = args.option("layers", 2, "its blocks", 1),
                    .batch = args.option("batch", 128, "sequences a step", 1),
                    .lr = args.option("lr", 2e-3, "learning rate")};
  options.next_sentence = args.flag("next-sentence", "learn too whether a sentence follows another");
  const bool alone = args.flag("alone", "train the masked model only, not those it is compared with");
  const std::string blanks = args.option("fill", "", "a text with blanks, written _, to fill in");
  const std::string load = args.option("load", "", "a model that was saved, to --fill from without training");
  const Run run = args.done();
  if (!load.empty()) {
    if (blanks.empty()) args.refuse("--load: nothing to --fill");
    const SavedLm saved = load_masked(load);
    print_fill(saved.model, saved.tokenizer, blanks);
    return 0;
  }
  const bool letters = corpus == "words" || corpus == "names";
  if (options.next_sentence && letters) args.refuse("--next-sentence: there are no sentences in " + corpus);

  const TextData data = text_data(corpus, run.data, text);
  std::vector<ssl::Tokens> test = sequences_of(data.test, data.length);
  if (letters) test.resize(std::min<size_t>(test.size(), 500));
  options.seed = run.seed;
  options.steps = run.epochs * (int64_t(sequences_of(data.train, data.length).size()) / options.batch);
  std::printf("%zu passages, a vocabulary of %lld, %lld steps\n", data.train.size(), (long long)data.tokenizer.size(),
              (long long)options.steps);

  const ssl::MaskedLM masked = shown("masked", data, options, train_masked);
  if (interrupted()) return 130;
  save_masked(run.out + "/masked_lm.safetensors", masked, data.tokenizer);
  const Questions hidden = letters ? each_hidden_in_turn(test) : hidden_at_random(test, 1), seen = nothing_hidden(test);
  const Score at_holes = score(masked, hidden), at_sight = score(masked, seen), frequency = unigram(data, test);
  Result result("masked_lm");
  result.set("corpus", corpus), result.set("steps", options.steps);
  result.set("masked_bits", at_holes.bits()), result.set("masked_accuracy", at_holes.accuracy);
  result.set("unigram_bits", frequency.bits());
  std::printf("\nbits a token                          hidden  accuracy    seen  accuracy\n");
  auto row = [](const char* title, const Score& h, const Score& s) {
    std::printf("%-36s %7.3f  %6.1f %% %7.3f  %6.1f %%\n", title, h.bits(), 100 * h.accuracy, s.bits(),
                100 * s.accuracy);
  };
  row("masked, 80/10/10", at_holes, at_sight);
  Plot plot({.title = "Where it helps to see what follows", .x_label = "position", .y_label = "bits a hidden token"});
  plot.line({.label = "masked", .y = in_bits(at_holes.by_position)});
  if (!alone) {
    options.hidden = 1;
    const ssl::MaskedLM all_masked = shown("masked, always [MASK]", data, options, train_masked);
    const ssl::CausalLM causal = shown("causal", data, options, train_causal);
    if (interrupted()) return 130;
    const Score blind = score(all_masked, hidden), blind_seen = score(all_masked, seen), before = score(causal, test);
    row("masked, always [MASK]", blind, blind_seen);
    std::printf("%-36s %7.3f\n", "causal", before.bits());
    plot.line({.label = "causal", .y = in_bits(before.by_position)});
    result.set("causal_bits", before.bits()), result.set("gain", before.bits() - at_holes.bits());
    result.set("seen_bits", at_sight.bits()), result.set("always_mask_seen_bits", blind_seen.bits());
    result.set("seen_accuracy", at_sight.accuracy), result.set("always_mask_seen_accuracy", blind_seen.accuracy);
  }
  std::printf("%-36s %7.3f  %6.1f %%\n", "how frequent each token is", frequency.bits(), 100 * frequency.accuracy);
  plot.line({.label = "frequency alone", .y = in_bits(frequency.by_position)}).write(run.out + "/positions.svg");
  if (options.next_sentence) {
    const double right = next_sentence_accuracy(masked, data.test, data.length, 1000, 1);
    std::printf("Does the sentence follow? %.1f %% right\n", 100 * right);
    result.set("next_sentence_accuracy", right);
  }
  if (!blanks.empty()) print_fill(masked, data.tokenizer, blanks);
  else if (letters)
    for (size_t i = 0; i < 3; ++i) {
      std::string word = data.tokenizer.decode(data.test[i][0]);
      print_fill(masked, data.tokenizer, word.replace(i + 1, 1, "_"));
    }
  print_nearest(masked, data.tokenizer, std::span(test).first(std::min<size_t>(test.size(), 2000)));
  std::printf("\nA picture and the model are in %s.\n", run.out.c_str());
  result.print();
}
