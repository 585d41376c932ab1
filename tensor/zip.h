// Just enough of zip archives for NumPy's .npz (PKWARE's APPNOTE.TXT, section 4.3): members stored or deflated, each
// with its CRC32, and a directory at the end. No encryption, no archive in several parts, nothing over 4 GB (zip64).
#pragma once

#include "tensor/files.h"

namespace bijou {

struct ZipEntry {
  std::string name;
  Bytes bytes;  // unpacked, its CRC checked
};

// `name` is what an error calls the archive.
std::vector<ZipEntry> read_zip(ByteView file, const std::string& name);

class ZipWriter {
 public:
  explicit ZipWriter(const std::string& path) : path_(path), file_(path) {}
  void add(const std::string& name, ByteView head, ByteView body);  // a member, stored: body after head
  void commit();

 private:
  void write(ByteView bytes);
  std::string path_;
  FileWriter file_;
  uint64_t size_ = 0, entries_ = 0;
  Bytes directory_;
};

}  // namespace bijou
