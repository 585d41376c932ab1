// How long something takes.
#pragma once

#include <chrono>

namespace bijou::support {

// Runs from the moment it is made.
struct Stopwatch {
  using Clock = std::chrono::steady_clock;

  double seconds() const { return std::chrono::duration<double>(Clock::now() - began).count(); }
  double minutes() const { return seconds() / 60; }
  // The part of so many minutes that is over, from 1 on all of them. 0 minutes: no limit, and nothing of it is over.
  double part_of(double limit) const { return limit > 0 ? minutes() / limit : 0; }

  Clock::time_point began = Clock::now();
};

}  // namespace bijou::support
