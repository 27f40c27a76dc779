// Encoders of the 4-bit formats with uneven levels, IQ4_NL and IQ4_XS.
namespace tael::TAEL_ISA {
namespace {

// Half way between neighbouring levels, and how far apart they are.
struct LevelTable {
  float middle[15], gap[15];
};
constexpr LevelTable MakeLevelTable() {
  LevelTable table{};
  for (int i = 0; i < 15; ++i) {
    table.middle[i] = 0.5f * static_cast<float>(kIq4Levels[i] + kIq4Levels[i + 1]);
    table.gap[i] = static_cast<float>(kIq4Levels[i + 1] - kIq4Levels[i]);
  }
  return table;
}
constexpr LevelTable kLevels = MakeLevelTable();

// The level nearest to each number, by its value; of two equally near ones the lower.
inline F32x16 NearestLevel(const F32x16& v) {
  F32x16 level = Splat(static_cast<float>(kIq4Levels[0]));
  for (int i = 0; i < 15; ++i) {
    // 0 or 1: (v - middle) * huge, limited; the middle itself and NaN give 0.
    const F32x16 above = Clamp(Mul(Sub(v, Splat(kLevels.middle[i])), Splat(1e30f)), 0, 1);
    level = Fma(above, Splat(kLevels.gap[i]), level);
  }
  return level;
}

struct UnevenLevels {
  F32x16 operator()(const F32x16& v) const { return NearestLevel(v); }
};

inline ScaleFit FitLevels(const Run& run) {
  ScaleFit best;
  const float largest = SignedLargest(run);
  if (largest == 0) return best;
  TryInverses(run, Mul(Splat(-127 / largest), Ladder(0.8f, 0.03f)), UnevenLevels{}, &best);
  TryInverses(run, Mul(Splat(113 / largest), Ladder(0.8f, 0.03f)), UnevenLevels{}, &best);
  if (best.scale == 0) return best;
  TryInverses(run, Mul(Splat(1 / best.scale), Ladder(0.97f, 0.004f)), UnevenLevels{}, &best);
  return best;
}

inline F32x16 MinusLevelErrors(const Run& run, const F32x16& scales) {
  const F32x16 inverses = Div(Splat(1.0f), scales);
  F32x16 errors = Zero();
  for (int i = 0; i < run.n; ++i) {
    const F32x16 x = Splat(run.x[i]);
    const F32x16 difference = Fma(Negated(NearestLevel(Mul(x, inverses))), scales, x);
    errors = Fma(Mul(Splat(run.w[i]), difference), difference, errors);
  }
  return Negated(errors);
}

// Indices of the nearest levels, and their values.
inline void TakeUnevenLevels(const Run& run, float scale, uint8_t* index, int8_t* value) {
  const F32x16 inverse = Splat(scale == 0 ? 0.0f : 1 / scale);
  for (int i = 0; i < run.n; i += static_cast<int>(kLanes)) {
    float lane[kLanes];
    Store(NearestLevel(Mul(Load(run.x + i), inverse)), lane);
    for (int j = 0; j < static_cast<int>(kLanes); ++j) {
      uint8_t k = 0;
      while (k < 15 && static_cast<float>(kIq4Levels[k]) < lane[j]) ++k;
      index[i + j] = k;
      value[i + j] = kIq4Levels[k];
    }
  }
}

inline void EncodeBlock(const float* x, const float* w, BlockIQ4_NL* out) {
  const Run run{x, w, 32};
  const float d = Halved(FitLevels(run).scale, &out->d);
  uint8_t index[32];
  int8_t value[32];
  TakeUnevenLevels(run, d, index, value);
  PackNibbles(index, out->qs);
}

struct UnevenQuants {
  uint16_t d = 0;
  int8_t scales[8] = {}, values[256] = {};
  uint8_t index[256] = {};
};

inline float ChooseLevelScales(const SuperBlock& block, const ScaleFit* fits, float d,
                               UnevenQuants* out) {
  const float unit = Halved(d, &out->d);
  float total = 0;
  for (int r = 0; r < block.runs; ++r) {
    const Run run = block.run(r);
    const float middle = unit != 0 ? RoundedScalar(fits[r].scale / unit) : 0.0f;
    const F32x16 scales = Clamp(Add(Splat(middle), Ladder(-7, 1)), -32, 31);
    float best = -std::numeric_limits<float>::infinity();
    const int lane = BestLane(MinusLevelErrors(run, Mul(scales, Splat(unit))), &best);
    const float s = lane < 0 ? 0.0f : Lane(scales, lane);
    total += best;
    out->scales[r] = static_cast<int8_t>(s);
    TakeUnevenLevels(run, s * unit, out->index + 32 * r, out->values + 32 * r);
  }
  return total;
}

inline float RefitLevels(const SuperBlock& block, const UnevenQuants& quants, float d) {
  double ss = 0, xs = 0;
  for (int i = 0; i < 256; ++i) {
    const int level = quants.scales[i / 32] * quants.values[i];
    const auto s = static_cast<double>(level);
    ss += static_cast<double>(block.w[i]) * s * s;
    xs += static_cast<double>(block.w[i]) * s * static_cast<double>(block.x[i]);
  }
  return ss > 0 ? static_cast<float>(xs / ss) : d;
}

inline void EncodeBlock(const float* x, const float* w, BlockIQ4_XS* out) {
  const SuperBlock block{x, w, 8};
  ScaleFit fits[8];
  float largest = 0;
  for (int r = 0; r < 8; ++r) {
    fits[r] = FitLevels(block.run(r));
    if (std::fabs(fits[r].scale) > std::fabs(largest)) largest = fits[r].scale;
  }
  UnevenQuants best, trial;
  float least = -std::numeric_limits<float>::infinity(), d = largest / -32;
  for (int round = 0; round < kRounds; ++round) {
    const float total = ChooseLevelScales(block, fits, d, &trial);
    if (!(total > least)) break;
    least = total;
    best = trial;
    d = RefitLevels(block, trial, d);
  }
  out->d = best.d;
  out->scales_h = 0;
  std::memset(out->scales_l, 0, sizeof(out->scales_l));
  for (int r = 0; r < 8; ++r) {
    const int scale = best.scales[r] + 32;
    uint8_t& low = out->scales_l[r / 2];
    low = static_cast<uint8_t>(low | (scale & 15) << (4 * (r % 2)));
    out->scales_h = static_cast<uint16_t>(out->scales_h | scale >> 4 << (2 * r));
    PackNibbles(best.index + 32 * r, out->qs + 16 * r);
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
