#include "examples/support/table.h"

#include <charconv>
#include <cmath>
#include <optional>

#include "tensor/elementwise.h"
#include "tensor/indexing.h"
#include "tensor/layout.h"
#include "tensor/npy.h"

namespace bijou::support {
namespace {

// ---- Text -----------------------------------------------------------------------------------------------------------

using Fields = std::vector<std::string_view>;

// Between separators, without the spaces and quotes around them. Where spaces separate, several are one.
Fields split_line(std::string_view line, char separator) {
  Fields fields;
  for (size_t at = 0; at <= line.size();) {
    const size_t end = std::min(line.find(separator, at), line.size());
    std::string_view field = line.substr(at, end - at);
    const size_t first = field.find_first_not_of(" \"'"), last = field.find_last_not_of(" \"'");
    field = first == field.npos ? std::string_view() : field.substr(first, last - first + 1);
    if (separator != ' ' || !field.empty()) fields.push_back(field);
    at = end + 1;
  }
  return fields;
}

char separator_of(std::string_view line) {
  for (char c : {',', ';', '\t'})
    if (line.find(c) != line.npos) return c;
  return ' ';
}

std::optional<double> number_in(std::string_view field) {
  if (field.starts_with('+')) field.remove_prefix(1);
  double number;
  const auto [stop, error] = std::from_chars(field.data(), field.data() + field.size(), number);
  if (error != std::errc() || stop != field.data() + field.size()) return {};
  return number;
}

// Line numbers and the lines that are not empty.
std::vector<std::pair<int64_t, std::string_view>> lines_of(const File& text) {
  std::string_view rest(reinterpret_cast<const char*>(text.bytes.data()), text.bytes.size());
  std::vector<std::pair<int64_t, std::string_view>> lines;
  for (int64_t number = 1; !rest.empty(); ++number) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") != line.npos) lines.emplace_back(number, line);
  }
  return lines;
}

std::string column_name(size_t i) { return "column " + std::to_string(i + 1); }

// ---- Preparation ----------------------------------------------------------------------------------------------------

std::vector<real> distinct(const Tensor& column) {
  std::vector<real> values(column.begin(), column.end());
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

real median_gap(const std::vector<real>& ascending) {
  std::vector<real> gaps;
  for (size_t i = 1; i < ascending.size(); ++i) gaps.push_back(ascending[i] - ascending[i - 1]);
  std::nth_element(gaps.begin(), gaps.begin() + std::ptrdiff_t(gaps.size() / 2), gaps.end());
  return gaps[gaps.size() / 2];
}

constexpr int64_t kDrawn = 6;                                // columns of draw_table()
constexpr real kCorrelation = real(0.6), kRest = real(0.8);  // 0.6² + 0.8² = 1

}  // namespace

Table parse_table(const File& text) {
  const auto lines = lines_of(text);
  check(!lines.empty(), text.name, ": there is nothing in it");
  const char separator = separator_of(lines[0].second);
  const Fields head = split_line(lines[0].second, separator);
  const bool named =
      std::none_of(head.begin(), head.end(), [](std::string_view f) { return number_in(f).has_value(); });
  check(lines.size() > size_t(named), text.name, ": there are no rows under the names");
  const Fields first = split_line(lines[named].second, separator);
  Table table;
  std::vector<size_t> numeric;
  for (size_t c = 0; c < first.size(); ++c)
    if (number_in(first[c])) {
      numeric.push_back(c);
      table.names.push_back(named && c < head.size() ? std::string(head[c]) : column_name(c));
    }
  check(!numeric.empty(), text.name, ": line ", lines[named].first, " has no numbers");
  table.x = Tensor({int64_t(lines.size()) - named, int64_t(numeric.size())});
  real* out = table.x.mutable_data();
  for (size_t l = named; l < lines.size(); ++l) {
    const auto& [line, content] = lines[l];
    const Fields fields = split_line(content, separator);
    check(fields.size() == first.size(), text.name, ": line ", line, " has ", fields.size(), " columns, ", first.size(),
          " expected");
    for (const size_t c : numeric) {
      const std::optional<double> value = number_in(fields[c]);
      check(value && std::isfinite(*value), text.name, ": line ", line, ", ", column_name(c),
            ": a number expected, not '", std::string(fields[c]), "'");
      *out++ = real(*value);
    }
  }
  return table;
}

Table load_table(const std::string& path) {
  if (!path.ends_with(".npy")) return parse_table({path, read_file(path)});
  Table table{{}, load_npy(path)};
  check(table.x.dim() == 2 && table.x.numel() > 0, path, ": a table expected, not an array of shape ", table.x.shape());
  check(all_finite(table.x), path, ": there are numbers in it that are not finite");
  for (int64_t c = 0; c < table.x.size(1); ++c) table.names.push_back(column_name(size_t(c)));
  return table;
}

TableSets prepare(const Table& table) {
  const int64_t n = table.x.size(0);
  check(n >= 100, "a table of ", n, " rows; 100 are needed for training, validation and test");
  Generator g(0);
  Tensor columns = transpose(index_select(table.x, 0, randperm(n, g)), 0, 1);
  TableSets sets;
  std::vector<index> kept;
  for (int64_t c = 0; c < columns.size(0); ++c) {
    const std::string& name = table.names[size_t(c)];
    Tensor column = columns.row(c);
    const std::vector<real> values = distinct(column);
    const std::string few = name + " has " + std::to_string(values.size()) + " different numbers and ";
    if (values.size() < 10) {
      sets.notes.push_back(few + "is left out");
      continue;
    }
    if (n >= 5 * int64_t(values.size())) {
      const real gap = median_gap(values);
      column.copy_from(column + uniform({n}, 0, gap, g));
      sets.notes.push_back(few + "gets noise of width " + std::to_string(gap));
    }
    kept.push_back(index(c)), sets.names.push_back(name);
  }
  check(!kept.empty(), "a table where every column has fewer than ten different numbers");
  Tensor x = transpose(index_select(columns, 0, Indices::from(kept)), 0, 1);
  const int64_t known = n - n / 10, learnt = known - known / 10;
  sets.mean = mean(x.rows(0, known), 0);
  sets.std = sqrt(mean(square(x.rows(0, known) - sets.mean), 0));
  x = (x - sets.mean) / sets.std;
  sets.train = x.rows(0, learnt), sets.valid = x.rows(learnt, known), sets.test = x.rows(known, n);
  return sets;
}

// e normal -> z_i = 0.6 z_{i-1} + 0.8 e_i -> odd columns += z²_{i-1} - 1 -> even columns += sin(2 x_{i+3}).
Table draw_table(int64_t n, Generator g) {
  Table table{{"a", "b", "c", "d", "e", "f"}, randn({n, kDrawn}, g)};
  for (real *x = table.x.mutable_data(), *end = x + n * kDrawn; x < end; x += kDrawn) {
    for (int i = 1; i < kDrawn; ++i) x[i] = kCorrelation * x[i - 1] + kRest * x[i];
    for (int i = 1; i < kDrawn; i += 2) x[i] += x[i - 1] * x[i - 1] - 1;
    for (int i = 0; i < kDrawn; i += 2) x[i] += std::sin(2 * x[(i + 3) % kDrawn]);
  }
  return table;
}

Tensor drawn_log_density(const Tensor& x) {
  check(x.dim() == 2 && x.size(1) == kDrawn, "drawn_log_density: rows of ", kDrawn, " numbers expected, not ",
        x.shape());
  Tensor log_p({x.size(0)});
  for (int64_t r = 0; r < x.size(0); ++r) {
    real z[kDrawn];
    std::copy_n(x.row(r).data(), kDrawn, z);
    for (int i = 0; i < kDrawn; i += 2) z[i] -= std::sin(2 * z[(i + 3) % kDrawn]);
    for (int i = 1; i < kDrawn; i += 2) z[i] -= z[i - 1] * z[i - 1] - 1;
    double total = 0;
    for (int i = 0; i < kDrawn; ++i) {
      const double e = i ? double((z[i] - kCorrelation * z[i - 1]) / kRest) : double(z[0]);
      total -= 0.5 * e * e + 0.5 * std::log(2 * M_PI) + (i ? std::log(double(kRest)) : 0);
    }
    log_p.mutable_data()[r] = real(total);
  }
  return log_p;
}

}  // namespace bijou::support
