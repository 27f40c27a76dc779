// Encoders of super-blocks: runs are fitted one by one, their scales are rounded to whole multiples
// of one number d, which is then fitted again to what was chosen; the best of the rounds is kept.
namespace tael::TAEL_ISA {
namespace {

// A super-block: 256 weights in runs of equal length.
struct SuperBlock {
  const float* x;
  const float* w;
  int runs;
  Run run(int r) const { return {x + r * length(), w + r * length(), length()}; }
  int length() const { return 256 / runs; }
};

constexpr int kRounds = 3;

inline float Halved(float value, uint16_t* bits) {
  *bits = FloatToHalf(value);
  return HalfToFloat(*bits);
}

// What a format with minima can store.
struct OffsetLimits {
  int runs;
  float top;        // of a level
  float top_scale;  // of scales and minima
  float widest;     // see FitScale
};

// A sum in eight chains, so that eight additions are one instruction.
struct LaneSum {
  static constexpr int kChains = 8;
  double chain[kChains] = {};
  double total() const {
    double sum = 0;
    for (const double part : chain) sum += part;
    return sum;
  }
};

// The d and dmin that fit the chosen scales, minima and levels best.
inline void RefitOffset(const SuperBlock& block, const OffsetQuants& quants, float* d,
                        float* dmin) {
  double ss = 0, sm = 0, mm = 0, xs = 0, xm = 0;
  for (int r = 0; r < block.runs; ++r) {
    const Run run = block.run(r);
    const auto scale = static_cast<double>(quants.scales[r]);
    LaneSum w, wx, wq, wqq, wxq;
    for (int i = 0; i < run.n; i += LaneSum::kChains) {
      for (int j = 0; j < LaneSum::kChains; ++j) {
        const auto q = static_cast<double>(quants.q[r * run.n + i + j]);
        const auto weight = static_cast<double>(run.w[i + j]);
        const auto x = static_cast<double>(run.x[i + j]);
        w.chain[j] += weight;
        wx.chain[j] += weight * x;
        wq.chain[j] += weight * q;
        wqq.chain[j] += weight * q * q;
        wxq.chain[j] += weight * q * x;
      }
    }
    const auto minimum = static_cast<double>(quants.minima[r]);
    ss += scale * scale * wqq.total();
    sm += scale * minimum * wq.total();
    mm += minimum * minimum * w.total();
    xs += scale * wxq.total();
    xm += minimum * wx.total();
  }
  const double determinant = ss * mm - sm * sm;
  double fitted = determinant > 1e-9 * ss * mm ? (xs * sm - xm * ss) / determinant : 0;
  if (!(fitted > 0)) fitted = 0;
  if (!(ss > 0)) return;
  *dmin = static_cast<float>(fitted);
  *d = static_cast<float>((xs + fitted * sm) / ss);
}

// Scales and minima for given d and dmin, with the levels; returns minus the error.
inline float ChooseOffsets(const SuperBlock& block, const OffsetFit* fits,
                           const OffsetLimits& limits, float d, float dmin, OffsetQuants* out) {
  static constexpr float kScaleSteps[16] = {0, -1, -1, -1, -1, -1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2};
  static constexpr float kMinimumSteps[16] = {0, -2, -1, 0, 1, 2, -2, -1, 1, 2, -2, -1, 0, 1, 2, 0};
  const float scale_unit = Halved(d, &out->d), minimum_unit = Halved(dmin, &out->dmin);
  float total = 0;
  for (int r = 0; r < block.runs; ++r) {
    const Run run = block.run(r);
    const float scale = scale_unit > 0 ? RoundedScalar(fits[r].scale / scale_unit) : 0.0f;
    const float minimum = minimum_unit > 0 ? RoundedScalar(fits[r].offset / minimum_unit) : 0.0f;
    const F32x16 scales = Clamp(Add(Splat(scale), Load(kScaleSteps)), 0, limits.top_scale);
    const F32x16 minima = Clamp(Add(Splat(minimum), Load(kMinimumSteps)), 0, limits.top_scale);
    const F32x16 errors = MinusErrors(run, Mul(scales, Splat(scale_unit)),
                                      Mul(minima, Splat(minimum_unit)), 0, limits.top);
    float best = -std::numeric_limits<float>::infinity();
    const int lane = BestLane(errors, &best);
    const float s = lane < 0 ? 0.0f : Lane(scales, lane), m = lane < 0 ? 0.0f : Lane(minima, lane);
    total += best;
    out->scales[r] = static_cast<uint8_t>(s);
    out->minima[r] = static_cast<uint8_t>(m);
    TakeLevels(run, s * scale_unit, m * minimum_unit, 0, limits.top, out->q + r * run.n);
  }
  return total;
}

inline OffsetQuants EncodeWithOffsets(const SuperBlock& block, const OffsetLimits& limits) {
  OffsetFit fits[16];
  float scale = 0, offset = 0;
  for (int r = 0; r < block.runs; ++r) {
    fits[r] = FitOffset(block.run(r), limits.top, false, limits.widest);
    scale = std::fmax(scale, fits[r].scale);
    offset = std::fmax(offset, fits[r].offset);
  }
  OffsetQuants best, trial;
  float least = -std::numeric_limits<float>::infinity();
  float d = scale / limits.top_scale, dmin = offset / limits.top_scale;
  for (int round = 0; round < kRounds; ++round) {
    const float total = ChooseOffsets(block, fits, limits, d, dmin, &trial);
    if (!(total > least)) break;
    least = total;
    best = trial;
    RefitOffset(block, trial, &d, &dmin);
  }
  return best;
}

struct SignedLimits {
  float lo, hi;              // of a level
  float scale_lo, scale_hi;  // of a run
  float widest;
};

inline float RefitScale(const SuperBlock& block, const SignedQuants& quants, float d) {
  LaneSum ss, xs;
  for (int r = 0; r < block.runs; ++r) {
    const Run run = block.run(r);
    for (int i = 0; i < run.n; i += LaneSum::kChains) {
      for (int j = 0; j < LaneSum::kChains; ++j) {
        const auto s = static_cast<double>(quants.scales[r] * quants.q[r * run.n + i + j]);
        const auto weighted = static_cast<double>(run.w[i + j]) * s;
        ss.chain[j] += weighted * s;
        xs.chain[j] += weighted * static_cast<double>(run.x[i + j]);
      }
    }
  }
  return ss.total() > 0 ? static_cast<float>(xs.total() / ss.total()) : d;
}

inline float ChooseScales(const SuperBlock& block, const ScaleFit* fits, const SignedLimits& limits,
                          float d, SignedQuants* out) {
  const float unit = Halved(d, &out->d);
  float total = 0;
  for (int r = 0; r < block.runs; ++r) {
    const Run run = block.run(r);
    const float middle = unit != 0 ? RoundedScalar(fits[r].scale / unit) : 0.0f;
    const F32x16 scales =
        Clamp(Add(Splat(middle), Ladder(-7, 1)), limits.scale_lo, limits.scale_hi);
    const F32x16 errors = MinusErrors(run, Mul(scales, Splat(unit)), Zero(), limits.lo, limits.hi);
    float best = -std::numeric_limits<float>::infinity();
    const int lane = BestLane(errors, &best);
    const float s = lane < 0 ? 0.0f : Lane(scales, lane);
    total += best;
    out->scales[r] = static_cast<int8_t>(s);
    TakeLevels(run, s * unit, 0, limits.lo, limits.hi, out->q + r * run.n);
  }
  return total;
}

inline SignedQuants EncodeSigned(const SuperBlock& block, const SignedLimits& limits) {
  ScaleFit fits[16];
  float largest = 0;
  for (int r = 0; r < block.runs; ++r) {
    fits[r] = FitScale(block.run(r), limits.lo, limits.hi, limits.widest);
    if (std::fabs(fits[r].scale) > std::fabs(largest)) largest = fits[r].scale;
  }
  SignedQuants best, trial;
  float least = -std::numeric_limits<float>::infinity(), d = largest / limits.scale_lo;
  for (int round = 0; round < kRounds; ++round) {
    const float total = ChooseScales(block, fits, limits, d, &trial);
    if (!(total > least)) break;
    least = total;
    best = trial;
    d = RefitScale(block, trial, d);
  }
  return best;
}

constexpr OffsetLimits kQ2K{16, 3, 15, 1.5f}, kQ4K{8, 15, 63, 1.2f}, kQ5K{8, 31, 63, 1.1f};
constexpr SignedLimits kQ3K{-4, 3, -32, 31, 1.5f}, kQ6K{-32, 31, -128, 127, 1.08f};

inline void EncodeBlock(const float* x, const float* w, BlockQ2_K* out) {
  Pack(EncodeWithOffsets({x, w, kQ2K.runs}, kQ2K), out);
}
inline void EncodeBlock(const float* x, const float* w, BlockQ3_K* out) {
  Pack(EncodeSigned({x, w, 16}, kQ3K), out);
}
inline void EncodeBlock(const float* x, const float* w, BlockQ4_K* out) {
  Pack(EncodeWithOffsets({x, w, kQ4K.runs}, kQ4K), out);
}
inline void EncodeBlock(const float* x, const float* w, BlockQ5_K* out) {
  Pack(EncodeWithOffsets({x, w, kQ5K.runs}, kQ5K), out);
}
inline void EncodeBlock(const float* x, const float* w, BlockQ6_K* out) {
  Pack(EncodeSigned({x, w, 16}, kQ6K), out);
}

}  // namespace
}  // namespace tael::TAEL_ISA
