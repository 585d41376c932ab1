#include "examples/experiments/flow_2d.h"

#include <algorithm>
#include <cmath>

#include "autograd/elementwise.h"
#include "autograd/ops.h"
#include "examples/support/images.h"
#include "flows/actnorm.h"
#include "flows/continuous.h"
#include "flows/coupling.h"
#include "flows/elementwise.h"
#include "flows/linear.h"
#include "flows/maf.h"
#include "flows/planar.h"
#include "flows/radial.h"
#include "flows/residual.h"
#include "flows/sylvester.h"
#include "optim/adam.h"
#include "optim/clip.h"
#include "optim/ema.h"
#include "optim/schedule.h"
#include "tensor/elementwise.h"
#include "tensor/map.h"

namespace bijou::experiments {

// ---- The flows ------------------------------------------------------------------------------------------------------

namespace {

struct Kind {
  Flow2dOptions suited;
  std::function<void(flows::Chain& chain, int layer, const Flow2dOptions& o)> add;
};

template <class Coupling>
void add_coupling(flows::Chain& chain, int layer, int64_t params, int64_t hidden, auto... more) {
  const flows::Coupling::Options o{.features = 2, .flip = layer % 2 == 1};
  chain.add(Coupling(o, flows::mlp({.in = 1, .out = params, .hidden = {hidden, hidden}}), more...));
}

nn::Made::Options made(int layer, int64_t hidden) {
  const std::vector<int64_t> order = layer % 2 ? std::vector<int64_t>{1, 0} : std::vector<int64_t>{0, 1};
  return {.features = 2, .hidden = {hidden, hidden}, .ordering = order};
}

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> list{
      {{"spline", 4, 64, 1500, 4e-3},
       [](flows::Chain& c, int layer, const Flow2dOptions& o) {
         add_coupling<flows::SplineCoupling>(c, layer, 47, o.hidden, 16, flows::SplineOptions{.bound = 5});
       }},
      {{"realnvp", 24, 32, 1500, 2e-3},
       [](flows::Chain& c, int layer, const Flow2dOptions& o) {
         add_coupling<flows::AffineCoupling>(c, layer, 2, o.hidden), c.add(flows::LuLinear(2));
       }},
      {{"nice", 24, 32, 1500, 2e-3},
       [](flows::Chain& c, int layer, const Flow2dOptions& o) {
         add_coupling<flows::AdditiveCoupling>(c, layer, 1, o.hidden);
       }},
      {{"maf", 8, 64, 1500, 4e-3},
       [](flows::Chain& c, int layer, const Flow2dOptions& o) {
         c.add(flows::Maf(made(layer, o.hidden))).add(flows::ActNorm(2));
       }},
      {{"iaf", 8, 64, 1500, 1e-3},
       [](flows::Chain& c, int layer, const Flow2dOptions& o) {
         c.add(flows::Inverse(flows::Maf(made(layer, o.hidden)))).add(flows::ActNorm(2));
       }},
      {{"spline-ar", 4, 64, 1500, 4e-3},
       [](flows::Chain& c, int layer, const Flow2dOptions& o) {
         c.add(flows::SplineAutoregressive(made(layer, o.hidden), 16, {.bound = 5}));
       }},
      {{"planar", 32, 0, 1500, 4e-3},
       [](flows::Chain& c, int, const Flow2dOptions&) { c.add(flows::Planar({.features = 2})); }},
      {{"radial", 32, 0, 1500, 4e-3},
       [](flows::Chain& c, int, const Flow2dOptions&) { c.add(flows::Radial({.features = 2})); }},
      {{"sylvester", 24, 0, 1500, 4e-3},
       [](flows::Chain& c, int, const Flow2dOptions&) { c.add(flows::Sylvester({.features = 2, .hidden = 2})); }},
      {{"residual", 32, 16, 1500, 1e-2},
       [](flows::Chain& c, int, const Flow2dOptions& o) {
         using LogDet = flows::Residual::LogDet;
         c.add(flows::Residual({.features = 2,
                                .hidden = {o.hidden, o.hidden},
                                .log_det = o.estimate ? LogDet::kRoulette : LogDet::kExact}));
         c.add(flows::ActNorm(2));
       }},
      {{"ffjord", 1, 64, 600, 1e-2},
       [](flows::Chain& c, int, const Flow2dOptions& o) {
         c.add(flows::Continuous(
             {.features = 2, .hidden = {o.hidden, o.hidden}, .hutchinson = o.estimate, .tolerance = 1e-4}));
       }},
  };
  return list;
}

const Kind& kind_of(const std::string& flow) {
  for (const Kind& kind : kinds())
    if (kind.suited.flow == flow) return kind;
  fail("flow_2d: there is no flow '", flow, "'");
}

}  // namespace

