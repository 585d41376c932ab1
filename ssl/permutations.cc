#include "ssl/permutations.h"

#include <numeric>

namespace bijou::ssl {

namespace {

using Table = std::vector<int32_t>;  // output number p is input number table[p]

// The order number `id` of 0 .. n-1, in lexical order: 0 is 0, 1, 2, ...
std::vector<int64_t> order(int64_t n, int64_t id) {
  std::vector<int64_t> result(static_cast<size_t>(n));
  std::iota(result.begin(), result.end(), 0);
  while (id-- > 0) std::next_permutation(result.begin(), result.end());
  return result;
}

// source(id, size, c, y, x): the number that stands at (c, y, x) in variant `id`.
template <class Source>
Augmentation permutation(int64_t variants, const Source& source) {
  auto tables = [=](const Tensor& x, const Indices& ids) {
    const ImageSize size = image_size(x);
    std::vector<Table> result(static_cast<size_t>(variants));
    for (const bijou::index id : ids) {
      Table& table = result[size_t(id)];
      if (!table.empty()) continue;
      const auto from = source(id, size);
      for (int64_t c = 0; c < size.channels; ++c)
        for (int64_t y = 0; y < size.height; ++y)
          for (int64_t x = 0; x < size.width; ++x) table.push_back(int32_t(from(c, y, x)));
    }
    return result;
  };
  return {.variants = variants,
          .apply =
              [=](const Tensor& x, const Indices& ids, Generator&) {
                const std::vector<Table> all = tables(x, ids);
                return each_image(x, [&](int64_t i, const real* in, real* out) {
                  const Table& table = all[size_t(ids.data()[i])];
                  for (size_t p = 0; p < table.size(); ++p) out[p] = in[table[p]];
                });
              },
          .undo =
              [=](const Tensor& y, const Indices& ids) {
                const std::vector<Table> all = tables(y, ids);
                return each_image(y, [&](int64_t i, const real* in, real* out) {
                  const Table& table = all[size_t(ids.data()[i])];
                  for (size_t p = 0; p < table.size(); ++p) out[table[p]] = in[p];
                });
              }};
}

void check_square(const char* name, const ImageSize& s) {
  check(s.height == s.width, name, ": square images expected; these are ", s.height, " x ", s.width);
}

}  // namespace

Augmentation rotations() {
  return permutation(4, [](int64_t id, const ImageSize& s) {
    check_square("rotations", s);
    return [=](int64_t c, int64_t y, int64_t x) {
      for (int64_t turn = 0; turn < id; ++turn) y = std::exchange(x, s.width - 1 - y);
      return (c * s.height + y) * s.width + x;
    };
  });
}

Augmentation transposition() {
  return permutation(2, [](int64_t id, const ImageSize& s) {
    check_square("transposition", s);
    return [=](int64_t c, int64_t y, int64_t x) {
      return id ? (c * s.height + x) * s.width + y : (c * s.height + y) * s.width + x;
    };
  });
}

Augmentation reversal() {
  return permutation(2, [](int64_t id, const ImageSize& s) {
    return [=](int64_t c, int64_t y, int64_t x) {
      const int64_t p = y * s.width + x;
      return c * s.plane() + (id ? s.plane() - 1 - p : p);
    };
  });
}

Augmentation mirror() {
  return permutation(2, [](int64_t id, const ImageSize& s) {
    return [=](int64_t c, int64_t y, int64_t x) { return (c * s.height + y) * s.width + (id ? s.width - 1 - x : x); };
  });
}

Augmentation jigsaw() {
  return permutation(24, [](int64_t id, const ImageSize& s) {
    check(s.height % 2 == 0 && s.width % 2 == 0, "jigsaw: even sizes expected; these are ", s.height, " x ", s.width);
    return [s, pieces = order(4, id)](int64_t c, int64_t y, int64_t x) {
      const int64_t h = s.height / 2, w = s.width / 2, from = pieces[size_t(y / h * 2 + x / w)];
      return (c * s.height + from / 2 * h + y % h) * s.width + from % 2 * w + x % w;
    };
  });
}

Augmentation channel_orders() {
  return permutation(6, [](int64_t id, const ImageSize& s) {
    check(s.channels == 3, "channel_orders: three channels expected, not ", s.channels);
    return [s, channels = order(3, id)](int64_t c, int64_t y, int64_t x) {
      return (channels[size_t(c)] * s.height + y) * s.width + x;
    };
  });
}

Augmentation pixel_orders(int64_t count, uint64_t seed) {
  return permutation(count + 1, [seed](int64_t id, const ImageSize& s) {
    Generator g = Generator(seed).fork(uint64_t(id));
    const Indices places = id ? randperm(s.plane(), g) : index_range(s.plane());
    return [s, places](int64_t c, int64_t y, int64_t x) { return c * s.plane() + places.data()[y * s.width + x]; };
  });
}

}  // namespace bijou::ssl
