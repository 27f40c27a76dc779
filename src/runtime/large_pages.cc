#include "runtime/large_pages.h"

#include <chrono>

#include "base/memory.h"

namespace tael {
namespace {

double SecondsOfPopulating(std::span<uint8_t> window) {
  const auto start = std::chrono::steady_clock::now();
  PopulateWritable(window);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

bool LargePageTrial::NextIsLarge() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return phase_ == Phase::kLarge;
}

void LargePageTrial::Note(bool large, double seconds) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (large != (phase_ == Phase::kLarge)) return;  // it began in another phase
  sum_ += seconds;
  ++judged_;
  const int windows = phase_ == Phase::kPause ? kPause : kJudged;
  if (judged_ < windows) return;
  EndOfPhase(sum_ / windows);
  judged_ = 0;
  sum_ = 0;
}

void LargePageTrial::EndOfPhase(double mean) {
  switch (phase_) {
    case Phase::kLarge:
      large_seconds_ = mean;
      if (mean > kSlow * small_seconds_) phase_ = Phase::kCompare;
      return;
    case Phase::kCompare:
      small_seconds_ = mean;  // of now
      phase_ = large_seconds_ > kSlow * mean ? Phase::kPause : Phase::kLarge;
      return;
    case Phase::kPause:
      small_seconds_ = mean;
      phase_ = Phase::kLarge;
      return;
  }
}

void PopulateWindow(std::span<uint8_t> window, LargePageTrial& trial) {
  const bool large = trial.NextIsLarge();
  trial.Note(large, large ? SecondsOfPopulating(window) : PopulateSmall(window));
}

double PopulateSmall(std::span<uint8_t> window) {
  RefuseLargePages(window);
  return SecondsOfPopulating(window);
}

}  // namespace tael
