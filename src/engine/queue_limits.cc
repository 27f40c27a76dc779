#include "engine/queue_limits.h"

#include <algorithm>
#include <cmath>

namespace tael {
namespace {

constexpr double kRemembered = 40;  // seconds after which a third is left
constexpr int kLongestRetry = 60;

// Choices that must begin before `found` is within `limit`, when each takes `mean` with it.
int Begins(int64_t found, int64_t limit, double mean) {
  const double begins = std::ceil(static_cast<double>(found - limit) / std::max(1.0, mean));
  return static_cast<int>(std::clamp(begins, 1.0, 1e6));
}

std::optional<QueueExcess> ExcessOver(int max_choices, int64_t max_tokens, const QueueLoad& load,
                                      const QueueLoad& more) {
  if (load.choices == 0) return std::nullopt;
  const int64_t choices = int64_t{load.choices} + more.choices;
  const int64_t tokens = load.prompt_tokens + more.prompt_tokens;
  if (max_choices > 0 && choices > max_choices) {
    return QueueExcess{.found = choices,
                       .limit = max_choices,
                       .begins = std::min(load.choices, Begins(choices, max_choices, 1))};
  }
  if (max_tokens > 0 && tokens > max_tokens) {
    const double mean = static_cast<double>(load.prompt_tokens) / load.choices;
    return QueueExcess{.in_tokens = true,
                       .found = tokens,
                       .limit = max_tokens,
                       .begins = std::min(load.choices, Begins(tokens, max_tokens, mean))};
  }
  return std::nullopt;
}

}  // namespace

void QueueGauge::Add(OwnerId owner, const QueueLoad& load) {
  QueueLoad& own = owners_[owner];
  for (QueueLoad* sum : {&own, &all_}) {
    sum->choices += load.choices;
    sum->prompt_tokens += load.prompt_tokens;
  }
}

void QueueGauge::Remove(OwnerId owner, const QueueLoad& load) {
  const auto own = owners_.find(owner);
  TAEL_CHECK(own != owners_.end() && own->second.choices >= load.choices);
  for (QueueLoad* sum : {&own->second, &all_}) {
    sum->choices -= load.choices;
    sum->prompt_tokens -= load.prompt_tokens;
  }
  if (own->second.choices == 0) owners_.erase(own);
}

QueueLoad QueueGauge::of(OwnerId owner) const {
  const auto own = owners_.find(owner);
  return own != owners_.end() ? own->second : QueueLoad{};
}

std::optional<QueueExcess> QueueGauge::Excess(const QueueLimits& limits, OwnerId owner,
                                              const QueueLoad& more) const {
  auto excess = ExcessOver(limits.owner_choices, limits.owner_prompt_tokens, of(owner), more);
  if (excess) excess->of_owner = true;
  if (!excess) excess = ExcessOver(limits.choices, limits.prompt_tokens, all_, more);
  return excess;
}

void EndRate::OnStep(double seconds, int ends) {
  seconds = std::max(0.0, seconds);
  const double kept = kRemembered / (kRemembered + seconds);
  seconds_ = seconds_ * kept + seconds;
  ends_ = ends_ * kept + ends;
}

int EndRate::SecondsUntil(int ends, int owners) const {
  // Before anything ended the first end is at least as far away as the beginning.
  const double seconds = ends * std::max(1, owners) * seconds_ / std::max(1.0, ends_);
  return static_cast<int>(std::ceil(std::clamp(seconds, 1.0, double{kLongestRetry})));
}

}  // namespace tael
