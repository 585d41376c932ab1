#include "tensor/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "tensor/error.h"

namespace bijou {
namespace {

// For use right after the call that failed, never as an argument of check(): the system's word is for the last failure.
[[noreturn]] void fail_as_system_says(const std::string& path) { fail(path, ": ", std::string(std::strerror(errno))); }

}  // namespace

Bytes read_file(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) fail_as_system_says(path);
  check(!S_ISDIR(info.st_mode), path, ": is a folder");
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose_r);
  if (!file) fail_as_system_says(path);
  Bytes bytes(size_t(info.st_size) + 1);  // one more, to meet the end without growing
  size_t n = 0;
  while (true) {
    const int got = gzread(file.get(), bytes.data() + n, unsigned(std::min(bytes.size() - n, size_t(1) << 30)));
    int status;
    const char* why = gzerror(file.get(), &status);  // names the path itself
    check(got >= 0 && status == Z_OK, why);          // Z_BUF_ERROR: the gzip stream breaks off
    if (got == 0) break;
    n += size_t(got);
    if (n == bytes.size()) bytes.resize(2 * n);
  }
  bytes.resize(n);
  return bytes;
}

FileWriter::FileWriter(const std::string& path)
    : path_(path), temporary_(path + "." + std::to_string(getpid()) + ".tmp") {
  struct stat info;
  check(stat(path.c_str(), &info) != 0 || S_ISREG(info.st_mode), path, ": not a regular file");
  file_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file_ < 0) fail_as_system_says(path);
}

FileWriter::~FileWriter() {
  if (file_ >= 0) close(file_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void FileWriter::write(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file_, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_as_system_says(path_);
    bytes = bytes.subspan(size_t(n));
  }
}

void FileWriter::commit() {
  if (fsync(file_) != 0) fail_as_system_says(path_);  // a full disk may show only here
  if (close(std::exchange(file_, -1)) != 0) fail_as_system_says(path_);
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) fail_as_system_says(path_);
  temporary_.clear();
  // The new name is an entry of the folder, which has to reach the disk too.
  const size_t slash = path_.rfind('/');
  const int folder = open(slash == std::string::npos ? "." : path_.substr(0, slash + 1).c_str(), O_RDONLY | O_CLOEXEC);
  if (folder < 0) return;  // a folder we may write but not read
  fsync(folder);
  close(folder);
}

void write_file(const std::string& path, ByteView bytes) {
  FileWriter file(path);
  file.write(bytes);
  file.commit();
}

}  // namespace bijou
