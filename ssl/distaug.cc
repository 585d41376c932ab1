#include "ssl/distaug.h"

#include "autograd/elementwise.h"
#include "tensor/elementwise.h"

namespace bijou::ssl {
namespace {

std::vector<Augmentation> parts(const std::vector<DistAug::Type>& types) {
  std::vector<Augmentation> list;
  for (const DistAug::Type& type : types) list.push_back(type.t);
  return list;
}

}  // namespace

DistAug::DistAug(Options o) : options(std::move(o)), all_(compose(parts(options.types))) {
  check(options.plain >= 0 && options.plain <= 1, "DistAug: plain = ", options.plain, " is not in [0, 1]");
  for (const Type& type : options.types) {
    check(type.t.variants >= 2, "DistAug: ", type.name, " has nothing but the identity");
    check(type.rate >= 0 && type.rate <= 1, "DistAug: the rate ", type.rate, " of ", type.name, " is not in [0, 1]");
    embeddings.push_back(nn::Embedding({.count = type.t.variants - 1, .dim = options.dim}));
  }
}

Indices DistAug::draw(int64_t n, Generator& g) const {
  Indices ids = all_.draw(n, g);
  int64_t before = 1;
  for (const Type& type : options.types) {
    const int64_t variants = type.t.variants;
    if (type.rate > 0) {  // this part of the ids is drawn again
      const Tensor u = rand({n}, g);
      const Indices others = randint({n}, 1, variants, g);
      for (int64_t i = 0; i < n; ++i) {
        bijou::index& id = ids.mutable_data()[i];
        const int64_t which = u.data()[i] < type.rate ? others.data()[i] : 0;
        id += bijou::index((which - id / before % variants) * before);
      }
    }
    before *= variants;
  }
  const Tensor u = rand({n}, g);
  for (int64_t i = 0; i < n; ++i)
    if (u.data()[i] < options.plain) ids.mutable_data()[i] = 0;
  return ids;
}

Tensor DistAug::transform(const Tensor& x, const Indices& ids, Generator& g) const { return all_(x, ids, g); }
Tensor DistAug::undo(const Tensor& y, const Indices& ids) const { return all_.inverse(y, ids); }

void DistAug::check_ids(const Indices& ids) const {
  for (const bijou::index id : ids)
    check(id >= 0 && id < variants(), "DistAug: there is no variant ", id, " among ", variants());
}

Var DistAug::condition(const Indices& ids) const {
  check_ids(ids);
  Var sum = zeros({ids.numel(), options.dim});
  if (!options.conditioned) return sum;
  for (size_t k = 0; k < embeddings.size(); ++k) {
    Indices which = part_ids(parts(options.types), k, ids);
    Tensor on({ids.numel(), 1});
    for (int64_t i = 0; i < ids.numel(); ++i) {
      on.mutable_data()[i] = which.data()[i] > 0;
      which.mutable_data()[i] = std::max(which.data()[i] - 1, 0);
    }
    sum = sum + embeddings[k](which) * Var(on);
  }
  return sum;
}

Indices DistAug::places(const Shape& shape, const Indices& ids) const {
  check(shape.rank() == 4, "DistAug: a shape [B, C, H, W] expected, not ", shape);
  check_ids(ids);
  const int64_t batch = shape[0], channels = shape[1], pixels = shape[2] * shape[3];
  Tensor x(shape);  // each number says where it is
  for (int64_t i = 0; i < x.numel(); ++i) x.mutable_data()[i] = real(i % pixels * channels + i / pixels % channels);
  for (size_t k = 0; k < options.types.size(); ++k)
    if (options.conditioned && options.permuted && options.types[k].moves_pixels)
      x = options.types[k].t(x, part_ids(parts(options.types), k, ids));
  Indices result(Shape{batch, channels * pixels});
  for (int64_t i = 0; i < x.numel(); ++i) {
    const int64_t at = i / (pixels * channels) * pixels * channels + i % pixels * channels + i / pixels % channels;
    result.mutable_data()[at] = bijou::index(x.data()[i]);
  }
  return result;
}

Tensor log_prob_of_views(const DistAug& aug, const ConditionalDensity& log_p, const Tensor& x, const Indices& ids) {
  for (const DistAug::Type& type : aug.options.types)
    check(type.moves_pixels, "log_prob_of_views: ", type.name, " is not a permutation of pixels");
  check(ids.numel() > 0, "log_prob_of_views: no views");
  const NoGrad guard;
  std::vector<Tensor> views;
  for (const bijou::index id : ids) {
    const Indices same = same_id(x.size(0), id);
    views.push_back(log_p(aug.transform(x, same), same).value());
  }
  return logsumexp(stack(views, 0), 0) - real(std::log(double(ids.numel())));
}

}  // namespace bijou::ssl
