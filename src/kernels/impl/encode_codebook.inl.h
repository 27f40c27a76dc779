// Encoders of the codebook formats (IQ1, IQ2, IQ3). For a run of weights the gain of a codebook row
// g at scale s is 2 s A[g] - s^2 B[g] with A = sum w x g and B = sum w g^2, so A and B are computed
// once per run, for all rows side by side, and then serve every scale. The search is exhaustive.
namespace tael::TAEL_ISA {
namespace {

constexpr int kMostRows = 2048;

// What A and B are computed from: element j of all rows, one after the other.
struct CodebookView {
  const float* elements;  // [width, rows]
  int rows, width;
};

template <size_t kRows, size_t kWidth>
struct Columns {
  explicit Columns(const Codebook<kRows, kWidth>& grid, float shift = 0) {
    for (size_t g = 0; g < kRows; ++g) {
      for (size_t j = 0; j < kWidth; ++j) {
        element[j][g] = static_cast<float>(grid[g][j]) + shift;
      }
    }
  }
  CodebookView view() const {
    return {&element[0][0], static_cast<int>(kRows), static_cast<int>(kWidth)};
  }
  float element[kWidth][kRows];
};

struct RowGains {
  alignas(64) float a[kMostRows], b[kMostRows];
};

// x: with the signs that the rows are to have.
inline void GainsOf(const CodebookView& book, const float* x, const float* w, RowGains* out) {
  for (int g = 0; g < book.rows; g += static_cast<int>(kLanes)) {
    F32x16 a = Zero(), b = Zero();
    for (int j = 0; j < book.width; ++j) {
      const F32x16 element = Load(book.elements + j * book.rows + g);
      const F32x16 weighted = Mul(Splat(w[j]), element);
      a = Fma(Splat(x[j]), weighted, a);
      b = Fma(weighted, element, b);
    }
    Store(a, out->a + g);
    Store(b, out->b + g);
  }
}

// The gain of the best row for each of sixteen scales.
inline F32x16 BestGains(const RowGains& gains, int rows, const F32x16& scales) {
  const F32x16 twice = Add(scales, scales), minus_square = Negated(Mul(scales, scales));
  // Four independent chains hide the latency of the maximum.
  F32x16 best[4];
  for (F32x16& b : best) b = Splat(-std::numeric_limits<float>::infinity());
  for (int g = 0; g < rows; g += 4) {
    for (int k = 0; k < 4; ++k) {
      const F32x16 gain =
          Fma(Splat(gains.b[g + k]), minus_square, Mul(Splat(gains.a[g + k]), twice));
      best[k] = Max(gain, best[k]);
    }
  }
  return Max(Max(best[0], best[1]), Max(best[2], best[3]));
}

// The gains of sixteen rows from `g` on at one scale: a and b times 2 s and s^2.
inline F32x16 RowGainsAt(const RowGains& gains, int g, float twice, float square) {
  return Sub(Mul(Load(gains.a + g), Splat(twice)), Mul(Load(gains.b + g), Splat(square)));
}

// The largest gain at `scale`.
inline float BestGain(const RowGains& gains, int rows, float scale) {
  F32x16 best = Splat(-std::numeric_limits<float>::infinity());
  for (int g = 0; g < rows; g += static_cast<int>(kLanes)) {
    best = Max(RowGainsAt(gains, g, 2 * scale, scale * scale), best);
  }
  return ReduceMax(best);
}

// The first row with the largest gain at `scale`.
inline int BestRow(const RowGains& gains, int rows, float scale) {
  const float best = BestGain(gains, rows, scale);
  float lane[kLanes];
  for (int g = 0; g < rows; g += static_cast<int>(kLanes)) {
    Store(RowGainsAt(gains, g, 2 * scale, scale * scale), lane);
    for (int j = 0; j < static_cast<int>(kLanes); ++j) {
      if (lane[j] >= best) return g + j;
    }
  }
  return 0;  // no number is the largest where one is NaN
}

// How a format cuts and scales.
struct CodebookForm {
  int group;                // weights with one scale: 32 or 16
  int scale_levels;         // scale = d * (2 l + 1), l below this: 16 or 8
  float unit;               // a stored d counts as unit * d
  bool even_signs;          // the number of minus signs in 8 weights is even
  float narrowest, widest;  // scales to try, as a share of (largest weight / largest element)
};

// The signs of 8 weights; with an odd number of minus signs the cheapest weight changes its own.
inline uint8_t ChooseSigns(const float* x, const float* w, bool even) {
  int signs = 0, count = 0, cheapest = 0;
  for (int j = 0; j < 8; ++j) {
    if (x[j] < 0) {
      signs |= 1 << j;
      ++count;
    }
    if (w[j] * x[j] * x[j] < w[cheapest] * x[cheapest] * x[cheapest]) cheapest = j;
  }
  if (even && count % 2 != 0) signs ^= 1 << cheapest;
  return static_cast<uint8_t>(signs);
}

// A super-block under search; `magnitudes`: x with the chosen signs taken away.
struct CodebookBlock {
  const float* magnitudes;
  const float* w;
  CodebookView book;
  CodebookForm form;
  int groups() const { return 256 / form.group; }
  int runs() const { return form.group / book.width; }  // per group
  int at(int group, int run) const { return group * form.group + run * book.width; }
};

// What was chosen.
struct CodebookQuants {
  float scale[16] = {};  // before rounding
  float gain = 0;
  uint16_t d = 0;
  uint8_t level[16] = {};
  uint16_t row[64] = {};
};

struct GroupGains {
  RowGains run[8];
};

inline void GroupGainsOf(const CodebookBlock& block, int group, GroupGains* gains) {
  for (int k = 0; k < block.runs(); ++k) {
    const int at = block.at(group, k);
    GainsOf(block.book, block.magnitudes + at, block.w + at, &gains->run[k]);
  }
}

inline F32x16 GroupGain(const CodebookBlock& block, const GroupGains& gains, const F32x16& scales) {
  F32x16 total = Zero();
  for (int k = 0; k < block.runs(); ++k) {
    total = Add(total, BestGains(gains.run[k], block.book.rows, scales));
  }
  return total;
}

// The best free scale of a group.
inline float FitGroup(const CodebookBlock& block, int group, float top, const GroupGains& gains) {
  float largest = 0;
  for (int i = 0; i < block.form.group; ++i) {
    const float x = block.magnitudes[group * block.form.group + i];
    if (x > largest) largest = x;
  }
  if (!(largest > 0)) return 0;
  const float first = block.form.narrowest, step = (block.form.widest - first) / 15;
  const F32x16 scales = Mul(Splat(largest / top), Ladder(first, step));
  float best = 0;
  const int lane = BestLane(GroupGain(block, gains, scales), &best);
  if (lane < 0) return 0;
  double xq = 0, qq = 0;
  for (int k = 0; k < block.runs(); ++k) {
    const int row = BestRow(gains.run[k], block.book.rows, Lane(scales, lane));
    xq += static_cast<double>(gains.run[k].a[row]);
    qq += static_cast<double>(gains.run[k].b[row]);
  }
  return qq > 0 ? static_cast<float>(xq / qq) : 0.0f;
}

// The level whose scale is next to a free one, and its neighbours: [first, last].
struct LevelRange {
  int first, last;
};
inline LevelRange LevelsNear(float scale, float unit, int levels) {
  const float exact = unit > 0 ? 0.5f * (scale / unit - 1) : 0.0f;
  const float near =
      exact > 0
          ? (exact < static_cast<float>(levels - 1) ? exact + 0.5f : static_cast<float>(levels - 1))
          : 0.0f;
  const int middle = static_cast<int>(near);
  return {middle > 0 ? middle - 1 : 0, middle + 1 < levels ? middle + 1 : levels - 1};
}

// Levels and rows of a group for a given d; adds the gain, and what refits d.
inline void ChooseRows(const CodebookBlock& block, int group, float unit, const GroupGains& gains,
                       CodebookQuants* out, double* xq, double* qq) {
  const LevelRange range = LevelsNear(out->scale[group], unit, block.form.scale_levels);
  int level = range.first;
  float best = -std::numeric_limits<float>::infinity();
  for (int trial = range.first; trial <= range.last; ++trial) {
    float gain = 0;
    for (int k = 0; k < block.runs(); ++k) {
      gain += BestGain(gains.run[k], block.book.rows, static_cast<float>(2 * trial + 1) * unit);
    }
    if (!(gain > best)) continue;
    best = gain;
    level = trial;
  }
  out->level[group] = static_cast<uint8_t>(level);
  if (best > -std::numeric_limits<float>::infinity()) out->gain += best;
  const auto factor = static_cast<float>(2 * level + 1);
  for (int k = 0; k < block.runs(); ++k) {
    const int row = BestRow(gains.run[k], block.book.rows, factor * unit);
    out->row[group * block.runs() + k] = static_cast<uint16_t>(row);
    *xq += static_cast<double>(factor) * static_cast<double>(gains.run[k].a[row]);
    *qq += static_cast<double>(factor * factor) * static_cast<double>(gains.run[k].b[row]);
  }
}

// `top`: the largest element of the codebook.
inline CodebookQuants EncodeWithCodebook(const CodebookBlock& block, float top) {
  CodebookQuants quants, best;
  GroupGains gains;
  float largest = 0;
  for (int group = 0; group < block.groups(); ++group) {
    GroupGainsOf(block, group, &gains);
    quants.scale[group] = FitGroup(block, group, top, gains);
    largest = std::fmax(largest, quants.scale[group]);
  }
  if (!(largest > 0)) return best;
  float d = largest / static_cast<float>(2 * block.form.scale_levels - 1);
  for (int round = 0; round < 2; ++round) {
    const float unit = Halved(d / block.form.unit, &quants.d) * block.form.unit;
    quants.gain = 0;
    double xq = 0, qq = 0;
    for (int group = 0; group < block.groups(); ++group) {
      GroupGainsOf(block, group, &gains);
      ChooseRows(block, group, unit, gains, &quants, &xq, &qq);
    }
    if (!(quants.gain > best.gain)) break;
    best = quants;
    if (!(qq > 0)) break;
    d = static_cast<float>(xq / qq);
  }
  return best;
}

// Magnitudes under chosen signs, and the signs of each 8 weights.
inline void SplitSigns(const float* x, const float* w, bool even, float* magnitudes,
                       uint8_t* signs) {
  for (int run = 0; run < 32; ++run) {
    signs[run] = ChooseSigns(x + 8 * run, w + 8 * run, even);
    for (int j = 0; j < 8; ++j) {
      const float value = x[8 * run + j];
      magnitudes[8 * run + j] = (signs[run] >> j & 1) != 0 ? -value : value;
    }
  }
}

inline void EncodeBlock(const float* x, const float* w, BlockIQ2_XXS* out) {
  static const Columns<256, 8> columns(kIq2XxsGrid);
  float magnitudes[256];
  uint8_t signs[32];
  SplitSigns(x, w, true, magnitudes, signs);
  const CodebookQuants q =
      EncodeWithCodebook({magnitudes, w, columns.view(), {32, 16, 0.125f, true, 0.4f, 1.2f}}, 43);
  out->d = q.d;
  for (int g = 0; g < 8; ++g) {
    uint8_t index[4];
    uint32_t packed = static_cast<uint32_t>(q.level[g]) << 28;
    for (int l = 0; l < 4; ++l) {
      index[l] = static_cast<uint8_t>(q.row[4 * g + l]);
      packed |= static_cast<uint32_t>(signs[4 * g + l] & 127) << (7 * l);
    }
    std::memcpy(out->qs + 4 * g, index, sizeof(index));
    std::memcpy(out->qs + 4 * g + 2, &packed, sizeof(packed));
  }
}

inline void EncodeBlock(const float* x, const float* w, BlockIQ2_XS* out) {
  static const Columns<512, 8> columns(kIq2XsGrid);
  float magnitudes[256];
  uint8_t signs[32];
  SplitSigns(x, w, true, magnitudes, signs);
  const CodebookQuants q =
      EncodeWithCodebook({magnitudes, w, columns.view(), {16, 16, 0.125f, true, 0.4f, 1.2f}}, 43);
  out->d = q.d;
  for (int run = 0; run < 32; ++run) {
    out->qs[run] = static_cast<uint16_t>(q.row[run] | (signs[run] & 127) << 9);
  }
  for (int g = 0; g < 8; ++g) {
    out->scales[g] = static_cast<uint8_t>(q.level[2 * g] | q.level[2 * g + 1] << 4);
  }
}

inline void EncodeBlock(const float* x, const float* w, BlockIQ2_S* out) {
  static const Columns<1024, 8> columns(kIq2SGrid);
  float magnitudes[256];
  SplitSigns(x, w, false, magnitudes, out->signs);
  const CodebookQuants q =
      EncodeWithCodebook({magnitudes, w, columns.view(), {16, 16, 0.125f, false, 0.4f, 1.2f}}, 43);
  out->d = q.d;
  std::memset(out->qh, 0, sizeof(out->qh));
  for (int run = 0; run < 32; ++run) {
    out->qs[run] = static_cast<uint8_t>(q.row[run]);
    uint8_t& upper = out->qh[run / 4];
    upper = static_cast<uint8_t>(upper | q.row[run] >> 8 << (2 * (run % 4)));
  }
  for (int g = 0; g < 8; ++g) {
    out->scales[g] = static_cast<uint8_t>(q.level[2 * g] | q.level[2 * g + 1] << 4);
  }
}

inline void EncodeBlock(const float* x, const float* w, BlockIQ3_XXS* out) {
  static const Columns<256, 4> columns(kIq3XxsGrid);
  float magnitudes[256];
  uint8_t signs[32];
  SplitSigns(x, w, true, magnitudes, signs);
  const CodebookQuants q =
      EncodeWithCodebook({magnitudes, w, columns.view(), {32, 16, 0.25f, true, 0.6f, 1.2f}}, 62);
  out->d = q.d;
  for (int run = 0; run < 64; ++run) out->qs[run] = static_cast<uint8_t>(q.row[run]);
  for (int g = 0; g < 8; ++g) {
    uint32_t packed = static_cast<uint32_t>(q.level[g]) << 28;
    for (int l = 0; l < 4; ++l) {
      packed |= static_cast<uint32_t>(signs[4 * g + l] & 127) << (7 * l);
    }
    std::memcpy(out->scales_and_signs[g], &packed, sizeof(packed));
  }
}

inline void EncodeBlock(const float* x, const float* w, BlockIQ3_S* out) {
  static const Columns<512, 4> columns(kIq3SGrid);
  float magnitudes[256];
  SplitSigns(x, w, false, magnitudes, out->signs);
  const CodebookQuants q =
      EncodeWithCodebook({magnitudes, w, columns.view(), {32, 16, 1.0f, false, 0.6f, 1.2f}}, 15);
  out->d = q.d;
  std::memset(out->qh, 0, sizeof(out->qh));
  for (int run = 0; run < 64; ++run) {
    out->qs[run] = static_cast<uint8_t>(q.row[run]);
    uint8_t& ninth = out->qh[run / 8];
    ninth = static_cast<uint8_t>(ninth | q.row[run] >> 8 << (run % 8));
  }
  for (int g = 0; g < 4; ++g) {
    out->scales[g] = static_cast<uint8_t>(q.level[2 * g] | q.level[2 * g + 1] << 4);
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
