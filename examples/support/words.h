// Lists on the command line: "0,0.05,0.1".
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "tensor/error.h"

namespace bijou::support {

inline std::vector<std::string> words(const std::string& list) {
  std::vector<std::string> result;
  std::istringstream in(list);
  for (std::string word; std::getline(in, word, ',');) result.push_back(word);
  return result;
}

// "inf" is a number too.
inline std::vector<double> numbers(const std::string& list) {
  std::vector<double> result;
  for (const std::string& word : words(list)) {
    size_t end = 0;
    try {
      result.push_back(std::stod(word, &end));
    } catch (const std::exception&) {
    }
    check(end == word.size() && end > 0, "'", word, "' of '", list, "' is not a number");
  }
  return result;
}

}  // namespace bijou::support
