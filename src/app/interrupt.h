// Ctrl-C as a flag that long work looks at.
#pragma once

namespace tael {

inline constexpr int kExitInterrupted = 130;  // 128 + SIGINT, as shells report it

// While an object lives, SIGINT, SIGTERM and SIGHUP (the terminal is gone) set a flag instead of
// ending the process; those that the caller had ignored stay ignored. Blocking system calls return
// with EINTR. Not nested.
class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

  bool interrupted() const;
  int exit_code() const;  // as shells report the signal: 130, 143, 129. REQUIRES: interrupted.
  void Clear();
  // Waits until `descriptor` can be read (true) or a signal has come (false), whenever it comes.
  bool WaitReadable(int descriptor) const;
};

}  // namespace tael
