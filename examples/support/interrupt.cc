#include "examples/support/interrupt.h"

#include <csignal>

namespace bijou::support {
namespace {
volatile std::sig_atomic_t pressed = 0;
}  // namespace

bool interrupted() {
  static const bool listening = [] {
    struct sigaction action = {};
    action.sa_handler = [](int) { pressed = 1; };
    action.sa_flags = SA_RESETHAND | SA_RESTART;  // the second Ctrl-C finds the default action: the end
    return sigaction(SIGINT, &action, nullptr) == 0;
  }();
  return listening && pressed;
}

}  // namespace bijou::support
