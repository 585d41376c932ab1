#include "tensor/npy.h"

#include <cstring>

#include "tensor/elements.h"
#include "tensor/zip.h"

namespace bijou {
namespace {

constexpr char kMagic[] = "\x93NUMPY";
constexpr size_t kMagicSize = 6, kAlignment = 64;

struct Header {
  Element element = Element::kF32;
  bool big_endian = false, fortran_order = false;
  std::vector<int64_t> sizes;
};

// Reads the little of Python's syntax that a header uses.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  Header parse() {
    Header header;
    bool has_type = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr") has_type = true, parse_type(quoted(), header);
      else if (key == "fortran_order") has_order = true, header.fortran_order = boolean();
      else if (key == "shape") has_shape = true, header.sizes = tuple();
      else fail(name_, ": unknown key '", std::string(key), "' in the header");
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    check(at_ == text_.size() && has_type && has_order && has_shape, name_,
          ": the header is not one dictionary of descr, fortran_order and shape");
    return header;
  }

 private:
  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char c) {
    skip_spaces();
    const bool found = at_ < text_.size() && text_[at_] == c;
    at_ += found;
    return found;
  }
  void expect(char c) { check(accept(c), name_, ": '", c, "' expected at byte ", at_, " of the header"); }

  std::string_view quoted() {
    const char quote = accept('"') ? '"' : '\'';
    if (quote == '\'') expect(quote);
    const size_t end = text_.find(quote, at_);
    check(end != text_.npos, name_, ": a string without an end in the header");
    const std::string_view inside = text_.substr(at_, end - at_);
    at_ = end + 1;
    return inside;
  }
  bool boolean() {
    skip_spaces();
    for (const std::string_view word : {"True", "False"}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return word == "True";
    }
    fail(name_, ": True or False expected at byte ", at_, " of the header");
  }
  int64_t integer() {
    skip_spaces();
    int64_t value = 0;
    const size_t first = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
      check(!__builtin_mul_overflow(value, 10, &value) && !__builtin_add_overflow(value, text_[at_] - '0', &value),
            name_, ": a size in the header is too large");
    }
    check(at_ > first, name_, ": a number expected at byte ", at_, " of the header");
    return value;
  }
  std::vector<int64_t> tuple() {  // (), (2,), (2, 3)
    std::vector<int64_t> sizes;
    expect('(');
    while (!accept(')')) {
      sizes.push_back(integer());
      if (accept(',')) continue;
      expect(')');
      break;
    }
    return sizes;
  }
  void parse_type(std::string_view type, Header& header) {  // byte order, kind, bytes: "<f4"
    static constexpr std::pair<std::string_view, Element> kTypes[] = {
        {"b1", Element::kBool}, {"i1", Element::kI8},  {"u1", Element::kU8},  {"i2", Element::kI16},
        {"u2", Element::kU16},  {"i4", Element::kI32}, {"u4", Element::kU32}, {"i8", Element::kI64},
        {"u8", Element::kU64},  {"f2", Element::kF16}, {"f4", Element::kF32}, {"f8", Element::kF64}};
    const char order = type.empty() ? '?' : type[0];
    for (const auto& [kind, element] : kTypes) {
      if (std::string_view("<>=|").find(order) == std::string_view::npos || type.substr(1) != kind) continue;
      header.element = element;
      header.big_endian = order == '>';
      return;
    }
    fail(name_, ": numbers of type '", std::string(type), "' are not supported");
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0;
};

// Column-major numbers to row-major: the file holds the array with its axes reversed.
template <class T>
Array<T> from_fortran(const Array<T>& reversed, const Shape& shape) {
  Array<T> out(shape);
  Shape position = shape;  // an odometer, counting in row-major order
  for (int a = 0; a < shape.rank(); ++a) position[a] = 0;
  T* to = out.mutable_data();
  for (int64_t i = 0; i < out.numel(); ++i) {
    int64_t offset = 0;
    for (int a = shape.rank() - 1; a >= 0; --a) offset = offset * shape[a] + position[a];
    to[i] = reversed.data()[offset];
    for (int a = shape.rank() - 1; a >= 0 && ++position[a] == shape[a]; --a) position[a] = 0;
  }
  return out;
}

