#include "examples/experiments/flow_tabular.h"

#include <cmath>

#include "autograd/ops.h"
#include "examples/support/images.h"
#include "examples/support/stopwatch.h"
#include "flows/batchnorm.h"
#include "flows/coupling.h"
#include "flows/linear.h"
#include "flows/maf.h"
#include "tensor/elementwise.h"

namespace bijou::experiments {

using namespace support;

namespace {

constexpr int64_t kMixture = 10;  // normals in each conditional of made-mog

nn::Made::Options made(int64_t columns, int64_t hidden, bool reversed) {
  nn::Made::Options o{.features = columns, .hidden = {hidden, hidden}};
  for (int64_t i = 0; i < columns; ++i) o.ordering.push_back(reversed ? columns - 1 - i : i);
  return o;
}

// As in neural spline flows: begun not as a random rotation but as the identity.
flows::LuLinear lu_from_identity(int64_t d) {
  flows::LuLinear lu(d);
  lu.p.copy_from(eye(d)), lu.sign.fill(1);
  for (const Var& p : {lu.lower, lu.upper, lu.log_s}) Var(p).mutable_value().fill(0);
  return lu;
}

// Layer k of a flow for `d` columns.
void add_layer(flows::Chain& chain, const std::string& model, int k, int64_t d, int64_t hidden) {
  const bool odd = k % 2 == 1;
  if (model == "nsf") {
    const flows::Coupling::Options o{.features = d, .flip = odd};
    const int64_t bins = 8, params = 3 * bins - 1;
    chain.add(lu_from_identity(d));
    chain.add(flows::SplineCoupling(
        o, flows::mlp({.in = o.kept(), .out = params * o.moved(), .hidden = {hidden, hidden}}), bins));
  } else if (model == "realnvp") {
    chain.add(flows::AffineCoupling({.features = d, .mask = flows::alternating(d, odd)},
                                    flows::mlp({.in = d, .out = 2 * d, .hidden = {hidden, hidden}})));
  } else {
    chain.add(flows::Maf(made(d, hidden, odd)));
  }
}

flows::Flow make_flow(const std::string& model, const Tensor& train, const TableFitOptions& o) {
  const int64_t d = train.size(1);
  if (model == "gaussian") return flows::Flow(flows::Chain(), flows::FullNormal::fitted(train));
  flows::Chain chain;
  for (int k = 0; k < o.layers && model != "made-mog"; ++k) {
    if (k > 0 && model != "nsf") chain.add(flows::BatchNorm({.features = d}));
    add_layer(chain, model, k, d, o.hidden);
  }
  if (model.ends_with("-mog")) return flows::Flow(chain, flows::MixtureMade(made(d, o.hidden, false), kMixture));
  return flows::Flow(chain, flows::StandardNormal({d}));
}

// How many of x's points (columns a and b) lie in each cell of the box, as a picture.
Tensor histogram(const Tensor& x, int64_t a, int64_t b, const double low[2], const double high[2]) {
  constexpr int64_t kSide = 48;
  Tensor counts = zeros({kSide, kSide});
  for (int64_t i = 0; i < x.size(0); ++i) {
    const real* row = x.data() + i * x.size(1);
    const double u = (double(row[a]) - low[0]) / (high[0] - low[0]), v = (double(row[b]) - low[1]) / (high[1] - low[1]);
    if (!(u >= 0 && u < 1 && v >= 0 && v < 1)) continue;
    counts.mutable_data()[(kSide - 1 - int64_t(v * kSide)) * kSide + int64_t(u * kSide)] += 1;
  }
  return heat_map(sqrt(counts));  // the root, for thin tails to be seen
}

// What all but one in a hundred numbers lie between.
void bulk(const Tensor& x, int64_t column, double& low, double& high) {
  std::vector<real> v;
  for (int64_t i = 0; i < x.size(0); ++i) v.push_back(x.data()[i * x.size(1) + column]);
  std::sort(v.begin(), v.end());
  const size_t cut = v.size() / 200;
  low = double(v[cut]), high = double(v[v.size() - 1 - cut]);
  const double margin = 0.1 * (high - low);
  low -= margin, high += margin;
}

}  // namespace

std::vector<std::string> table_model_names() { return {"gaussian", "made-mog", "realnvp", "maf", "maf-mog", "nsf"}; }

TableFit fit_table(const std::string& model, const TableSets& sets, const TableFitOptions& o) {
  manual_seed(o.seed);
  TableFit result{make_flow(model, sets.train, o), {}, 0};
  flows::Flow& flow = result.flow;
  const LogProb log_prob = [&](const Tensor& x) { return flow.log_prob(x); };
  if (model == "gaussian") result.fit.test = mean_nats(log_prob, sets.test);
  else
    result.fit = fit(flow, log_prob, {sets.train, sets.valid, sets.test, {}},
                     {.title = model,
                      .epochs = o.epochs,
                      .lr = o.lr,
                      .weight_decay = 1e-6,
                      .seed = o.seed,
                      .patience = o.patience,
                      .before_evaluation = [&] { flows::use_statistics_of(*flow.bijector, sets.train); }});
  result.test_log_p = -result.fit.test;
  return result;
}

Tensor picture_of_pairs(const std::vector<Tensor>& tables) {
  const int64_t d = tables[0].size(1), pairs = std::min<int64_t>(5, d / 2);
  std::vector<Tensor> pictures;
  for (int64_t p = 0; p < pairs; ++p) {
    double low[2], high[2];
    for (int axis = 0; axis < 2; ++axis) bulk(tables[0], 2 * p + axis, low[axis], high[axis]);
    for (const Tensor& x : tables) pictures.push_back(histogram(x, 2 * p, 2 * p + 1, low, high));
  }
  return image_grid(stack(pictures, 0), {.columns = int(tables.size())});
}

SamplingTimes time_sampling(int64_t columns, int64_t hidden, int64_t samples) {
  const NoGrad guard;
  manual_seed(1);
  flows::Maf maf(made(columns, hidden, false));
  Var last = maf.made.layers.back().weight;  // begins at zero; away from there
  last.mutable_value().copy_from(normal(last.shape(), 0, real(0.1 / std::sqrt(double(hidden)))));
  const Tensor z = randn({samples, columns});
  maf.inverse(z);  // warms up

  const Stopwatch once;
  const Tensor x = maf.inverse(z).x.value();
  SamplingTimes times{.at_once = once.seconds(), .by_passes = 0, .difference = 0};

  const Stopwatch passes;
  Tensor y = zeros({samples, columns});
  for (int64_t i = 0; i < columns; ++i) {
    const Tensor params = maf.made(y).value();  // [samples, 2, columns]
    for (int64_t s = 0; s < samples; ++s) {
      const real mu = params.at({s, 0, i}), a = params.at({s, 1, i});
      y.mutable_data()[s * columns + i] = mu + z.at({s, i}) * std::exp(5 * std::tanh(a / 5));
    }
  }
  times.by_passes = passes.seconds(), times.difference = max_difference(x, y);
  return times;
}

}  // namespace bijou::experiments
