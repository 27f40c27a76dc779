// How long a step will take, from how long steps took.
#pragma once

#include <array>
#include <cstdint>

namespace tael {

// What the time of a step depends on.
struct StepSize {
  int rows = 0;
  double positions = 0;  // that rows attend to, summed over all rows

  // Adds `count` rows of a sequence from position `begin` on.
  void Add(int begin, int count) {
    rows += count;
    positions += static_cast<double>(count) * (begin + 0.5 * (count + 1));
  }
};

// Seconds = a + b * rows + c * positions with the non-negative a, b and c that fit what was
// observed best; what is 23 steps old counts half. Not thread-safe.
class StepTime {
 public:
  // One that took far longer than expected counts as a few times longer: somebody else had the
  // machine.
  void Observe(const StepSize& size, double seconds);

  // 0 before anything was observed.
  double Predict(const StepSize& size) const;
  // Rows of the largest step that the observations speak of: a few times what was seen.
  int KnownRows() const;
  // The most rows (0 to `count`) that a sequence can add to `step` from position `begin` on so that
  // it takes at most `seconds`, as far as is known.
  int RowsWithin(const StepSize& step, int begin, int count, double seconds) const;

 private:
  static constexpr int kTerms = 3;
  void Fit();

  int observed_ = 0;
  int largest_ = 0;  // rows
  // Normal equations of the terms against the time: sums over steps, older ones count less.
  std::array<std::array<double, kTerms>, kTerms> products_{};
  std::array<double, kTerms> sums_{};
  std::array<double, kTerms> factors_{};  // a, b, c in the units of the terms
};

}  // namespace tael