template <class T>
Array<T> parse(ByteView file, const std::string& name) {
  check(file.size() >= kMagicSize + 2 && std::memcmp(file.data(), kMagic, kMagicSize) == 0, name, ": not an .npy file");
  const int version = file[kMagicSize];
  check(version >= 1 && version <= 3, name, ": .npy version ", version, ", 1 to 3 expected");
  const size_t length_at = kMagicSize + 2, header_at = length_at + (version == 1 ? 2 : 4);
  check(file.size() >= header_at, name, ": cut off in the header");
  size_t length = 0;
  for (size_t i = header_at; i-- > length_at;) length = length << 8 | file[i];
  check(length <= file.size() - header_at, name, ": cut off in the header");
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + header_at, length);
  const Header header = HeaderParser(text, name).parse();

  const ByteView data = file.subspan(header_at + length);
  const Shape shape = checked_shape(header.sizes, header.element, data.size(), name);
  if (!header.fortran_order) return decode<T>(data, shape, header.element, header.big_endian, name);
  const Shape reversed(std::vector<int64_t>(header.sizes.rbegin(), header.sizes.rend()));
  return from_fortran(decode<T>(data, reversed, header.element, header.big_endian, name), shape);
}

// All that goes before the numbers.
template <class T>
std::string header_of(const Array<T>& x) {
  std::string header = std::string("{'descr': '<") + (std::is_integral_v<T> ? "i" : "f") + std::to_string(sizeof(T)) +
                       "', 'fortran_order': False, 'shape': (";
  for (int64_t size : x.shape()) header += std::to_string(size) + ", ";
  header += "), }";
  const size_t before = kMagicSize + 4;
  header.resize((before + header.size() + kAlignment) / kAlignment * kAlignment - before - 1, ' ');
  header += '\n';
  return kMagic + std::string{1, 0, char(header.size() & 255), char(header.size() >> 8)} + header;
}

ByteView view(const std::string& s) { return {reinterpret_cast<const uint8_t*>(s.data()), s.size()}; }

template <class T>
void save(const std::string& path, const Array<T>& x) {
  FileWriter file(path);
  file.write(view(header_of(x)));
  file.write(bytes_of(x));
  file.commit();
}

}  // namespace

Tensor parse_npy(ByteView file, const std::string& name) { return parse<real>(file, name); }
Indices parse_npy_indices(ByteView file, const std::string& name) { return parse<index>(file, name); }
Tensor load_npy(const std::string& path) { return parse_npy(read_file(path), path); }
Indices load_npy_indices(const std::string& path) { return parse_npy_indices(read_file(path), path); }
void save_npy(const std::string& path, const Tensor& x) { save(path, x); }
void save_npy(const std::string& path, const Indices& x) { save(path, x); }

NamedTensors parse_npz(ByteView file, const std::string& name) {
  NamedTensors tensors;
  for (const ZipEntry& entry : read_zip(file, name)) {
    const std::string inner = name + ": " + entry.name;
    check(entry.name.ends_with(".npy"), inner, ": only .npy members are expected");
    tensors.emplace_back(entry.name.substr(0, entry.name.size() - 4), parse_npy(entry.bytes, inner));
  }
  return tensors;
}

NamedTensors load_npz(const std::string& path) { return parse_npz(read_file(path), path); }

void save_npz(const std::string& path, const NamedTensors& tensors) {
  ZipWriter zip(path);
  for (const auto& [name, x] : tensors) zip.add(name + ".npy", view(header_of(x)), bytes_of(x));
  zip.commit();
}

}  // namespace bijou
