// Densities of tables: the models of the MAF paper and neural spline flows, trained and judged as that paper does.
//
//   gaussian   one normal with a full covariance, fitted in closed form: what the others must beat
//   made-mog   MADE, each conditional a mixture of ten normals
//   realnvp    affine couplings that keep the odd, then the even columns, ...
//   maf        MADEs, the order of the columns reversed from each to the next
//   maf-mog    the same over a made-mog
//   nsf        spline couplings, an LU matrix before each
//
// Between the layers, but those of nsf, stands batch normalisation, with the statistics of the whole training set
// wherever a density is reported. G. Papamakarios, T. Pavlakou, I. Murray, "Masked autoregressive flow for density
// estimation", NeurIPS 2017; C. Durkan et al., "Neural spline flows", NeurIPS 2019.
//
// What differs: one network of ReLUs says log-scales and shifts of realnvp, where the paper has another one, of tanh,
// for the scales; the networks of nsf are perceptrons, not residual; the learning rate is ten times higher (of
// examples/flow_tabular, thirty times) and falls as a cosine, so that minutes are enough.
#pragma once

#include "examples/experiments/density.h"
#include "examples/support/table.h"
#include "flows/flow.h"

namespace bijou::experiments {

std::vector<std::string> table_model_names();

struct TableFitOptions {
  int layers = 5;        // of a flow
  int64_t hidden = 100;  // units in each of the two hidden layers of every network
  double lr = 1e-3;
  int epochs = 100;
  int patience = 30;
  uint64_t seed = 0;
};
struct TableFit {
  flows::Flow flow;   // in evaluation mode
  Fit fit;            // nothing but `test` where the fit was in closed form
  double test_log_p;  // nats a row of the standardised test set
};
TableFit fit_table(const std::string& model, const support::TableSets& sets, const TableFitOptions& options);

// Two-dimensional histograms of neighbouring columns (0 and 1, 2 and 3, ...; at most five pairs), a row of pictures for
// each of `tables`, on the scale of the first.
Tensor picture_of_pairs(const std::vector<Tensor>& tables);

// What sampling from a MAF costs: each hidden unit computed once, beside one pass of the whole network for every
// column.
struct SamplingTimes {
  double at_once, by_passes;  // seconds
  double difference;          // of the samples, relative
};
SamplingTimes time_sampling(int64_t columns, int64_t hidden, int64_t samples);

}  // namespace bijou::experiments
