#include "app/pull_progress.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/terminal.h"
#include "base/json.h"

namespace tael {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kWindow{10};

}  // namespace

void RateMeter::Update(int64_t done, Clock::time_point now) {
  samples_.push_back({now, done});
  while (samples_.size() > 2 && now - samples_.front().when > kWindow) samples_.pop_front();
}

double RateMeter::bytes_per_second() const {
  if (samples_.size() < 2) return 0;
  const Sample &first = samples_.front(), &last = samples_.back();
  const double elapsed = std::chrono::duration<double>(last.when - first.when).count();
  return elapsed < 0.5 ? 0 : static_cast<double>(last.done - first.done) / elapsed;
}

std::optional<int64_t> RateMeter::SecondsFor(int64_t bytes) const {
  const double rate = bytes_per_second();
  if (rate < 1) return std::nullopt;
  const double left = static_cast<double>(bytes) / rate;
  constexpr double kWorthSaying = 100.0 * 86400;
  if (left > kWorthSaying) return std::nullopt;
  return static_cast<int64_t>(left + 0.5);
}

std::string ClockText(int64_t total) {
  const int64_t hours = total / 3600, minutes = total / 60 % 60, rest = total % 60;
  return hours > 0 ? fmt::format("{}:{:02}:{:02}", hours, minutes, rest)
                   : fmt::format("{}:{:02}", minutes, rest);
}

PullProgress::PullProgress(PullOutput output)
    : output_(output), terminal_(output == PullOutput::kText && StderrIsTerminal()) {}

PullProgress::~PullProgress() { EndLine(); }

void PullProgress::EndLine() {
  if (line_open_) PrintError("\r\x1b[K");
  line_open_ = false;
}

std::string PullProgress::Text(const PullEvent& event) const {
  const std::string head = fmt::format("{} {}", PullEventName(event.kind), event.name);
  if (event.total == 0) return head;
  std::string text =
      fmt::format("{}: {:3.0f} %  {} of {}", head,
                  100.0 * static_cast<double>(event.done) / static_cast<double>(event.total),
                  HumanBytes(event.done), HumanBytes(event.total));
  if (event.kind != PullEvent::Kind::kDownloading) return text;
  if (rate_.bytes_per_second() > 0) {
    text += fmt::format("  {}/s", HumanBytes(static_cast<int64_t>(rate_.bytes_per_second())));
  }
  if (const auto left = rate_.SecondsFor(event.total - event.done)) {
    text += fmt::format("  {} left", ClockText(*left));
  }
  return text;
}

void PullProgress::Show(const PullEvent& event) {
  if (output_ == PullOutput::kQuiet) return;
  const auto now = RateMeter::Clock::now();
  if (event.kind == PullEvent::Kind::kDownloading) rate_.Update(event.done, now);
  const bool is_new = last_kind_ != event.kind;
  const milliseconds pause = terminal_                      ? milliseconds(100)
                             : output_ == PullOutput::kJson ? milliseconds(500)
                                                            : milliseconds(10'000);
  if (!is_new && now - last_shown_ < pause) return;
  last_kind_ = event.kind;
  last_shown_ = now;
  if (output_ == PullOutput::kJson) {
    ShowJson(event);
  } else if (terminal_) {
    PrintError("\r\x1b[K" + Text(event));
    line_open_ = true;
  } else {
    PrintError(Text(event) + "\n");
  }
}

void PullProgress::ShowJson(const PullEvent& event) {
  Json out = JsonObject{};
  out.Set("event", PullEventName(event.kind));
  out.Set("name", event.name);
  if (event.total > 0) {
    out.Set("files", static_cast<int64_t>(event.files.size()));
    out.Set("bytes_done", event.done);
    out.Set("bytes_total", event.total);
    out.Set("bytes_resumed", event.resumed);
  }
  if (event.kind == PullEvent::Kind::kDownloading) {
    const auto left = rate_.SecondsFor(event.total - event.done);
    out.Set("bytes_per_second", static_cast<int64_t>(rate_.bytes_per_second()));
    out.Set("seconds_left", left ? Json(*left) : Json());
  }
  PrintOut(DumpJson(out) + "\n");
  FlushOut();
}

}  // namespace tael
