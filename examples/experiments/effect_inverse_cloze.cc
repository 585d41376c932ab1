#include "examples/experiments/effects.h"
#include "examples/experiments/inverse_cloze.h"

namespace bijou::experiments {
namespace {

// The documents are invented, with and without a folder of data: there it is known what there is to learn.
Measurements retrieval(const Trial& t, double mask_rate) {
  const BlockData data = block_data("documents", "", 20'000, 4000);
  const TwoTowers towers = train_towers(data, {.mask_rate = mask_rate, .steps = 1000, .seed = t.seed});
  const Search removed = search_of(data.test, true, t.seed), whole = search_of(data.test, false, t.seed);
  const Tensor learnt = learnt_scores(towers, removed), words = bm25_scores(removed);
  const Recalls alone = recalls(learnt, removed), bm25 = recalls(words, removed);
  const double weight = choose_weight(towers, search_of(data.valid, true, t.seed + 1));
  const Recalls both = recalls(ssl::combined(words, learnt, weight), removed);
  return {{"removed_1", alone.at_1},
          {"removed_10", alone.at_10},
          {"whole_1", recalls(learnt_scores(towers, whole), whole).at_1},
          {"bm25_1", bm25.at_1},
          {"bm25_10", bm25.at_10},
          {"both_1", both.at_1},
          {"both_10", both.at_10}};
}

}  // namespace

Effect inverse_cloze_effect() {
  return {.name = "inverse_cloze",
          .paper = "Lee et al., ACL 2019",
          .about = "the sentence removed from its evidence 90 % of the time, against never and always; and beside BM25",
          .arms = {{"never", [](const Trial& t) { return retrieval(t, 0); }},
                   {"mostly", [](const Trial& t) { return retrieval(t, 0.9); }},
                   {"always", [](const Trial& t) { return retrieval(t, 1); }}},
          .gates = {{.a = "mostly.removed_1", .b = "never.removed_1", .low = 0.04},
                    {.a = "mostly.whole_1", .b = "always.whole_1", .low = 0.02},
                    {.a = "mostly.both_10", .b = "mostly.bm25_10", .low = 0.02}}};
}

}  // namespace bijou::experiments
