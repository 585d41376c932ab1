#include "tensor/zip.h"

#include <zlib.h>

#include <cstring>

#include "tensor/error.h"

namespace bijou {
namespace {

constexpr uint32_t kLocalMark = 0x04034b50, kDirectoryMark = 0x02014b50, kEndMark = 0x06054b50;
constexpr size_t kLocalSize = 30, kDirectorySize = 46, kEndSize = 22, kMaxComment = 65535;
constexpr uint16_t kVersion = 20, kUtf8Flag = 1 << 11, kEncryptedFlag = 1, kStored = 0, kDeflated = 8;
constexpr size_t kMostPacked = 1032;  // deflate shrinks no further, which bounds what a small file can make us allocate
constexpr uint16_t kFirstOfJanuary1980 = 1 << 5 | 1;  // the same tensors give the same file, whenever they are saved

// A little-endian number; throws where the file has ended.
template <class T>
T number_at(ByteView file, size_t at, const std::string& name) {
  check(at <= file.size() && sizeof(T) <= file.size() - at, name, ": cut off at byte ", file.size());
  T value;
  std::memcpy(&value, file.data() + at, sizeof value);
  return value;
}

uint32_t checksum(uint32_t crc, ByteView bytes) {
  return bytes.empty() ? crc : uint32_t(crc32_z(crc, bytes.data(), bytes.size()));  // zlib takes null for "start anew"
}

size_t find_end_record(ByteView file, const std::string& name) {
  for (size_t comment = 0; comment <= kMaxComment && kEndSize + comment <= file.size(); ++comment) {
    const size_t at = file.size() - kEndSize - comment;  // the comment is the last thing in the file
    if (number_at<uint32_t>(file, at, name) == kEndMark && number_at<uint16_t>(file, at + 20, name) == comment)
      return at;
  }
  fail(name, ": not a zip archive, or cut off");
}

Bytes inflate_all(ByteView packed, size_t size, const std::string& name) {
  check(size / kMostPacked <= packed.size(), name, ": ", packed.size(), " packed bytes cannot become ", size);
  Bytes bytes(size);
  z_stream stream = {};
  check(inflateInit2(&stream, -MAX_WBITS) == Z_OK, name, ": zlib failed to start");
  stream.next_in = const_cast<uint8_t*>(packed.data());
  stream.avail_in = uInt(packed.size());
  stream.next_out = bytes.data();
  stream.avail_out = uInt(size);
  const int status = inflate(&stream, Z_FINISH);
  const bool complete = status == Z_STREAM_END && stream.avail_in == 0 && stream.avail_out == 0;
  inflateEnd(&stream);
  check(complete, name, ": the packed bytes are broken");
  return bytes;
}

// The member whose directory record is at `at`; moves `at` to the next record.
ZipEntry read_entry(ByteView file, size_t& at, const std::string& archive) {
  auto u16 = [&](size_t offset) { return number_at<uint16_t>(file, offset, archive); };
  auto u32 = [&](size_t offset) { return number_at<uint32_t>(file, offset, archive); };
  check(u32(at) == kDirectoryMark, archive, ": the directory is broken at byte ", at);
  const uint16_t flags = u16(at + 8), method = u16(at + 10), name_size = u16(at + 28);
  const uint32_t crc = u32(at + 16), packed_size = u32(at + 20), size = u32(at + 24), local = u32(at + 42);
  const size_t next = at + kDirectorySize + name_size + u16(at + 30) + u16(at + 32);
  check(next <= file.size(), archive, ": cut off in the directory");
  ZipEntry entry;
  entry.name.assign(reinterpret_cast<const char*>(file.data()) + at + kDirectorySize, name_size);
  at = next;

  const std::string name = archive + ": " + entry.name;
  check(packed_size != ~0u && size != ~0u && local != ~0u, name, ": zip64 is not supported");
  check(!(flags & kEncryptedFlag), name, ": is encrypted");
  check(method == kStored || method == kDeflated, name, ": packed by method ", method, ", 0 or 8 expected");
  check(u32(local) == kLocalMark, name, ": its header is not where the directory says");
  const size_t data = size_t(local) + kLocalSize + u16(local + 26) + u16(local + 28);
  check(data <= file.size() && packed_size <= file.size() - data, name, ": cut off");
  const ByteView packed = file.subspan(data, packed_size);
  check(method != kStored || size == packed_size, name, ": is stored, yet two sizes are given, ", packed_size, " and ",
        size);
  entry.bytes = method == kStored ? Bytes(packed.begin(), packed.end()) : inflate_all(packed, size, name);
  check(checksum(0, entry.bytes) == crc, name, ": its checksum is wrong");
  return entry;
}

void put(Bytes& to, std::initializer_list<uint16_t> numbers) {
  for (uint16_t n : numbers) to.insert(to.end(), {uint8_t(n), uint8_t(n >> 8)});
}
void put32(Bytes& to, std::initializer_list<uint64_t> numbers) {
  for (uint64_t n : numbers) put(to, {uint16_t(n), uint16_t(n >> 16)});
}

}  // namespace

std::vector<ZipEntry> read_zip(ByteView file, const std::string& name) {
  const size_t end = find_end_record(file, name);
  const uint16_t entries = number_at<uint16_t>(file, end + 10, name);
  const uint32_t directory = number_at<uint32_t>(file, end + 16, name);
  check(number_at<uint16_t>(file, end + 8, name) == entries, name, ": is one part of several");
  check(entries != 0xffff && directory != ~0u, name, ": zip64 is not supported");
  std::vector<ZipEntry> all;
  size_t at = directory, total = 0;
  for (int i = 0; i < entries; ++i) {
    all.push_back(read_entry(file, at, name));
    total += all.back().bytes.size();
    check(total / kMostPacked <= file.size(), name, ": its members overlap");
  }
  return all;
}

void ZipWriter::write(ByteView bytes) {
  file_.write(bytes);
  size_ += bytes.size();
}

void ZipWriter::add(const std::string& name, ByteView head, ByteView body) {
  const uint64_t size = head.size() + body.size();
  check(size_ + size < ~0u && entries_ < 0xfffe && name.size() <= 0xffff, path_, ": too large for a zip archive at ",
        name);
  const uint32_t crc = checksum(checksum(0, head), body);
  Bytes common;  // what the header here and the record in the directory both say
  put(common, {kVersion, kUtf8Flag, kStored, 0, kFirstOfJanuary1980});
  put32(common, {crc, size, size});
  put(common, {uint16_t(name.size()), 0});

  put32(directory_, {kDirectoryMark});
  put(directory_, {kVersion});
  directory_.insert(directory_.end(), common.begin(), common.end());
  put(directory_, {0, 0, 0});
  put32(directory_, {0, size_});
  directory_.insert(directory_.end(), name.begin(), name.end());
  ++entries_;

  Bytes header;
  put32(header, {kLocalMark});
  header.insert(header.end(), common.begin(), common.end());
  header.insert(header.end(), name.begin(), name.end());
  write(header);
  write(head);
  write(body);
}

void ZipWriter::commit() {
  const uint64_t directory = size_;
  check(directory + directory_.size() < ~0u, path_, ": too large for a zip archive");
  write(directory_);
  Bytes end;
  put32(end, {kEndMark});
  put(end, {0, 0, uint16_t(entries_), uint16_t(entries_)});
  put32(end, {directory_.size(), directory});
  put(end, {0});
  write(end);
  file_.commit();
}

}  // namespace bijou
