#include "ssl/augmentation.h"

#include "tensor/indexing.h"

namespace bijou::ssl {

namespace {

void check_batch(const Tensor& x, const Indices& ids, int64_t variants) {
  check(x.dim() == 4, "Augmentation: a batch [B, C, H, W] expected; the shape is ", x.shape());
  check(ids.shape() == Shape({x.size(0)}), "Augmentation: ", x.size(0), " ids expected; their shape is ", ids.shape());
  for (const bijou::index id : ids)
    check(id >= 0 && id < variants, "Augmentation: there is no variant ", id, " among ", variants);
}

// `on` where it is chosen, x elsewhere.
template <class Chosen>
Tensor chosen(const Tensor& x, const Tensor& on, const Chosen& is_on) {
  const int64_t n = image_size(x).numel();
  return each_image(
      x, [&](int64_t i, const real* in, real* out) { std::copy_n(is_on(i) ? on.data() + i * n : in, n, out); });
}

}  // namespace

Tensor Augmentation::operator()(const Tensor& x, const Indices& ids, Generator& g) const {
  check_batch(x, ids, variants);
  return apply(x, ids, g);
}

Tensor Augmentation::operator()(const Tensor& x, Generator& g) const { return (*this)(x, draw(x.size(0), g), g); }

Tensor Augmentation::inverse(const Tensor& y, const Indices& ids) const {
  check(bool(undo), "Augmentation: this one cannot be undone");
  check_batch(y, ids, variants);
  return undo(y, ids);
}

Indices Augmentation::draw(int64_t n, Generator& g) const {
  return variants == 1 ? same_id(n, 0) : randint({n}, 0, variants, g);
}

Indices same_id(int64_t n, bijou::index id) {
  Indices ids({n});
  ids.fill(id);
  return ids;
}

Indices part_ids(const std::vector<Augmentation>& parts, size_t k, const Indices& ids) {
  int64_t before = 1;
  for (size_t j = 0; j < k; ++j) before *= parts[j].variants;
  Indices result(ids.shape());
  for (int64_t i = 0; i < ids.numel(); ++i)
    result.mutable_data()[i] = bijou::index(ids.data()[i] / before % parts[k].variants);
  return result;
}

Augmentation compose(std::vector<Augmentation> parts) {
  int64_t variants = 1;
  bool invertible = true;
  for (const Augmentation& part : parts) variants *= part.variants, invertible = invertible && part.undo;
  Augmentation whole{.variants = variants, .apply = [parts](const Tensor& x, const Indices& ids, Generator& g) {
                       Tensor y = x;
                       for (size_t k = 0; k < parts.size(); ++k) y = parts[k](y, part_ids(parts, k, ids), g);
                       return y;
                     }};
  if (invertible) {
    whole.undo = [parts](const Tensor& y, const Indices& ids) {
      Tensor x = y;
      for (size_t k = parts.size(); k-- > 0;) x = parts[k].inverse(x, part_ids(parts, k, ids));
      return x;
    };
  }
  return whole;
}

Augmentation identity() { return compose({}); }

Augmentation optional(const Augmentation& drawn) {
  return {.variants = 2, .apply = [drawn](const Tensor& x, const Indices& ids, Generator& g) {
            return chosen(x, drawn(x, g), [&](int64_t i) { return ids.data()[i] == 1; });
          }};
}

Augmentation sometimes(double p, const Augmentation& drawn) {
  return {.apply = [=](const Tensor& x, const Indices&, Generator& g) {
    const Tensor u = rand({x.size(0)}, g);
    return chosen(x, drawn(x, g), [&](int64_t i) { return u.data()[i] < p; });
  }};
}

}  // namespace bijou::ssl
