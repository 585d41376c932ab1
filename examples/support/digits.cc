// A digit is a few strokes of a pen, a stroke a smooth curve through its points: between p1 and p2 runs the cubic
// Bezier with the inner control points p1 + (p2 - p0)/6 and p2 - (p3 - p1)/6 (Catmull-Rom). Each image picks one of
// several ways to write its digit, shakes the points, then slants, turns, stretches and places the whole, and inks
// every pixel by its distance to the nearest stroke.
#include "examples/support/digits.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "tensor/parallel.h"

namespace bijou::support {
namespace {

constexpr int kSide = 28, kPixels = kSide * kSide;
constexpr int kPieces = 6;  // straight pieces for each Bezier

struct Point {
  float x, y;
  bool operator==(const Point&) const = default;
};
Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
Point operator*(float s, Point a) { return {s * a.x, s * a.y}; }

using Stroke = std::vector<Point>;  // where the pen goes without being lifted
using Glyph = std::vector<Stroke>;  // one way to write a digit

// The points x,y in a box of 10 x 10, y downwards; two blanks lift the pen, and a point written twice is a corner.
const std::vector<const char*> kWays[10] = {
    {"5,0 2,2 1.5,6 3.5,9.7 6.8,9.2 8.3,5 7.2,1.3 4.8,0.1",
     "6.2,0.8 3.5,0.6 1.6,4 2.4,8.8 5.2,10 8,7.5 8,3 6.3,0.4 4.8,0.2",
     "3.5,0.8 2.5,5 4,9.6 6.5,9 7.3,4.5 5.8,0.6 3.2,1.2"},
    {"5,0 5,5 5,10", "3,2.4 5.2,0 5.2,0 5.1,5 5,10", "2.8,2.2 5.2,0 5.2,0 5.1,5 5,10  2.8,10 5,9.9 7.4,10"},
    {"2,2.6 3.4,0.4 6.4,0.3 7.4,2.8 5.4,6 2,9.9 2,9.9 5,9.8 8.2,9.9",
     "2,2.2 4,0.2 6.8,0.8 7,3.8 4.6,7.8 2.3,9.6 1.6,8.6 3.2,8.1 5.6,9.5 8.6,9.3",
     "2.6,1 5.2,0 7.4,1.6 6.6,4.6 3,8.8 1.8,9.8 1.8,9.8 4.6,8.9 8.4,9.8"},
    {"2,1.5 4.5,0 7,1.2 6.6,3.6 4.2,4.7 4.2,4.7 7.2,5.7 7.6,8.2 5.3,10 2,9",
     "2.2,0.3 7.4,0.2 7.4,0.2 4.4,4.2 4.4,4.2 7.3,5.4 7.5,8.4 5,10 2,9.2",
     "2.4,1.2 5,0.2 6.8,1.8 5,4.4 7,6 6.8,8.8 4.4,10 1.8,8.8"},
    {"2.6,0.2 2,5.6 2,5.6 5,5.7 8.2,5.4  6.6,0.6 6.4,5 6.2,10",
     "6.4,10 6.5,5 6.6,0 6.6,0 1.5,6.6 1.5,6.6 5,6.6 8.6,6.5", "2.2,0.4 2,3.6 3.4,5.4 5.8,5 7.2,3  7.4,0 6.9,5 6.4,10"},
    {"2.8,0.2 2.5,4.6 2.5,4.6 5,3.6 7.4,5.2 7.2,8.4 4.8,10 2,9  2.8,0.2 7.6,0",
     "7.4,0.3 3.6,0.7 2.8,3.8 6,4.8 7.3,7.2 5.2,9.8 2,9.2",
     "7.4,0 3.4,0.2 3.4,0.2 2.6,4.4 2.6,4.4 6,4.4 7.4,7 5.4,9.6 1.8,9.8"},
    {"6.5,0 3.5,2.6 2,6.6 3.4,9.7 6.5,9.5 7.5,7 5.6,5.2 3.2,6 2.1,7.6",
     "4.4,0 3,4 2.6,8 4.6,10 6.8,8.6 5.8,6.4 3.6,6.6 2.7,8", "7,0.6 4,1.6 2.2,5.4 2.8,9 5.6,9.9 7.4,7.6 6,5.4 2.8,6.6"},
    {"2,0.5 5,0.4 8,0.2 8,0.2 5.6,5 4.5,10", "2,0.5 5,0.4 8,0.2 8,0.2 5.6,5 4.5,10  3.6,5.2 7.4,4.9",
     "2,2 2.3,0.4 2.3,0.4 5,1 7.8,0.4 7.8,0.4 7,5 6.4,10"},
    {"5,5 2.8,3.2 3,0.9 5.2,0 7.2,1.3 6.8,3.4 5,5 2.7,7 2.6,9.2 5,10 7.5,8.8 7.3,6.6 5,5",
     "7.2,1.2 5,0 2.8,1.5 3.5,3.8 6.5,6 7,8.6 5,10 2.6,8.8 3.2,6.3 6.2,3.9 7.3,1.4",
     "4.8,0 3,2.2 4.8,4.5 7,2.4 5,0  5,4.5 2.4,7.2 5,10 7.6,7.2 5,4.6"},
    {"7.4,2.6 5.5,0.2 2.8,1.5 2.5,4 5,5 7.4,2.4 7.4,2.4 7,6 5.8,10",
     "7.2,2 5,0.1 2.6,2 3.2,4.8 5.8,4.6 7.3,2.2 7.3,2.2 7.2,6.5 5.8,9.5 3,9.4",
     "6.8,1 4.2,0.4 2.4,3 4,5 6.6,3.2 7,0.8 7,0.8 6.8,5 6.6,10"},
};

Glyph parse_glyph(const char* text) {
  Glyph glyph(1);
  while (*text) {
    if (*text == ' ') glyph.emplace_back();
    char* rest;
    const float x = std::strtof(text, &rest), y = std::strtof(rest + 1, &rest);  // + 1: the comma
    glyph.back().push_back({x, y});
    text = *rest ? rest + 1 : rest;
  }
  return glyph;
}

const std::vector<Glyph>& ways_to_write(int digit) {
  static const auto glyphs = [] {
    std::array<std::vector<Glyph>, 10> all;
    for (size_t d = 0; d < 10; ++d)
      for (const char* way : kWays[d]) all[d].push_back(parse_glyph(way));
    return all;
  }();
  return glyphs[size_t(digit)];
}

// The points of a digit as this writer puts them, in pixels.
Glyph shaky_copy(const Glyph& glyph, Generator& g) {
  const float shake = 0.38f, turn = float(0.12 * g.normal()), slant = float(0.15 + 0.22 * g.normal());
  const float width = float(0.62 + 0.4 * g.uniform()), size = float(1.7 + 0.4 * g.uniform());  // pixels a unit
  const Point middle = {float(13.5 + 1.3 * g.normal()), float(13.5 + 1.3 * g.normal())};
  const float c = std::cos(turn), s = std::sin(turn);
  Glyph copy = glyph;
  for (size_t k = 0; k < glyph.size(); ++k)
    for (size_t i = 0; i < glyph[k].size(); ++i) {
      const Point p = glyph[k][i];
      if (i > 0 && p == glyph[k][i - 1]) {  // a corner stays one
        copy[k][i] = copy[k][i - 1];
        continue;
      }
      const float x = width * (p.x - 5 + shake * float(g.normal())), y = p.y - 5 + shake * float(g.normal());
      const float slanted = x - slant * y;
      copy[k][i] = middle + size * Point{c * slanted - s * y, s * slanted + c * y};
    }
  return copy;
}

// Lowers distance[pixel] to its distance from the straight line a .. b where that is below `reach`.
void draw_line(Point a, Point b, float reach, float* distance) {
  const auto clamp_pixel = [](float v) { return int(std::clamp(v, 0.f, kSide - 1.f)); };
  const int x0 = clamp_pixel(std::ceil(std::min(a.x, b.x) - reach)), x1 = clamp_pixel(std::max(a.x, b.x) + reach);
  const int y0 = clamp_pixel(std::ceil(std::min(a.y, b.y) - reach)), y1 = clamp_pixel(std::max(a.y, b.y) + reach);
  const Point d = b - a;
  const float squared = d.x * d.x + d.y * d.y, scale = squared > 0 ? 1 / squared : 0;
  for (int y = y0; y <= y1; ++y)
    for (int x = x0; x <= x1; ++x) {
      const Point p = Point{float(x), float(y)} - a;
      const float t = std::clamp((p.x * d.x + p.y * d.y) * scale, 0.f, 1.f);  // the nearest point is a + t d
      const Point to = p - t * d;
      distance[y * kSide + x] = std::min(distance[y * kSide + x], std::sqrt(to.x * to.x + to.y * to.y));
    }
}

void draw_stroke(const Stroke& stroke, float reach, float* distance) {
  const auto at = [&](size_t i) { return stroke[std::min(i, stroke.size() - 1)]; };
  for (size_t i = 0; i + 1 < stroke.size(); ++i) {
    const Point p0 = at(i ? i - 1 : 0), p1 = at(i), p2 = at(i + 1), p3 = at(i + 2);
    if (p1 == p2) continue;
    const Point c1 = p1 + (1 / 6.f) * (p2 - p0), c2 = p2 - (1 / 6.f) * (p3 - p1);
    Point last = p1;
    for (int k = 1; k <= kPieces; ++k) {
      const float t = float(k) / kPieces, u = 1 - t;
      const Point next = u * u * u * p1 + 3 * u * u * t * c1 + 3 * u * t * t * c2 + t * t * t * p2;
      draw_line(last, next, reach, distance);
      last = next;
    }
  }
}

void draw_digit(int digit, Generator g, real* pixels) {
  const std::vector<Glyph>& ways = ways_to_write(digit);
  const Glyph glyph = shaky_copy(ways[size_t(g.below(int64_t(ways.size())))], g);
  const float radius = float(0.7 + 1.1 * g.uniform()), ink = float(0.8 + 0.2 * g.uniform());
  float distance[kPixels];
  std::fill_n(distance, kPixels, 1e3f);
  for (const Stroke& stroke : glyph) draw_stroke(stroke, radius + 0.5f, distance);
  for (int i = 0; i < kPixels; ++i) pixels[i] = real(ink * std::clamp(radius + 0.5f - distance[i], 0.f, 1.f));
}

}  // namespace

Dataset draw_digits(int64_t n, const Generator& g) {
  check(n >= 0, "draw_digits: ", n, " images");
  Dataset data{Tensor({n, 1, kSide, kSide}), Indices({n}), {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}};
  real* pixels = data.images.mutable_data();
  index* labels = data.labels.mutable_data();
  parallel_for(n, 100, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      labels[i] = index(i % 10);
      draw_digit(int(i % 10), g.fork(uint64_t(i)), pixels + i * kPixels);
    }
  });
  return data;
}

}  // namespace bijou::support
