// Shows a pull: one line with rate and time left on a terminal, plain lines elsewhere, or JSON.
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>

#include "hub/model_pull.h"

namespace tael {

enum class PullOutput { kText, kQuiet, kJson };

// Bytes per second over the last seconds, and how long the rest takes.
class RateMeter {
 public:
  using Clock = std::chrono::steady_clock;
  // `done` bytes at `now`; never less than before.
  void Update(int64_t done, Clock::time_point now);
  double bytes_per_second() const;  // 0 = not known yet
  // nullopt: not known.
  std::optional<int64_t> SecondsFor(int64_t bytes) const;

 private:
  struct Sample {
    Clock::time_point when;
    int64_t done;
  };
  std::deque<Sample> samples_;  // of the last ten seconds
};

// "1:02:03" or "2:03".
std::string ClockText(int64_t seconds);

class PullProgress {
 public:
  explicit PullProgress(PullOutput output);
  ~PullProgress();  // ends the line
  PullProgress(const PullProgress&) = delete;
  PullProgress& operator=(const PullProgress&) = delete;

  void Show(const PullEvent& event);
  void EndLine();

 private:
  void ShowJson(const PullEvent& event);
  std::string Text(const PullEvent& event) const;

  PullOutput output_;
  bool terminal_, line_open_ = false;
  RateMeter rate_;
  std::optional<PullEvent::Kind> last_kind_;
  RateMeter::Clock::time_point last_shown_;
};

}  // namespace tael
