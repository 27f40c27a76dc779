#include "app/interrupt.h"

#include <poll.h>

#include <csignal>
#include <cstddef>
#include <iterator>

namespace tael {
namespace {

// A signal handler can reach nothing but globals.
volatile std::sig_atomic_t interrupt_flag = 0;

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
struct sigaction previous[std::size(kSignals)];

void OnSignal(int signal) { interrupt_flag = signal; }

}  // namespace

InterruptScope::InterruptScope() {
  interrupt_flag = 0;
  struct sigaction action{};
  action.sa_handler = &OnSignal;  // no SA_RESTART: a blocking read shall return
  sigemptyset(&action.sa_mask);
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    sigaction(kSignals[i], nullptr, &previous[i]);
    // nohup and shells that start work in the background ask for this.
    if (previous[i].sa_handler == SIG_IGN) continue;
    sigaction(kSignals[i], &action, nullptr);
  }
}

InterruptScope::~InterruptScope() {
  for (size_t i = 0; i < std::size(kSignals); ++i) sigaction(kSignals[i], &previous[i], nullptr);
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
