#include "tensor/safetensors.h"

#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "tensor/elements.h"

namespace bijou {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kLengthSize = 8, kMaxHeader = 100'000'000;  // the limit of the reference implementation
constexpr char kMetadata[] = "__metadata__";

constexpr std::pair<const char*, Element> kTypes[] = {
    {"BOOL", Element::kBool}, {"I8", Element::kI8},   {"U8", Element::kU8},     {"I16", Element::kI16},
    {"U16", Element::kU16},   {"I32", Element::kI32}, {"U32", Element::kU32},   {"I64", Element::kI64},
    {"U64", Element::kU64},   {"F16", Element::kF16}, {"BF16", Element::kBF16}, {"F32", Element::kF32},
    {"F64", Element::kF64}};

// A JSON object, in which no key comes twice.
Json parse_header(ByteView text, const std::string& name) {
  std::vector<std::set<std::string>> keys;  // of the objects we are inside of
  auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      check(keys.back().insert(key).second, name, ": '", key, "' comes twice in the header");
    }
    return true;
  };
  try {
    Json header = Json::parse(text.begin(), text.end(), watch);
    check(header.is_object(), name, ": the header is not a JSON object");
    return header;
  } catch (const Json::exception& e) {
    fail(name, ": the header is not JSON: ", e.what());
  }
}

// What the header says of one tensor.
struct Entry {
  std::string name;
  Element element;
  std::vector<int64_t> sizes;
  uint64_t begin, end;  // bytes [begin, end) of the data
};

// A JSON array of whole numbers.
std::vector<int64_t> integers(const Json& json, const std::string& what) {
  check(json.is_array(), what, ": an array of whole numbers expected");
  std::vector<int64_t> numbers;
  for (const Json& n : json) {
    check(n.is_number_unsigned() && n.get<uint64_t>() <= uint64_t(INT64_MAX), what,
          ": an array of whole numbers expected");
    numbers.push_back(n.get<int64_t>());
  }
  return numbers;
}

Entry parse_entry(const std::string& key, const Json& json, const std::string& what) {
  check(json.is_object() && json.size() == 3 && json.contains("dtype") && json.contains("shape") &&
            json.contains("data_offsets") && json["dtype"].is_string(),
        what, ": dtype, shape and data_offsets expected");
  Entry entry{key, {}, integers(json["shape"], what), 0, 0};
  const auto& dtype = json["dtype"].get_ref<const std::string&>();
  const auto type = std::find_if(std::begin(kTypes), std::end(kTypes), [&](auto& t) { return t.first == dtype; });
  check(type != std::end(kTypes), what, ": numbers of type '", dtype, "' are not supported");
  entry.element = type->second;
  const std::vector<int64_t> offsets = integers(json["data_offsets"], what);
  check(offsets.size() == 2 && offsets[0] <= offsets[1], what, ": data_offsets must be [begin, end]");
  entry.begin = uint64_t(offsets[0]);
  entry.end = uint64_t(offsets[1]);
  return entry;
}

std::map<std::string, std::string> parse_metadata(const Json& json, const std::string& name) {
  check(json.is_object(), name, ": ", kMetadata, " is not an object");
  std::map<std::string, std::string> metadata;
  for (const auto& [key, value] : json.items()) {
    check(value.is_string(), name, ": metadata '", key, "' is not a string");
    metadata[key] = value.get<std::string>();
  }
  return metadata;
}

// The entries must cover [0, size) one after the other.
void check_cover(std::vector<Entry>& entries, uint64_t size, const std::string& name) {
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return std::pair(a.begin, a.end) < std::pair(b.begin, b.end); });
  uint64_t covered = 0;
  for (const Entry& e : entries) {
    check(e.begin == covered, name, ": '", e.name, "' begins at byte ", e.begin, " of the data, expected at ", covered);
    covered = e.end;
  }
  check(covered == size, name, ": the tensors take ", covered, " bytes, there are ", size);
}

}  // namespace

SafeTensors parse_safetensors(ByteView file, const std::string& name) {
  check(file.size() >= kLengthSize, name, ": ", file.size(), " bytes are too few for a safetensors file");
  uint64_t length;
  std::memcpy(&length, file.data(), kLengthSize);
  check(length <= kMaxHeader && length <= file.size() - kLengthSize, name, ": a header of ", length,
        " bytes in a file of ", file.size());
  const Json header = parse_header(file.subspan(kLengthSize, length), name);
  const ByteView data = file.subspan(kLengthSize + length);

  SafeTensors contents;
  std::vector<Entry> entries;
  for (const auto& [key, value] : header.items()) {
    if (key == kMetadata) contents.metadata = parse_metadata(value, name);
    else entries.push_back(parse_entry(key, value, name + ": " + key));
  }
  check_cover(entries, data.size(), name);
  for (const Entry& e : entries) {
    const ByteView bytes = data.subspan(e.begin, e.end - e.begin);
    const std::string what = name + ": " + e.name;
    const Shape shape = checked_shape(e.sizes, e.element, bytes.size(), what);
    contents.tensors[e.name] = decode<real>(bytes, shape, e.element, false, what);
  }
  return contents;
}

SafeTensors load_safetensors(const std::string& path) { return parse_safetensors(read_file(path), path); }

void save_safetensors(const std::string& path, const SafeTensors& contents) {
  Json header = Json::object();
  if (!contents.metadata.empty()) header[kMetadata] = contents.metadata;
  uint64_t offset = 0;
  for (const auto& [name, x] : contents.tensors) {
    check(name != kMetadata, path, ": ", kMetadata, " is not a name for a tensor");
    const uint64_t begin = std::exchange(offset, offset + bytes_of(x).size());
    header[name] = {{"dtype", sizeof(real) == 4 ? "F32" : "F64"},
                    {"shape", std::vector<int64_t>(x.shape().begin(), x.shape().end())},
                    {"data_offsets", {begin, offset}}};
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception& e) {
    fail(path, ": a name or a metadata string is not UTF-8: ", e.what());
  }
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that the numbers are aligned
  const uint64_t length = text.size();

  FileWriter file(path);
  file.write({reinterpret_cast<const uint8_t*>(&length), kLengthSize});
  file.write({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  for (const auto& [name, x] : contents.tensors) file.write(bytes_of(x));
  file.commit();
}

}  // namespace bijou
