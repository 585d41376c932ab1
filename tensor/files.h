// Whole files in, whole files out.
//
// What is written appears under its name complete or not at all: it goes to a file beside the target, is forced to the
// disk, and only then takes the target's name. Killed in the middle, or out of space, the old file is still there.
// Every failure is an Error that names the path and says why, in the system's words.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace bijou {

using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;

Bytes read_file(const std::string& path);  // a gzip'd file comes out unpacked

class FileWriter {
 public:
  explicit FileWriter(const std::string& path);
  ~FileWriter();  // without commit() nothing has happened
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(ByteView bytes);
  void commit();  // once, at the end: the file now bears its name

 private:
  std::string path_, temporary_;
  int file_;
};

void write_file(const std::string& path, ByteView bytes);

}  // namespace bijou
