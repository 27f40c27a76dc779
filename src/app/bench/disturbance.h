// How much of the machine others used while something was measured.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tael {

// Processor time of the whole machine since it started, in ticks.
struct MachineTicks {
  double busy = 0;    // spent in any process or in the kernel
  double stolen = 0;  // taken by the host of a virtual machine
};
// From the text of /proc/stat; nullopt when its first line is not understood.
std::optional<MachineTicks> ParseMachineTicks(std::string_view text);

// Shares of the processor time that the CPUs of this process had between two moments.
struct Disturbance {
  double seconds = 0;                      // processor seconds that the CPUs had together
  bool known = false;                      // false: /proc/stat could not be read
  double own = 0, others = 0, stolen = 0;  // used by this process, others, other virtual machines
  // Why a measurement in this time is not valid, or "". `load` is the load average before it, which
  // decides when nothing better is known.
  std::string Problem(double load) const;
};

// The share from which on a measurement is not valid, and the processor seconds that it takes to
// tell, because the kernel counts in hundredths.
inline constexpr double kMaxDisturbance = 0.05, kLeastSeconds = 1.0;

// Starts when it is made.
class DisturbanceMeter {
 public:
  DisturbanceMeter();
  Disturbance Read() const;

 private:
  struct Clocks {
    double wall = 0, own = 0;  // seconds
    std::optional<MachineTicks> machine;
  };
  static Clocks Now();
  Clocks start_;
};

}  // namespace tael
