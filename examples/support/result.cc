#include "examples/support/result.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

namespace bijou::support {
namespace {

// Bytes that are not UTF-8 are replaced, rather than that a run's numbers are lost over them.
std::string dump(const nlohmann::json& value) {
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

void Result::add(const std::string& name, const std::string& value) {
  members_ += (members_.empty() ? "" : ",") + dump(name) + ":" + value;
}

void Result::set(const std::string& name, double value) { add(name, dump(value)); }
void Result::set(const std::string& name, int64_t value) { add(name, dump(value)); }
void Result::set(const std::string& name, bool value) { add(name, dump(value)); }
void Result::set(const std::string& name, const std::string& value) { add(name, dump(value)); }
void Result::set(const std::string& name, std::span<const double> values) {
  add(name, dump(std::vector<double>(values.begin(), values.end())));
}

void Result::print() const {
  std::printf("%s\n", json().c_str());
  std::fflush(stdout);
}

}  // namespace bijou::support
