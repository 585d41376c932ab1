#include "flows/multiscale.h"

#include "autograd/elementwise.h"
#include "autograd/ops.h"

namespace bijou::flows {

// ---- Squeeze --------------------------------------------------------------------------------------------------------

Shape Squeeze::latent_shape(const Shape& s) const {
  check(s.rank() == 3 && s[1] % 2 == 0 && s[2] % 2 == 0, "Squeeze: an image of even height and width expected, not ",
        s);
  return {s[0] * 4, s[1] / 2, s[2] / 2};
}

Latent Squeeze::f(const Var& x, const Var&) const {
  check(x.dim() == 4 && x.size(2) % 2 == 0 && x.size(3) % 2 == 0,
        "Squeeze: images [B, C, H, W] of even height and width expected, not ", x.shape());
  const int64_t b = x.size(0), c = x.size(1), h = x.size(2) / 2, w = x.size(3) / 2;
  const Var blocks = permute(reshape(x, {b, c, h, 2, w, 2}), {0, 1, 3, 5, 2, 4});
  return {reshape(blocks, {b, 4 * c, h, w}), zeros({b})};
}

Data Squeeze::g(const Var& z, const Var&) const {
  check(z.dim() == 4 && z.size(1) % 4 == 0, "Squeeze: [B, 4 C, H, W] expected, not ", z.shape());
  const int64_t b = z.size(0), c = z.size(1) / 4, h = z.size(2), w = z.size(3);
  const Var blocks = permute(reshape(z, {b, c, 2, 2, h, w}), {0, 1, 4, 2, 5, 3});
  return {reshape(blocks, {b, c, 2 * h, 2 * w}), zeros({b})};
}

// ---- Levels ---------------------------------------------------------------------------------------------------------

namespace {

// What the next level gets of an [C, H, W].
Shape first_half(Shape s) {
  s[0] = int32_t(s[0] - s[0] / 2);
  return s;
}
Var flat(const Var& x) { return reshape(x, {x.size(0), -1}); }

}  // namespace

std::vector<Shape> Multiscale::shapes() const {
  std::vector<Shape> list;
  for (const AnyBijector& level : levels)
    list.push_back(level->latent_shape(list.empty() ? image : first_half(list.back())));
  return list;
}

Multiscale& Multiscale::add(AnyBijector level) {
  const std::vector<Shape> before = shapes();
  const Shape in = before.empty() ? image : first_half(before.back()), out = level->latent_shape(in);
  check(out.rank() == 3 && out.numel() == in.numel(), "Multiscale: a level turns ", in, " into ", out);
  check(levels.empty() || before.back()[0] >= 2, "Multiscale: one channel cannot be split for another level");
  levels.push_back(std::move(level));
  return *this;
}

void Multiscale::members(nn::Visitor& visit) {
  for (size_t i = 0; i < levels.size(); ++i) visit(std::to_string(i), *levels[i]);
}

Shape Multiscale::latent_shape(const Shape& s) const {
  check(s == image, "Multiscale: images ", image, " expected, not ", s);
  return {image.numel()};
}

Latent Multiscale::f(const Var& x, const Var& context) const {
  check(x.dim() == 4 && Shape(std::span(x.shape().begin() + 1, 3)) == image, "Multiscale: images ", image,
        " expected, not ", x.shape());
  std::vector<Var> out;
  Var h = x, log_det = zeros({x.size(0)});
  for (size_t i = 0; i < levels.size(); ++i) {
    const Latent l = levels[i]->forward(h, context);
    log_det = log_det + l.log_det;
    const int64_t channels = l.z.size(1), kept = i + 1 < levels.size() ? channels - channels / 2 : 0;
    out.push_back(flat(kept ? slice(l.z, 1, kept, channels) : l.z));
    if (kept) h = slice(l.z, 1, 0, kept);
  }
  return {concat(out, 1), log_det};
}

Data Multiscale::g(const Var& z, const Var& context) const {
  check(z.dim() == 2 && z.size(1) == image.numel(), "Multiscale: [B, ", image.numel(), "] expected, not ", z.shape());
  const std::vector<Shape> outs = shapes();
  Var h, log_det = zeros({z.size(0)});
  int64_t end = z.size(1);
  for (size_t i = levels.size(); i-- > 0;) {
    const Shape& s = outs[i];
    const int64_t leaving = i + 1 < levels.size() ? s[0] / 2 : s[0], numel = leaving * s[1] * s[2];
    const Var part = reshape(slice(z, 1, end - numel, end), {z.size(0), leaving, s[1], s[2]});
    const Data d = levels[i]->inverse(h ? concat({h, part}, 1) : part, context);
    h = d.x, log_det = log_det + d.log_det, end -= numel;
  }
  return {h, log_det};
}

}  // namespace bijou::flows
