// Tables of numbers, on which densities are compared: read from a file, or drawn with a density that is known.
#pragma once

#include "examples/support/dataset.h"
#include "tensor/random.h"

namespace bijou::support {

struct Table {
  std::vector<std::string> names;  // of the columns
  Tensor x;                        // [n, D]
};

// An .npy file with an array [n, D], or text: a row a line, columns between commas, semicolons, tabs or spaces, with or
// without a line of names. Columns of words are left out. Throws, naming file, line and column, where a number is
// missing or is none.
Table load_table(const std::string& path);
Table parse_table(const File& text);

// The rules of the MAF paper (G. Papamakarios, T. Pavlakou, I. Murray, NeurIPS 2017, appendix D), for any table:
//
//   a density has no finite maximum where numbers repeat, so columns with fewer than ten different numbers (constants,
//     codes, grades) go, and those where a number occurs five times on average get noise as wide as the usual gap
//     between neighbours
//   rows are shuffled (always in the same way); the last tenth is for testing, the last tenth of the rest for
//   validation columns get the mean 0 and the variance 1 that they have in training and validation together
struct TableSets {
  Tensor train, valid, test;       // [n, D]
  Tensor mean, std;                // [D], of the columns before
  std::vector<std::string> names;  // of those that stayed
  std::vector<std::string> notes;  // what went, or got noise, and why
};
TableSets prepare(const Table& table);

// n rows of six columns: a correlated normal that was bent twice, along parabolas and along sines. Bending keeps
// volume, so the density is known.
Table draw_table(int64_t n, Generator g);
Tensor drawn_log_density(const Tensor& x);  // of rows of draw_table() [n, 6], in nats: [n]

}  // namespace bijou::support