std::vector<std::string> flow_names() {
  std::vector<std::string> names;
  for (const Kind& kind : kinds()) names.push_back(kind.suited.flow);
  return names;
}

Flow2dOptions suited(const std::string& flow) { return kind_of(flow).suited; }

flows::Flow make_flow_2d(const Flow2dOptions& o) {
  const Kind& kind = kind_of(o.flow);
  flows::Chain chain;
  for (int layer = 0; layer < o.layers; ++layer) kind.add(chain, layer, o);
  chain.add(flows::Affine({2}));
  return flows::Flow(chain, flows::StandardNormal({2}));
}

// ---- Learning -------------------------------------------------------------------------------------------------------

namespace {

// Steps against the gradient of loss(step); the flow ends with the average of its last weights.
void descend(flows::Flow& flow, const Learning& o, const std::function<Var(int step)>& loss, const Tick& tick) {
  optim::Adam optimizer(flow.parameters(), {.lr = o.lr});
  optim::Ema ema(flow, {.decay = 0.995, .warmup = true});
  for (int step = 0; step < o.steps; ++step) {
    optimizer.zero_grad();
    const Var l = loss(step);
    backward(l);
    optim::clip_grad_norm(flow.parameters(), 5);
    optimizer.lr_scale = optim::cosine_decay(step, o.steps);
    optimizer.step();
    ema.update();
    if (!tick(double(l.item()))) break;
  }
  flow.load_state_dict(ema.average.state_dict());
  flow.eval();
  const nn::Visitor all(flow);  // what was estimated in training is judged exactly
  for (const nn::Visitor::Member& m : all.members()) {
    if (auto* r = dynamic_cast<flows::Residual*>(m.module)) r->options.log_det = flows::Residual::LogDet::kExact;
    if (auto* c = dynamic_cast<flows::Continuous*>(m.module)) c->options.hutchinson = false;
  }
}

}  // namespace

void learn(flows::Flow& flow, const support::Toy& toy, const Learning& o, const Tick& tick) {
  Generator g(o.seed + 1);
  descend(
      flow, o, [&](int) { return -mean(flow.log_prob(toy.sample(o.batch, g))); }, tick);
}

void learn(flows::Flow& flow, const support::Energy& energy, const Learning& o, const Tick& tick) {
  Generator g(o.seed + 1);
  auto loss = [&](int step) {
    const real heat = real(std::min(1.0, 0.01 + 2 * double(step) / o.steps));
    return flows::reverse_kl(
        flow, o.batch, [&](const Var& x) { return energy.log_density(x) * heat; }, {}, g);
  };
  descend(flow, o, loss, tick);
}

// ---- Judging --------------------------------------------------------------------------------------------------------

namespace {

// log q at the points [n, 2], some at a time.
Tensor log_q(const flows::Flow& flow, const Tensor& points) {
  const NoGrad guard;
  std::vector<Tensor> parts;
  for (int64_t i = 0; i < points.size(0); i += 4096)
    parts.push_back(flow.log_prob(points.rows(i, std::min(i + 4096, points.size(0)))).value());
  return concat(parts, 0);
}

double mass(const flows::Flow& flow, double extent, int64_t cells) {
  return support::integral(exp(log_q(flow, support::plane(extent, cells))), extent);
}
// ∫ p log (p / q), where nothing times its logarithm is nothing.
double divergence(const Tensor& log_p, const Tensor& log_q, double extent) {
  return support::integral(map([](auto p, auto q) { return where(p > -100, exp(p) * (p - q), 0); }, log_p, log_q),
                           extent);
}

}  // namespace

Distance judge(const flows::Flow& flow, const support::Toy& toy, int64_t cells) {
  const Tensor points = support::plane(toy.extent, cells), log_p = toy.log_density(points);
  return {divergence(log_p, log_q(flow, points), toy.extent), support::entropy(toy), mass(flow, 2 * toy.extent, cells)};
}

