// What a format of neon_formats.h holds, as arrays, for whoever wants values instead of products.
// Included inside a table file only.
namespace tael::TAEL_ISA {
namespace {

// w[e] = the weight of element e.
template <class F>
[[gnu::always_inline]] inline void PlainWeights(const F& f, const uint8_t* block, size_t r,
                                                int8_t (&w)[F::kSize]) {
  int8x16_t unpacked[F::kSize / 16];
  f.Weights(block, r, unpacked);
  ForEach<F::kSize / 16>([&](auto c) TAEL_INLINE_LAMBDA { vst1q_s8(w + 16 * c, unpacked[c]); });
}

// Sub-scales and minima of the 16 runs; a format with runs of 32 keeps one for two.
template <class F>
[[gnu::always_inline]] inline void PlainRuns(const F& f, const uint8_t* block, size_t r,
                                             int16_t (&subscale)[16], int16_t (&minimum)[16]) {
  RunScales runs;
  f.Runs(block, r, &runs);
  const auto write = [](const int16x8_t(&from)[2], int16_t* out) {
    constexpr bool kTwice = F::kRun == 32;
    vst1q_s16(out, kTwice ? vzip1q_s16(from[0], from[0]) : from[0]);
    vst1q_s16(out + 8, kTwice ? vzip2q_s16(from[0], from[0]) : from[1]);
  };
  write(runs.subscale, subscale);
  if constexpr (F::kMinimum) write(runs.minimum, minimum);
}

}  // namespace
}  // namespace tael::TAEL_ISA
