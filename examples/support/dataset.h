// Images with labels: read from the official files of MNIST, Fashion-MNIST and CIFAR-10, or drawn by
// draw_digits() and draw_scenes().
#pragma once

#include <string>
#include <vector>

#include "tensor/files.h"
#include "tensor/tensor.h"

namespace bijou::support {

struct Dataset {
  Tensor images;                     // [n, channels, height, width], in [0, 1]
  Indices labels;                    // [n], 0 .. classes.size()-1
  std::vector<std::string> classes;  // their names

  int64_t size() const { return labels.size(0); }
  Dataset rows(int64_t first, int64_t last) const {
    return {images.rows(first, last), labels.rows(first, last), classes};
  }
};

enum class Split { kTrain, kTest };

// What load_dataset() knows: digits, scenes (both generated), mnist, fashion-mnist, cifar10.
std::vector<std::string> dataset_names();

// Reads the files below `folder`, each plain or as .gz:
//   mnist/, fashion-mnist/:  {train,t10k}-images-idx3-ubyte, {train,t10k}-labels-idx1-ubyte
//   cifar-10-batches-bin/:   data_batch_1.bin .. data_batch_5.bin (those that are there), test_batch.bin
// Throws, naming the file, where one is missing or is not what it should be.
Dataset load_dataset(const std::string& name, const std::string& folder, Split split);

// ---- The formats, from bytes in memory -----------------------------------------------------------------------------

struct File {
  std::string name;  // for messages
  Bytes bytes;
};

Tensor parse_idx_images(const File& file);              // [n, 1, h, w]
Indices parse_idx_labels(const File& file);             // [n], 0 .. 9
Dataset parse_cifar10(const std::vector<File>& files);  // their records one after the other

}  // namespace bijou::support
