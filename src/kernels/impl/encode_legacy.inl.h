// Encoders of single blocks with one scale: Q4_0 to Q5_1, Q1_0, Q2_0 and NVFP4.
namespace tael::TAEL_ISA {
namespace {

inline void PackFifthBits(const int8_t* q, uint8_t* qh) {
  uint32_t high = 0;
  for (int j = 0; j < 32; ++j) high |= static_cast<uint32_t>(q[j] >> 4 & 1) << j;
  std::memcpy(qh, &high, sizeof(high));
}

// Levels 0 .. 2 * middle - 1 around `middle`; returns the bits of d.
inline uint16_t EncodeCentred(const Run& run, float middle, float widest, int8_t* q) {
  uint16_t bits;
  const float d = Halved(FitScale(run, -middle, middle - 1, widest).scale, &bits);
  TakeLevels(run, d, 0, -middle, middle - 1, q);
  for (int i = 0; i < run.n; ++i) q[i] = static_cast<int8_t>(q[i] + static_cast<int>(middle));
  return bits;
}

inline void EncodeBlock(const float* x, const float* w, BlockQ4_0* out) {
  int8_t q[32];
  out->d = EncodeCentred({x, w, 32}, 8, 1.3f, q);
  PackNibbles(q, out->qs);
}

inline void EncodeBlock(const float* x, const float* w, BlockQ5_0* out) {
  int8_t q[32];
  out->d = EncodeCentred({x, w, 32}, 16, 1.15f, q);
  PackNibbles(q, out->qs);
  PackFifthBits(q, out->qh);
}

// Levels 0..top and a minimum of any sign.
template <class Block>
inline void EncodeRange(const float* x, const float* w, float top, float widest, int8_t* q,
                        Block* out) {
  const Run run{x, w, 32};
  const OffsetFit fit = FitOffset(run, top, true, widest);
  const float d = Halved(fit.scale, &out->d), m = Halved(-fit.offset, &out->m);
  TakeLevels(run, d, -m, 0, top, q);
  PackNibbles(q, out->qs);
}

inline void EncodeBlock(const float* x, const float* w, BlockQ4_1* out) {
  int8_t q[32];
  EncodeRange(x, w, 15, 1.25f, q, out);
}

inline void EncodeBlock(const float* x, const float* w, BlockQ5_1* out) {
  int8_t q[32];
  EncodeRange(x, w, 31, 1.12f, q, out);
  PackFifthBits(q, out->qh);
}

// d is the weighted mean magnitude: the best one for the signs.
inline void EncodeBlock(const float* x, const float* w, BlockQ1_0* out) {
  double sum = 0, weight = 0;
  for (int i = 0; i < 128; ++i) {
    sum += static_cast<double>(w[i]) * static_cast<double>(std::fabs(x[i]));
    weight += static_cast<double>(w[i]);
  }
  out->d = FloatToHalf(static_cast<float>(sum / weight));
  std::memset(out->qs, 0, sizeof(out->qs));
  for (int i = 0; i < 128; ++i) {
    uint8_t& byte = out->qs[i / 8];
    byte = static_cast<uint8_t>(byte | (x[i] >= 0 ? 1 : 0) << (i % 8));
  }
}

inline void EncodeBlock(const float* x, const float* w, BlockQ2_0* out) {
  int8_t q[64];
  const Run run{x, w, 64};
  // The scale may have either sign.
  const WholeLevels levels{-1, 2};
  ScaleFit fit;
  const float largest = SignedLargest(run);
  if (largest != 0) {
    for (const float level : {-1.0f, 1.0f, 2.0f, -2.0f}) {
      TryInverses(run, Mul(Splat(level / largest), Ladder(0.8f, 0.12f)), levels, &fit);
    }
    if (fit.scale != 0) {
      TryInverses(run, Mul(Splat(1 / fit.scale), Ladder(0.85f, 0.02f)), levels, &fit);
    }
  }
  const float d = Halved(fit.scale, &out->d);
  TakeLevels(run, d, 0, -1, 2, q);
  std::memset(out->qs, 0, sizeof(out->qs));
  for (int i = 0; i < 64; ++i) {
    uint8_t& byte = out->qs[i / 4];
    byte = static_cast<uint8_t>(byte | (q[i] + 1) << (2 * (i % 4)));
  }
}

// The code of E2M1 nearest to v; of two equally near ones the smaller magnitude.
inline int NearestFp4(float v) {
  const float magnitude = std::fabs(v) * 2;
  int code = 0;
  while (code < 7 &&
         magnitude > 0.5f * static_cast<float>(kE2M1Doubled[code] + kE2M1Doubled[code + 1])) {
    ++code;
  }
  return v < 0 && code > 0 ? code + 8 : code;
}

struct Fp4Run {
  float error;
  uint8_t codes[16];
};

inline Fp4Run EncodeFp4(const float* x, const float* w, float scale) {
  Fp4Run run{0, {}};
  const float inverse = scale > 0 ? 1 / scale : 0;
  for (int i = 0; i < 16; ++i) {
    const int code = NearestFp4(x[i] * inverse);
    const float difference = x[i] - 0.5f * scale * static_cast<float>(kE2M1Doubled[code]);
    run.error += w[i] * difference * difference;
    run.codes[i] = static_cast<uint8_t>(code);
  }
  return run;
}

// Scales are tried from the one that takes the largest element as 6 down to 4 and a little up.
inline void EncodeBlock(const float* x, const float* w, BlockNVFP4* out) {
  for (int part = 0; part < 4; ++part) {
    const Run run{x + 16 * part, w + 16 * part, 16};
    const float largest = std::fabs(SignedLargest(run));
    int first = 0;  // the last code that is not above largest / 6
    while (first < 126 && UE4M3ToFloat(static_cast<uint8_t>(first + 1)) <= largest / 6) ++first;
    Fp4Run best{std::numeric_limits<float>::infinity(), {}};
    out->d[part] = 0;
    for (int code = first > 3 ? first - 3 : 0; code <= first + 6 && code < 127; ++code) {
      const Fp4Run trial = EncodeFp4(run.x, run.w, UE4M3ToFloat(static_cast<uint8_t>(code)));
      if (!(trial.error < best.error)) continue;
      best = trial;
      out->d[part] = static_cast<uint8_t>(code);
    }
    for (int j = 0; j < 8; ++j) {
      out->qs[8 * part + j] = static_cast<uint8_t>(best.codes[j] | best.codes[j + 8] << 4);
    }
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
