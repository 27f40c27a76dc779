// Fits of scales and offsets to a run of weights: the core of the block encoders. Sixteen
// candidates are tried side by side, one per lane; for the levels that each gives to the elements
// the best scale (and offset) has a closed form, weighted least squares.
namespace tael::TAEL_ISA {
namespace {

// A run of weights, and what an error of each costs (above zero, finite).
struct Run {
  const float* x;
  const float* w;
  int n;  // a multiple of 16
};

constexpr float kTiny = 1e-37f;

// Nearest whole number, halves to even; |v| < 2^22.
inline F32x16 Rounded(const F32x16& v) {
  const F32x16 magic = Splat(12582912.0f);  // 1.5 * 2^23: no bits are left behind the point
  return Sub(Add(v, magic), magic);
}
inline float RoundedScalar(float v) { return (v + 12582912.0f) - 12582912.0f; }

inline F32x16 Negated(const F32x16& v) { return Sub(Zero(), v); }

// first, first + step, ..
inline F32x16 Ladder(float first, float step) {
  float lane[kLanes];
  for (size_t i = 0; i < kLanes; ++i) lane[i] = first + step * static_cast<float>(i);
  return Load(lane);
}

// The lane of the largest number, the first one of equals; NaN never wins. *score: what to beat, in
// and out. -1: none did.
inline int BestLane(const F32x16& scores, float* score) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const F32x16 numbers = Clamp(scores, -kInfinity, kInfinity);  // NaN becomes the least
  const float largest = LargestNumber(numbers);
  if (!(largest > *score)) return -1;
  *score = largest;
  return FirstLaneOf(numbers, largest);
}
inline float Lane(const F32x16& v, int i) {
  float lane[kLanes];
  Store(v, lane);
  return lane[i];
}

// The element of largest magnitude, with its sign; the first one of equals.
inline float SignedLargest(const Run& run) {
  float largest = 0;
  for (int i = 0; i < run.n; ++i) {
    if (std::fabs(run.x[i]) > std::fabs(largest)) largest = run.x[i];
  }
  return largest;
}

// Whole levels from lo to hi.
struct WholeLevels {
  float lo, hi;
  F32x16 operator()(const F32x16& v) const { return Rounded(Clamp(v, lo, hi)); }
};

// What a fit gained: the sum of w x^2 less the weighted error.
struct ScaleFit {
  float scale = 0, gain = 0;
};

// value = scale * q; `level` gives the q nearest to each number.
template <class Level>
inline void TryInverses(const Run& run, const F32x16& inverses, const Level& level,
                        ScaleFit* best) {
  F32x16 xq = Zero(), qq = Zero();
  for (int i = 0; i < run.n; ++i) {
    const F32x16 x = Splat(run.x[i]);
    const F32x16 q = level(Mul(x, inverses));
    const F32x16 wq = Mul(Splat(run.w[i]), q);
    xq = Fma(x, wq, xq);
    qq = Fma(wq, q, qq);
  }
  const F32x16 scale = Div(xq, Max(qq, Splat(kTiny)));
  const int lane = BestLane(Mul(xq, scale), &best->gain);
  if (lane >= 0) best->scale = Lane(scale, lane);
}

// `widest`: how far beyond the largest element's level the search goes.
inline ScaleFit FitScale(const Run& run, float lo, float hi, float widest) {
  ScaleFit best;
  const float largest = SignedLargest(run);
  if (largest == 0) return best;
  const F32x16 factors = Ladder(0.95f, (widest - 0.95f) / 15);
  const WholeLevels levels{lo, hi};
  TryInverses(run, Mul(Splat(lo / largest), factors), levels, &best);
  TryInverses(run, Mul(Splat(hi / largest), factors), levels, &best);
  if (best.scale == 0) return best;
  const float step = (widest - 0.95f) / 120;
  TryInverses(run, Mul(Splat(1 / best.scale), Ladder(1 - 7.5f * step, step)), levels, &best);
  return best;
}

struct OffsetFit {
  float scale = 0, offset = 0, gain = 0;
};

// The sums of a run that do not depend on its levels.
struct RunSums {
  float w = 0, x = 0, lowest = 0, highest = 0;
};
inline RunSums SumsOf(const Run& run) {
  RunSums sums{.lowest = run.x[0], .highest = run.x[0]};
  for (int i = 0; i < run.n; ++i) {
    sums.w += run.w[i];
    sums.x += run.w[i] * run.x[i];
    if (run.x[i] < sums.lowest) sums.lowest = run.x[i];
    if (run.x[i] > sums.highest) sums.highest = run.x[i];
  }
  return sums;
}

// Levels 0..top: value = scale * q - offset, with offset >= `least`.
inline void TryOffsets(const Run& run, const RunSums& sums, float top, float least,
                       const F32x16& inverses, const F32x16& offsets, OffsetFit* best) {
  F32x16 q1 = Zero(), xq = Zero(), qq = Zero();
  for (int i = 0; i < run.n; ++i) {
    const F32x16 x = Splat(run.x[i]);
    const F32x16 q = Rounded(Clamp(Mul(Add(x, offsets), inverses), 0, top));
    const F32x16 wq = Mul(Splat(run.w[i]), q);
    q1 = Add(q1, wq);
    xq = Fma(x, wq, xq);
    qq = Fma(wq, q, qq);
  }
  const F32x16 w = Splat(sums.w), sx = Splat(sums.x), tiny = Splat(kTiny);
  const F32x16 determinant = Max(Sub(Mul(w, qq), Mul(q1, q1)), tiny);
  const F32x16 free_scale = Div(Sub(Mul(w, xq), Mul(q1, sx)), determinant);
  const F32x16 offset = Max(Div(Sub(Mul(free_scale, q1), sx), w), Splat(least));
  const F32x16 scale = Div(Add(xq, Mul(offset, q1)), Max(qq, tiny));
  // 2 s xq - 2 m sx - s^2 qq + 2 s m q1 - m^2 w, with s qq = xq + m q1.
  const F32x16 gain =
      Sub(Mul(scale, Add(xq, Mul(offset, q1))), Mul(offset, Add(Add(sx, sx), Mul(offset, w))));
  const int lane = BestLane(gain, &best->gain);
  if (lane < 0) return;
  best->scale = Lane(scale, lane);
  best->offset = Lane(offset, lane);
}

// Four scales by four offsets around a point: (1 + a) and (1 + b) times it.
inline F32x16 FourByFour(float value, float first, float step, bool outer) {
  float lane[kLanes];
  for (size_t i = 0; i < kLanes; ++i) {
    lane[i] = value * (first + step * static_cast<float>(outer ? i / 4 : i % 4));
  }
  return Load(lane);
}

// `any_sign`: offsets may be below zero too. `widest` as above.
inline OffsetFit FitOffset(const Run& run, float top, bool any_sign, float widest) {
  OffsetFit best;
  const RunSums sums = SumsOf(run);
  float lowest = sums.lowest;
  if (!any_sign && lowest > 0) lowest = 0;
  const float range = sums.highest - lowest;
  const float least = any_sign ? -std::numeric_limits<float>::infinity() : 0.0f;
  if (!(range > 0)) {  // one number for all
    best.offset = sums.lowest < 0 || any_sign ? -sums.lowest : 0.0f;
    if (!any_sign && sums.lowest > 0) best = {.scale = sums.lowest / top};
    return best;
  }
  best.gain = -std::numeric_limits<float>::infinity();
  const float inverse = top / range;
  TryOffsets(run, sums, top, least, Mul(Splat(inverse), Ladder(0.93f, (widest - 0.93f) / 15)),
             Splat(-lowest), &best);
  if (!any_sign && sums.lowest > 0) return best;
  const float step = (widest - 0.93f) / 3, shift = (widest - 1) / 4;
  TryOffsets(run, sums, top, least, FourByFour(inverse, 0.97f, step, true),
             FourByFour(-lowest, 1 - 4 * shift, shift, false), &best);
  if (!(best.scale > 0)) return best;
  TryOffsets(run, sums, top, least, FourByFour(1 / best.scale, 1 - 0.3f * step, 0.2f * step, true),
             FourByFour(best.offset, 1 - 0.3f * shift * 2, 0.2f * shift * 2, false), &best);
  return best;
}

// Nearest levels of a run for a given scale and offset.
inline void TakeLevels(const Run& run, float scale, float offset, float lo, float hi, int8_t* q) {
  const F32x16 inverse = Splat(scale == 0 ? 0.0f : 1 / scale), shift = Splat(offset);
  for (int i = 0; i < run.n; i += static_cast<int>(kLanes)) {
    StoreRounded(Clamp(Mul(Add(Load(run.x + i), shift), inverse), lo, hi), q + i);
  }
}

// Minus the weighted error of a run with the nearest levels, for sixteen scales and offsets.
inline F32x16 MinusErrors(const Run& run, const F32x16& scales, const F32x16& offsets, float lo,
                          float hi) {
  const F32x16 inverses = Div(Splat(1.0f), scales);  // of 0: all levels give 0
  F32x16 errors = Zero();
  for (int i = 0; i < run.n; ++i) {
    const F32x16 x = Add(Splat(run.x[i]), offsets);
    const F32x16 q = Rounded(Clamp(Mul(x, inverses), lo, hi));
    const F32x16 difference = Fma(Negated(q), scales, x);
    errors = Fma(Mul(Splat(run.w[i]), difference), difference, errors);
  }
  return Negated(errors);
}

}  // namespace
}  // namespace tael::TAEL_ISA
