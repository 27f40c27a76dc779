#include "app/bench/disturbance.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>

#include "runtime/worker_pool.h"

namespace tael {
namespace {

double Seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

std::string ReadStat() {
  std::ifstream file("/proc/stat");
  std::string line;
  std::getline(file, line);
  return line;
}

}  // namespace

std::optional<MachineTicks> ParseMachineTicks(std::string_view text) {
  std::istringstream line{std::string(text.substr(0, text.find('\n')))};
  std::string label;
  double user, nice, system, idle, waiting, interrupt, soft, stolen = 0;
  if (!(line >> label >> user >> nice >> system >> idle) || label != "cpu") return std::nullopt;
  MachineTicks ticks{.busy = user + nice + system, .stolen = 0};
  if (line >> waiting >> interrupt >> soft) ticks.busy += interrupt + soft;
  if (line >> stolen) ticks.stolen = stolen;
  return ticks;
}

std::string Disturbance::Problem(double load) const {
  if (!known) {
    if (load >= 0 && load < 0.5) return "";
    return load < 0
               ? "neither /proc/stat nor the load average can be read"
               : fmt::format("the load average was {:.2f} before, and /proc/stat cannot be read",
                             load);
  }
  if (seconds < kLeastSeconds) {
    return fmt::format(
        "{:.2f} s of processor time are too short to see whether others disturbed; "
        "more -n or -r make it longer",
        seconds);
  }
  const double allowed = kMaxDisturbance;
  if (others > allowed) {
    return fmt::format("other processes used {:.0f} % of the machine's processor time",
                       100 * others);
  }
  if (stolen > allowed) {
    return fmt::format("other virtual machines took {:.0f} % of the processor time", 100 * stolen);
  }
  return "";
}

DisturbanceMeter::DisturbanceMeter() : start_(Now()) {}

DisturbanceMeter::Clocks DisturbanceMeter::Now() {
  Clocks clocks;
  clocks.machine = ParseMachineTicks(ReadStat());
  clocks.wall =
      std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  clocks.own = Seconds(usage.ru_utime) + Seconds(usage.ru_stime);
  return clocks;
}

Disturbance DisturbanceMeter::Read() const {
  const Clocks now = Now();
  // Others are counted on the whole machine, but against the CPUs that this process may use: on a
  // large one it takes only a few of theirs to be in its way.
  const auto cpus = static_cast<double>(AvailableCpus());
  Disturbance found;
  found.seconds = (now.wall - start_.wall) * cpus;
  const double available = found.seconds;
  if (available <= 0 || !now.machine || !start_.machine) return found;
  const auto per_second = static_cast<double>(sysconf(_SC_CLK_TCK));
  const double busy = (now.machine->busy - start_.machine->busy) / per_second;
  const double own = now.own - start_.own;
  found.known = true;
  found.own = own / available;
  found.others = std::max(0.0, busy - own) / available;
  found.stolen =
      std::max(0.0, now.machine->stolen - start_.machine->stolen) / per_second / available;
  return found;
}

}  // namespace tael
