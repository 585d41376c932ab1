#include "nn/activation.h"
#include "nn/attention.h"
#include "nn/conv.h"
#include "nn/dropout.h"
#include "nn/embedding.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "nn/normalize.h"
#include "nn/recurrent.h"
#include "nn/sequential.h"
#include "nn/transformer.h"
#include "peer.h"

namespace bijou::peer {
namespace {

// A layer whose parameters are inputs, too, and begin at random.
template <class M, class Call>
Problem with_parameters(Draw& d, M layer, std::vector<Tensor> inputs, NamedTensors numbers, Call call) {
  Problem p;
  p.x = std::move(inputs);
  p.numbers = std::move(numbers);
  p.names.resize(p.x.size());
  const size_t given = p.x.size();
  for (const auto& [name, parameter] : layer.named_parameters()) {
    p.names.push_back(name);
    p.x.push_back(d.normal(parameter.shape()) * real(0.5));
  }
  p.f = [=](const Vars& x) {
    M own = nn::clone(layer);
    size_t next = given;
    const nn::Visitor visitor(own);
    for (const auto& member : visitor.members())
      if (member.parameter) *member.parameter = x[next++];
    return call(own, x);
  };
  return p;
}
template <class M>
Problem layer(Draw& d, M m, std::vector<Tensor> inputs, NamedTensors numbers = {}) {
  return with_parameters(d, std::move(m), std::move(inputs), std::move(numbers),
                         [](M& own, const Vars& x) -> Vars { return {own(x[0])}; });
}

template <class M>
Case activation(const char* name, M m) {
  return {name, [=](Draw& d) { return layer(d, m, {d.normal(d.shape(1, 4))}); }};
}

Problem linear(Draw& d) {
  Shape shape = d.shape(1, 3);
  const int64_t out = d.size(1, 20);
  const bool bias = d.coin();
  return layer(
      d, nn::Linear({.in = shape[-1], .out = out, .bias = bias}), {d.normal(shape)},
      {{"in_features", number(double(shape[-1]))}, {"out_features", number(double(out))}, {"bias", number(bias)}});
}

Problem conv2d(Draw& d) {
  const bool bias = d.coin();
  return layer(
      d, nn::Conv2d({.in = 4, .out = 6, .kernel = {3, 2}, .stride = 2, .padding = {1, 0}, .groups = 2, .bias = bias}),
      {d.normal({2, 4, d.size(3, 9), d.size(3, 9)})}, {{"bias", number(bias)}});
}
Problem conv1d(Draw& d) {
  return layer(d, nn::Conv1d({.in = 4, .out = 6, .kernel = 3, .padding = 2, .dilation = 2}),
               {d.normal({2, 4, d.size(3, 9)})});
}
Problem conv_transpose2d(Draw& d) {
  return layer(d, nn::ConvTranspose2d({.in = 4, .out = 6, .kernel = 3, .stride = 2, .padding = 1, .output_padding = 1}),
               {d.normal({2, 4, d.size(1, 6), d.size(1, 6)})});
}

// The output, and the statistics after it: in training, or with random statistics in evaluation.
template <class M>
Problem batch_norm(Draw& d, Shape shape) {
  M norm({.channels = shape[1], .momentum = 0.25});
  norm.training = d.coin();
  norm.running_mean.copy_from(d.normal({shape[1]}));
  norm.running_var.copy_from(d.between(real(0.5), 2, {shape[1]}));
  Problem p = with_parameters(d, norm, {d.normal(shape)},
                              {{"training", number(norm.training)}, {"channels", number(double(shape[1]))}},
                              [](M& own, const Vars& x) -> Vars {
                                const Var y = own(x[0]);
                                return {y, own.running_mean, own.running_var, own.num_batches_tracked};
                              });
  p.tensors = {{"mean", norm.running_mean}, {"variance", norm.running_var}};
  return p;
}

Problem layer_norm(Draw& d) {
  Shape shape = d.shape(1, 4);
  shape[-1] = d.size(4, 40);  // with two numbers all but equal, float would lose its digits
  return layer(d, nn::LayerNorm({.size = shape[-1]}), {d.normal(shape)}, {{"size", number(double(shape[-1]))}});
}

Problem group_norm(Draw& d) {
  const int64_t groups = d.size(1, 3), channels = groups * d.size(1, 3);
  Shape shape{d.size(1, 4), channels, d.size(2, 6)};
  if (d.coin()) shape.push_back(d.size(1, 5));
  return layer(d, nn::GroupNorm({.groups = groups, .channels = channels}), {d.normal(shape)},
               {{"groups", number(double(groups))}, {"channels", number(double(channels))}});
}

Problem embedding(Draw& d) {
  const int64_t count = d.size(1, 9), dim = d.size(1, 20);
  const Indices tokens = d.below(count, d.shape(1, 3));
  Problem p = with_parameters(d, nn::Embedding({.count = count, .dim = dim}), {},
                              {{"count", number(double(count))}, {"dim", number(double(dim))}},
                              [=](nn::Embedding& own, const Vars&) -> Vars { return {own(tokens)}; });
  p.indices = {{"index", tokens}};
  return p;
}

// Without learnt scale and shift; the statistics as well.
Problem bare_norms(Draw& d) {
  const Shape shape{d.size(2, 5), d.size(1, 4), d.size(2, 40)};
  return {{d.normal(shape)}, [](const Vars& x) -> Vars {
            const nn::BatchNormed batch = nn::batch_norm(x[0], {}, {}, real(1e-3));
            return {nn::layer_norm(x[0], {}, {}, real(1e-3)), batch.y, batch.mean, batch.variance};
          }};
}

// The noise is drawn twice from the same seed: once here, for PyTorch to multiply with.
template <class M>
Problem noise(Draw& d, M layer) {
  const Shape shape = d.shape(1, 4);
  const auto seeded = [=](const Var& x) {
    manual_seed(7);
    return layer(x);
  };
  return {{d.normal(shape)},
          [=](const Vars& x) -> Vars { return {seeded(x[0])}; },
          {},
          {},
          {{"mask", seeded(Var(ones(shape))).value()}}};
}

// Which positions may be seen: some keys of each example are padding, some pairs are masked; never all.
struct Masks {
  nn::AttentionMask mask;
  NamedTensors tensors;
  NamedTensors numbers;
};
Masks masks(Draw& d, int64_t batch, int64_t steps) {
  const bool causal = d.coin();
  Tensor positions = bernoulli({steps, steps}, d.coin() ? 0.3 : 0, d.g), padding = zeros({batch, steps});
  for (int64_t i = 0; i < steps; ++i) positions.mutable_data()[i * steps] = 0;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t j = d.size(1, steps); j < steps; ++j) padding.mutable_data()[b * steps + j] = 1;
  return {{.causal = causal, .positions = positions, .key_padding = padding},
          {{"positions", positions}, {"padding", padding}},
          {{"causal", number(causal)}}};
}
int64_t some_steps(Draw& d) { return d.size(0, 4) ? d.size(1, 9) : d.size(129, 140); }  // long ones come in blocks

Problem attention_op(Draw& d) {
  const int64_t batch = d.size(1, 3), steps = some_steps(d), heads = d.size(1, 3), dim = heads * d.size(1, 4);
  const Masks m = masks(d, batch, steps);
  const Tensor kept = bernoulli({batch, heads, steps, steps}, 0.75, d.g) * real(4.0 / 3);
  Problem p{{d.normal({batch, steps, 3 * dim})},
            [=](const Vars& x) -> Vars { return {nn::self_attention(x[0], heads, m.mask, kept)}; },
            m.numbers,
            {},
            m.tensors};
  p.tensors.emplace_back("kept", kept);
  p.numbers.emplace_back("heads", number(double(heads)));
  return p;
}

template <class M>
Problem attending(Draw& d, M layer, int64_t dim, NamedTensors numbers) {
  const int64_t batch = d.size(1, 3), steps = some_steps(d);
  const Masks m = masks(d, batch, steps);
  numbers.insert(numbers.end(), m.numbers.begin(), m.numbers.end());
  Problem p = with_parameters(d, std::move(layer), {d.normal({batch, steps, dim})}, numbers,
                              [=](M& own, const Vars& x) -> Vars { return {own(x[0], m.mask)}; });
  p.tensors = m.tensors;
  return p;
}

Problem attention(Draw& d) {
  const int64_t heads = d.size(1, 3), dim = heads * d.size(1, 4);
  const bool bias = d.coin();
  return attending(d, nn::MultiHeadAttention({.dim = dim, .heads = heads, .bias = bias}), dim,
                   {{"dim", number(double(dim))}, {"heads", number(double(heads))}, {"bias", number(bias)}});
}

Problem transformer(Draw& d) {
  const int64_t heads = d.size(1, 2), dim = heads * d.size(4, 6);
  const bool norm_first = d.coin();
  return attending(
      d, nn::TransformerBlock({.dim = dim, .heads = heads, .feedforward = 5, .norm_first = norm_first}), dim,
      {{"dim", number(double(dim))}, {"heads", number(double(heads))}, {"norm_first", number(norm_first)}});
}

// Outputs and the last state; from a given state, h alone or h and c.
template <class M>
Problem recurrent(Draw& d, size_t states) {
  const int64_t batch = d.size(1, 4), steps = d.size(1, 6), in = d.size(1, 5), hidden = d.size(1, 9),
                layers = d.size(1, 3);
  const bool bias = d.coin();
  std::vector<Tensor> inputs{d.normal({batch, steps, in})};
  for (size_t k = 0; k < states; ++k) inputs.push_back(d.normal({layers, batch, hidden}));
  return with_parameters(d, M({.in = in, .hidden = hidden, .layers = layers, .bias = bias}), inputs,
                         {{"in_size", number(double(in))},
                          {"hidden", number(double(hidden))},
                          {"layers", number(double(layers))},
                          {"bias", number(bias)}},
                         [](M& own, const Vars& x) -> Vars {
                           if constexpr (std::same_as<M, nn::LSTM>) {
                             const auto y = own(x[0], {x[1], x[2]});
                             return {y.output, y.state.h, y.state.c};
                           } else {
                             const auto y = own(x[0], x[1]);
                             return {y.output, y.h};
                           }
                         });
}

// A small convnet: names of nested modules, pooling, a residual block.
Problem sequential(Draw& d) {
  return layer(
      d,
      nn::Sequential(
          nn::Conv2d({.in = 1, .out = 3, .kernel = 3, .padding = 1}), nn::Tanh(),
          nn::Residual(nn::Sequential(nn::Conv2d({.in = 3, .out = 3, .kernel = 3, .padding = 1}), nn::SiLU())),
          nn::MaxPool2d({.kernel = 2}), nn::AvgPool2d({.kernel = 2}), nn::Flatten(), nn::Linear({.in = 12, .out = 5})),
      {d.normal({d.size(1, 4), 1, 8, 8})});
}

}  // namespace

