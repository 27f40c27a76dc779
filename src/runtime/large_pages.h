// Whether memory that is being filled should come in large pages, found by trying.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>

namespace tael {

// Memory is filled window by window. Large pages make decoding up to a tenth quicker and are mostly
// the cheapest to get, unless memory is in pieces: then the system moves pages about for each of
// them. So windows of large pages are timed. When they are slow, windows of small pages are timed
// too, because all memory may be slow (a virtual machine gets it from its host); if those are much
// quicker, small ones are taken for a while.
//
// Any thread may call; the decisions change no result.
class LargePageTrial {
 public:
  // `small_seconds`: what a window of small pages takes here.
  explicit LargePageTrial(double small_seconds) : small_seconds_(small_seconds) {}

  // How the next window should be populated.
  bool NextIsLarge();
  // What a window took.
  void Note(bool large, double seconds);

  // Windows whose mean is judged, windows of small pages after a slow mean, and how many times
  // slower than small pages large ones may be: they repay that later.
  static constexpr int kJudged = 8, kPause = 128;
  static constexpr double kSlow = 2;

 private:
  enum class Phase { kLarge, kCompare, kPause };
  void EndOfPhase(double mean);

  double small_seconds_, large_seconds_ = 0;
  std::mutex mutex_;
  Phase phase_ = Phase::kLarge;
  int judged_ = 0;  // windows of this phase that were noted
  double sum_ = 0;  // what they took
};

// Populates `window` of a SystemMemory with pages as `trial` says. Throws kExhausted.
void PopulateWindow(std::span<uint8_t> window, LargePageTrial& trial);
// Populates it with small pages; the seconds that took. Throws kExhausted.
double PopulateSmall(std::span<uint8_t> window);

}  // namespace tael
