#include "app/interrupt.h"

#include <poll.h>

#include <csignal>

namespace tael {
namespace {

// A signal handler can reach nothing but globals.
volatile std::sig_atomic_t interrupt_flag = 0;
struct sigaction previous_int, previous_term;

void OnSignal(int signal) { interrupt_flag = signal; }

}  // namespace

InterruptScope::InterruptScope() {
  interrupt_flag = 0;
  struct sigaction action{};
  action.sa_handler = &OnSignal;  // no SA_RESTART: a blocking read shall return
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &previous_int);
  sigaction(SIGTERM, &action, &previous_term);
}

InterruptScope::~InterruptScope() {
  sigaction(SIGINT, &previous_int, nullptr);
  sigaction(SIGTERM, &previous_term, nullptr);
}

bool InterruptScope::interrupted() const { return interrupt_flag != 0; }
int InterruptScope::exit_code() const { return 128 + interrupt_flag; }
bool InterruptScope::WaitReadable(int descriptor) const {
  // The signal may be handled by another thread, which does not end this one's wait.
  constexpr int kLookAgainMs = 100;
  pollfd wait{.fd = descriptor, .events = POLLIN, .revents = 0};
  while (!interrupted()) {
    if (poll(&wait, 1, kLookAgainMs) > 0) return !interrupted();
  }
  return false;
}

void InterruptScope::Clear() { interrupt_flag = 0; }

}  // namespace tael
