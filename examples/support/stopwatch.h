// How long something takes.
#pragma once

#include <chrono>

namespace bijou::support {

// Runs from the moment it is made.
struct Stopwatch {
  using Clock = std::chrono::steady_clock;

  double seconds() const { return std::chrono::duration<double>(Clock::now() - began).count(); }
  double minutes() const { return seconds() / 60; }

  Clock::time_point began = Clock::now();
};

}  // namespace bijou::support