Distance judge(const flows::Flow& flow, const support::Energy& energy, int64_t cells) {
  const NoGrad guard;
  const Tensor points = support::plane(energy.extent, cells), log_p = energy.log_density(points).value();
  const double log_z = std::log(support::integral(exp(log_p), energy.extent));
  const Tensor p = log_p - real(log_z);
  return {divergence(log_q(flow, points), p, energy.extent), -divergence(p, zeros(p.shape()), energy.extent),
          mass(flow, 2 * energy.extent, cells)};
}

// ---- Pictures -------------------------------------------------------------------------------------------------------

Tensor density_map(const flows::Flow& flow, double extent, int64_t size) {
  return exp(log_q(flow, support::plane(extent, size))).reshape({size, size});
}

namespace {

// Where a point of the plane lies in a picture, in pixels from its upper left corner.
struct Place {
  double x, y;
};
Place place(const real* point, double extent, int64_t size) {
  return {(double(point[0]) + extent) / (2 * extent) * double(size),
          (extent - double(point[1])) / (2 * extent) * double(size)};
}

// Paints the pixel there, if it lies in the picture.
void paint(Tensor& picture, Place at, const support::Color& color) {
  const int64_t size = picture.size(-1);
  if (!(at.x >= 0 && at.y >= 0 && at.x < double(size) && at.y < double(size))) return;
  real* pixel = picture.mutable_data() + int64_t(at.y) * size + int64_t(at.x);
  pixel[0] = real(color.red), pixel[size * size] = real(color.green), pixel[2 * size * size] = real(color.blue);
}

// A straight line, pixel by pixel; one that leaves the picture far behind in coarser steps.
void paint_line(Tensor& picture, Place from, Place to, const support::Color& color) {
  const double most = 4 * double(picture.size(-1));
  const double pixels = std::min(most, std::ceil(std::max(std::abs(to.x - from.x), std::abs(to.y - from.y))) + 1);
  for (double i = 0; i < pixels; ++i)
    paint(picture, {from.x + (to.x - from.x) * i / pixels, from.y + (to.y - from.y) * i / pixels}, color);
}

}  // namespace

Tensor scatter(const Tensor& points, double extent, int64_t size) {
  Tensor picture = ones({3, size, size});
  for (int64_t i = 0; i < points.size(0); ++i)
    paint(picture, place(points.data() + 2 * i, extent, size), support::heat_color(0.15));
  return picture;
}

Tensor grid_pictures(const flows::Flow& flow, double extent, int count, int64_t size) {
  constexpr int kLines = 21, kPoints = 500;  // of each direction, of each line
  Tensor z({2 * kLines * kPoints, 2});
  std::vector<support::Color> colors;
  for (int64_t i = 0; i < z.size(0); ++i) {
    const double line = -3 + 6.0 * double(i / kPoints % kLines) / (kLines - 1);
    const double along = -3 + 6.0 * double(i % kPoints) / (kPoints - 1);
    const bool upright = i < kLines * kPoints;
    real* p = z.mutable_data() + 2 * i;
    p[0] = real(upright ? line : along), p[1] = real(upright ? along : line);
    colors.push_back(support::heat_color(0.05 + 0.8 * (double(p[0]) + 3) / 6));
  }
  // On the way points may be far out: the frame is then as wide as most of them need.
  auto drawn = [&](const Tensor& points) {
    std::vector<double> reach;
    for (real x : points) reach.push_back(std::abs(double(x)));
    const auto most = reach.begin() + int64_t(reach.size() * 49 / 50);
    std::nth_element(reach.begin(), most, reach.end());
    const double frame = std::max(extent, *most);
    Tensor picture = ones({3, size, size});
    for (int64_t i = 0; i + 1 < points.size(0); ++i) {
      const real* p = points.data() + 2 * i;
      if ((i + 1) % kPoints) paint_line(picture, place(p, frame, size), place(p + 2, frame, size), colors[size_t(i)]);
    }
    return picture;
  };
  const NoGrad guard;
  const auto& chain = dynamic_cast<const flows::Chain&>(*flow.bijector);
  const int layers = int(chain.list.size());
  std::vector<Tensor> pictures{drawn(z)};
  for (int done = 0; done < layers; ++done) {
    z = chain.list[size_t(layers - 1 - done)]->inverse(z).x.value();
    if ((done + 1) * (count - 1) / layers > done * (count - 1) / layers) pictures.push_back(drawn(z));
  }
  return stack(pictures, 0);
}

}  // namespace bijou::experiments
