// The last line of an example: one JSON object with what it measured, for people and for programs.
//
//   Result result("mnist");
//   result.set("test_accuracy", 0.982);
//   result.print();  // {"example":"mnist","test_accuracy":0.982}
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace bijou::support {

class Result {
 public:
  explicit Result(const std::string& example) { set("example", example); }

  // Adds name: value, in this order. A number that is not finite becomes null, as JSON has no other word for it.
  void set(const std::string& name, double value);
  void set(const std::string& name, int64_t value);
  void set(const std::string& name, int value) { set(name, int64_t(value)); }
  void set(const std::string& name, bool value);
  void set(const std::string& name, const std::string& value);
  void set(const std::string& name, const char* value) { set(name, std::string(value)); }
  void set(const std::string& name, std::span<const double> values);

  std::string json() const { return "{" + members_ + "}"; }
  void print() const;  // to stdout; nothing should be printed after it

 private:
  void add(const std::string& name, const std::string& value);
  std::string members_;
};

}  // namespace bijou::support
