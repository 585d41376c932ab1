#include "examples/support/images.h"

#include <png.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tensor/files.h"

namespace bijou::support {
namespace {

constexpr double kPi = 3.14159265358979323846;

uint8_t to_byte(double x) { return x > 0 ? uint8_t(std::lround(255 * std::min(x, 1.))) : 0; }  // NaN is 0

// sRGB's curve: from light, which adds up, to the numbers that screens take.
double screen_value(double light) {
  const double x = std::clamp(light, 0., 1.);
  return x <= 0.0031308 ? 12.92 * x : 1.055 * std::pow(x, 1 / 2.4) - 0.055;
}

}  // namespace

void write_png(const std::string& path, const Tensor& image, int scale) {
  const int64_t channels = image.dim() == 3 ? image.size(0) : 1;
  check((image.dim() == 2 || image.dim() == 3) && (channels == 1 || channels == 3) && image.numel() > 0 && scale >= 1,
        "write_png: [h, w], [1, h, w] or [3, h, w] expected, the image is ", image.shape());
  const int64_t h = image.size(-2), w = image.size(-1);
  std::vector<uint8_t> pixels(size_t(h * w * channels * scale * scale));
  uint8_t* out = pixels.data();
  for (int64_t y = 0; y < h * scale; ++y)
    for (int64_t x = 0; x < w * scale; ++x)
      for (int64_t c = 0; c < channels; ++c) *out++ = to_byte(image.data()[(c * h + y / scale) * w + x / scale]);

  png_image png = {};
  png.version = PNG_IMAGE_VERSION;
  png.width = png_uint_32(w * scale);
  png.height = png_uint_32(h * scale);
  png.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  png_alloc_size_t bytes = PNG_IMAGE_PNG_SIZE_MAX(png);
  Bytes file(bytes);
  check(png_image_write_to_memory(&png, file.data(), &bytes, 0, pixels.data(), 0, nullptr), "write_png: ", path, ": ",
        png.message);
  file.resize(bytes);
  write_file(path, file);
}

Tensor image_grid(const Tensor& images, const GridOptions& options) {
  check(images.dim() == 4 && images.size(0) > 0, "image_grid: [n, c, h, w] expected, the images are ", images.shape());
  const int64_t n = images.size(0), c = images.size(1), h = images.size(2), w = images.size(3), pad = options.padding;
  const int64_t columns = options.columns > 0 ? options.columns : int64_t(std::ceil(std::sqrt(double(n))));
  const int64_t rows = (n + columns - 1) / columns;
  Tensor grid = full({c, pad + rows * (h + pad), pad + columns * (w + pad)}, options.background);
  real* out = grid.mutable_data();
  for (int64_t i = 0; i < n; ++i)
    for (int64_t ch = 0; ch < c; ++ch)
      for (int64_t y = 0; y < h; ++y) {
        const int64_t row = pad + i / columns * (h + pad) + y, column = pad + i % columns * (w + pad);
        std::copy_n(images.data() + ((i * c + ch) * h + y) * w, w,
                    out + (ch * grid.size(1) + row) * grid.size(2) + column);
      }
  return grid;
}

// A path through Oklab (Ottosson, 2020), where lightness, hue and chroma are what the eye finds them to be: lightness
// grows evenly with t, while the hue turns from violet over blue and green to yellow. The chroma keeps just inside of
// what a screen can show; beyond, colours would be clipped and the eye would see edges that are not there.
Color heat_color(double t) {
  const double lightness = 0.18 + 0.77 * t, hue = (305 - 200 * t) * kPi / 180;
  const double chroma = 0.088 + 0.07 * t * t * t * t;
  const double a = chroma * std::cos(hue), b = chroma * std::sin(hue);
  const double l = std::pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
  const double m = std::pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
  const double s = std::pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
  return {screen_value(+4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
          screen_value(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
          screen_value(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

Tensor heat_map(const Tensor& values, const HeatOptions& options) {
  check(values.dim() == 2, "heat_map: [h, w] expected, the values are ", values.shape());
  double low = options.low, high = options.high;
  if (low == high) {
    low = INFINITY, high = -INFINITY;
    for (double v : values)
      if (std::isfinite(v)) low = std::min(low, v), high = std::max(high, v);
  }
  Tensor image({3, values.size(0), values.size(1)});
  const int64_t n = values.numel();
  real* out = image.mutable_data();
  for (int64_t i = 0; i < n; ++i) {
    const double v = values.data()[i];
    const double t = high > low ? std::clamp((v - low) / (high - low), 0., 1.) : 0;
    const Color color = std::isnan(v) ? Color{0.5, 0.5, 0.5} : heat_color(t);
    out[i] = real(color.red), out[n + i] = real(color.green), out[2 * n + i] = real(color.blue);
  }
  return image;
}

}  // namespace bijou::support
