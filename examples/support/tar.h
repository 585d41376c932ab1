// Tar archives: many files one after the other, in one.
#pragma once

#include "examples/support/dataset.h"

namespace bijou::support {

// The plain files in an archive, with their names in it (folders and links are passed over).
// Throws, naming the archive, where a header is broken or a file is cut short.
std::vector<File> parse_tar(const File& archive);

}  // namespace bijou::support