void layer_cases(Cases& cases) {
  cases.insert(cases.end(),
               {
                   activation("nn.ReLU", nn::ReLU()),
                   activation("nn.SiLU", nn::SiLU()),
                   activation("nn.Softplus", nn::Softplus()),
                   activation("nn.Sigmoid", nn::Sigmoid()),
                   activation("nn.Tanh", nn::Tanh()),
                   activation("nn.LeakyReLU", nn::LeakyReLU()),
                   activation("nn.ELU", nn::ELU({.alpha = real(1.5)})),
                   activation("nn.GELU", nn::GELU()),
                   activation("nn.GELU tanh", nn::GELU({.approximate = true})),
                   activation("nn.Softmax", nn::Softmax()),
                   activation("nn.Flatten", nn::Flatten()),
                   {"nn.Linear", linear},
                   {"nn.Conv2d", conv2d},
                   {"nn.Conv1d", conv1d},
                   {"nn.ConvTranspose2d", conv_transpose2d},
                   {"nn.BatchNorm1d",
                    [](Draw& d) {
                      return d.coin() ? batch_norm<nn::BatchNorm1d>(d, {d.size(2, 30), d.size(1, 5)})
                                      : batch_norm<nn::BatchNorm1d>(d, {d.size(2, 5), d.size(1, 5), d.size(1, 30)});
                    }},
                   {"nn.BatchNorm2d",
                    [](Draw& d) {
                      return batch_norm<nn::BatchNorm2d>(d, {d.size(2, 5), d.size(1, 5), d.size(1, 6), d.size(1, 6)});
                    }},
                   {"nn.LayerNorm", layer_norm},
                   {"nn.GroupNorm", group_norm},
                   {"nn.Embedding", embedding},
                   {"nn.Sequential", sequential},
                   {"layer_norm, batch_norm", bare_norms},
                   {"nn.Dropout", [](Draw& d) { return noise(d, nn::Dropout({.p = 0.3})); }},
                   {"nn.DropPath", [](Draw& d) { return noise(d, nn::DropPath({.p = 0.3})); }},
                   {"self_attention", attention_op},
                   {"nn.MultiHeadAttention", attention},
                   {"nn.TransformerBlock", transformer},
                   {"nn.RNN", [](Draw& d) { return recurrent<nn::RNN>(d, 1); }},
                   {"nn.GRU", [](Draw& d) { return recurrent<nn::GRU>(d, 1); }},
                   {"nn.LSTM", [](Draw& d) { return recurrent<nn::LSTM>(d, 2); }},
               });
}

}  // namespace bijou::peer
