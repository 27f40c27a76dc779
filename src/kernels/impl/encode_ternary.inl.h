// Encoders of IQ1_S and IQ1_M: rows of -1, 0, 1, all shifted by an eighth up or down. The shift
// belongs to a group (IQ1_S) or to a run (IQ1_M); a codebook of rows of both shifts serves the
// search.
namespace tael::TAEL_ISA {
namespace {

// The rows times 8, shifted up by 1 and then down by 1.
struct ShiftedColumns {
  ShiftedColumns() {
    for (size_t g = 0; g < 2048; ++g) {
      for (size_t j = 0; j < 8; ++j) {
        const float element = 8 * static_cast<float>(kIq1SGrid[g][j]);
        up[j][g] = element + 1;
        down[j][g] = element - 1;
      }
    }
  }
  CodebookView view(bool is_down) const { return {is_down ? &down[0][0] : &up[0][0], 2048, 8}; }
  float up[8][2048], down[8][2048];
};

inline const ShiftedColumns& Shifted() {
  static const ShiftedColumns columns;
  return columns;
}

// The runs of one scale, with both shifts.
struct TernaryGains {
  RowGains up[4], down[4];
};

struct TernaryForm {
  int group;            // weights with one scale
  bool shift_of_group;  // else each run has its own
  int runs() const { return group / 8; }
  int groups() const { return 256 / group; }
};

struct TernaryQuants {
  float gain = 0;
  uint16_t d = 0;
  uint8_t level[16] = {};
  uint16_t row[32] = {};
  bool down[32] = {};
};

inline void TernaryGainsOf(const float* x, const float* w, const TernaryForm& form,
                           TernaryGains* out) {
  for (int k = 0; k < form.runs(); ++k) {
    GainsOf(Shifted().view(false), x + 8 * k, w + 8 * k, &out->up[k]);
    GainsOf(Shifted().view(true), x + 8 * k, w + 8 * k, &out->down[k]);
  }
}

inline F32x16 TernaryGain(const TernaryGains& gains, const TernaryForm& form,
                          const F32x16& scales) {
  F32x16 up = Zero(), down = Zero(), either = Zero();
  for (int k = 0; k < form.runs(); ++k) {
    const F32x16 u = BestGains(gains.up[k], 2048, scales);
    const F32x16 v = BestGains(gains.down[k], 2048, scales);
    up = Add(up, u);
    down = Add(down, v);
    either = Add(either, Max(u, v));
  }
  return form.shift_of_group ? Max(up, down) : either;
}

// The gain of a group at one scale.
inline float TernaryGainAt(const TernaryGains& gains, const TernaryForm& form, float scale) {
  float up = 0, down = 0, either = 0;
  for (int k = 0; k < form.runs(); ++k) {
    const float u = BestGain(gains.up[k], 2048, scale), v = BestGain(gains.down[k], 2048, scale);
    up += u;
    down += v;
    either += u > v ? u : v;
  }
  if (!form.shift_of_group) return either;
  return up > down ? up : down;
}

inline float GainAt(const RowGains& gains, int row, float scale) {
  return 2 * scale * gains.a[row] - scale * scale * gains.b[row];
}

// Rows and shifts of a group at `scale`.
inline void TakeTernaryRows(const TernaryGains& gains, const TernaryForm& form, float scale,
                            uint16_t* rows, bool* down, double* xq, double* qq) {
  int up_row[4], down_row[4];
  float up = 0, lower = 0, up_gain[4], down_gain[4];
  for (int k = 0; k < form.runs(); ++k) {
    up_row[k] = BestRow(gains.up[k], 2048, scale);
    down_row[k] = BestRow(gains.down[k], 2048, scale);
    up += up_gain[k] = GainAt(gains.up[k], up_row[k], scale);
    lower += down_gain[k] = GainAt(gains.down[k], down_row[k], scale);
  }
  for (int k = 0; k < form.runs(); ++k) {
    down[k] = form.shift_of_group ? lower > up : down_gain[k] > up_gain[k];
    const int row = down[k] ? down_row[k] : up_row[k];
    const RowGains& run = down[k] ? gains.down[k] : gains.up[k];
    rows[k] = static_cast<uint16_t>(row);
    *xq += static_cast<double>(run.a[row]);
    *qq += static_cast<double>(run.b[row]);
  }
}

inline float FitTernary(const float* x, const TernaryForm& form, const TernaryGains& gains) {
  const float largest = std::fabs(SignedLargest({x, x, form.group}));
  if (!(largest > 0)) return 0;
  const F32x16 scales = Mul(Splat(largest / 9), Ladder(0.2f, 0.06f));
  float best = 0;
  const int lane = BestLane(TernaryGain(gains, form, scales), &best);
  if (lane < 0) return 0;
  uint16_t rows[4];
  bool down[4];
  double xq = 0, qq = 0;
  TakeTernaryRows(gains, form, Lane(scales, lane), rows, down, &xq, &qq);
  return qq > 0 ? static_cast<float>(xq / qq) : 0.0f;
}

inline TernaryQuants EncodeTernary(const float* x, const float* w, const TernaryForm& form) {
  TernaryQuants quants, best;
  TernaryGains gains;
  float largest = 0, free_scale[16];
  for (int g = 0; g < form.groups(); ++g) {
    TernaryGainsOf(x + g * form.group, w + g * form.group, form, &gains);
    free_scale[g] = FitTernary(x + g * form.group, form, gains);
    largest = std::fmax(largest, free_scale[g]);
  }
  if (!(largest > 0)) return best;
  float d = largest / 15;
  for (int round = 0; round < 2; ++round) {
    const float unit = Halved(d * 8, &quants.d) * 0.125f;
    quants.gain = 0;
    double xq = 0, qq = 0;
    for (int g = 0; g < form.groups(); ++g) {
      TernaryGainsOf(x + g * form.group, w + g * form.group, form, &gains);
      const LevelRange range = LevelsNear(free_scale[g], unit, 8);
      int level = range.first;
      float gain = -std::numeric_limits<float>::infinity();
      for (int trial = range.first; trial <= range.last; ++trial) {
        const float found = TernaryGainAt(gains, form, static_cast<float>(2 * trial + 1) * unit);
        if (!(found > gain)) continue;
        gain = found;
        level = trial;
      }
      quants.level[g] = static_cast<uint8_t>(level);
      if (gain > -std::numeric_limits<float>::infinity()) quants.gain += gain;
      const auto factor = static_cast<float>(2 * level + 1);
      double group_xq = 0, group_qq = 0;
      const int first = g * form.runs();
      TakeTernaryRows(gains, form, factor * unit, quants.row + first, quants.down + first,
                      &group_xq, &group_qq);
      xq += static_cast<double>(factor) * group_xq;
      qq += static_cast<double>(factor * factor) * group_qq;
    }
    if (!(quants.gain > best.gain)) break;
    best = quants;
    if (!(qq > 0)) break;
    d = static_cast<float>(xq / qq);
  }
  return best;
}

inline void EncodeBlock(const float* x, const float* w, BlockIQ1_S* out) {
  const TernaryQuants q = EncodeTernary(x, w, {32, true});
  out->d = q.d;
  for (int g = 0; g < 8; ++g) {
    int upper = q.level[g] << 12 | (q.down[4 * g] ? 0x8000 : 0);
    for (int l = 0; l < 4; ++l) {
      out->qs[4 * g + l] = static_cast<uint8_t>(q.row[4 * g + l]);
      upper |= q.row[4 * g + l] >> 8 << (3 * l);
    }
    out->qh[g] = static_cast<uint16_t>(upper);
  }
}

inline void EncodeBlock(const float* x, const float* w, BlockIQ1_M* out) {
  const TernaryQuants q = EncodeTernary(x, w, {16, false});
  std::memset(out->qh, 0, sizeof(out->qh));
  for (int run = 0; run < 32; ++run) {
    out->qs[run] = static_cast<uint8_t>(q.row[run]);
    const int nibble = q.row[run] >> 8 | (q.down[run] ? 8 : 0);
    out->qh[run / 2] = static_cast<uint8_t>(out->qh[run / 2] | nibble << (4 * (run % 2)));
  }
  for (int word = 0; word < 4; ++word) {
    int bits = (q.d >> (4 * word) & 15) << 12;
    for (int k = 0; k < 4; ++k) bits |= q.level[4 * word + k] << (3 * k);
    out->scales[word] = static_cast<uint16_t>(bits);
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
