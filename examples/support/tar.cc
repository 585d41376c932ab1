// Blocks of 512 bytes: a header for each file, then its contents, filled up to whole blocks; a block of zeros ends it.
//
//   byte 0 name (100), 124 size (12, octal), 148 checksum (8, octal), 156 kind, 257 "ustar", 345 what precedes the name
#include "examples/support/tar.h"

#include <algorithm>

namespace bijou::support {
namespace {

constexpr size_t kBlock = 512;

std::string text(ByteView field) {
  const auto end = std::find(field.begin(), field.end(), 0);
  return std::string(field.begin(), end);
}

uint64_t octal(ByteView field, const std::string& where) {
  uint64_t value = 0;
  const std::string digits = text(field);
  for (const char c : digits) {
    if (c == ' ') continue;
    check(c >= '0' && c <= '7', where, ": the header has \"", digits, "\" where a number in octal should stand");
    value = value * 8 + uint64_t(c - '0');
  }
  return value;
}

// The sum of the header's bytes, those of the sum itself taken as blanks.
uint64_t checksum(ByteView header) {
  uint64_t sum = 0;
  for (size_t i = 0; i < kBlock; ++i) sum += i >= 148 && i < 156 ? uint8_t(' ') : header[i];
  return sum;
}

}  // namespace

std::vector<File> parse_tar(const File& archive) {
  const ByteView all = archive.bytes;
  std::vector<File> files;
  for (size_t at = 0; at < all.size();) {
    const std::string where = archive.name + ": at byte " + std::to_string(at);
    check(all.size() - at >= kBlock, where, ": a tar header of 512 bytes expected, there are ", all.size() - at);
    const ByteView header = all.subspan(at, kBlock);
    if (std::all_of(header.begin(), header.end(), [](uint8_t b) { return b == 0; })) break;
    check(octal(header.subspan(148, 8), where) == checksum(header), where, ": the checksum of the tar header is wrong");
    const size_t size = octal(header.subspan(124, 12), where), left = all.size() - at - kBlock;
    check(size <= left, where, ": a file of ", size, " bytes is announced, there are ", left);
    const ByteView contents = all.subspan(at + kBlock, size);
    const bool ustar = text(header.subspan(257, 5)) == "ustar";
    const std::string folder = ustar ? text(header.subspan(345, 155)) : "", name = text(header.first(100));
    if (header[156] == '0' || header[156] == 0)
      files.push_back({folder.empty() ? name : folder + "/" + name, Bytes(contents.begin(), contents.end())});
    at += kBlock + std::min(left, (size + kBlock - 1) / kBlock * kBlock);
  }
  check(!files.empty(), archive.name, ": there is no file in the archive");
  return files;
}

}  // namespace bijou::support
