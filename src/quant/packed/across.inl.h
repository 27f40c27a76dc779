// Decoder of integers in 32-bit words along the outputs: the eight codes of a word belong to eight
// rows.
namespace tael::TAEL_ISA {
namespace {

// Inputs whose words are gathered before they are cut up.
constexpr int64_t kAcrossInputs = 64;

// out[i] = (code of input i - zero) * scale
inline void DecodeAcrossRun(const uint32_t* words, int64_t count, int shift, float zero,
                            float scale, float* out) noexcept {
  for (int64_t i = 0; i < count; ++i) {
    const auto code = static_cast<int32_t>(words[i] >> shift & 15u);
    out[i] = (static_cast<float>(code) - zero) * scale;
  }
}

inline float AcrossZero(const AcrossCodes& m, int64_t row, int64_t group) noexcept {
  const uint32_t word = LoadWord(m.zeros + 4 * (group * (m.stored_rows / 8) + row / 8));
  return static_cast<float>(word >> kAcrossShifts[row % 8] & 15u);
}

// `count` inputs from `begin` on, all in one group, of all wanted rows that share one word.
inline void DecodeAcrossPiece(const AcrossCodes& m, int64_t k, int64_t begin, int64_t count,
                              RowRange rows, float* out) noexcept {
  const int64_t group = begin / m.group_size;
  const int64_t stride = m.stored_rows / 2;  // bytes from one input to the next
  const uint8_t* from = m.words + begin * stride + rows.first / 8 * 4;
  uint32_t words[kAcrossInputs];
  for (int64_t i = 0; i < count; ++i) words[i] = LoadWord(from + i * stride);
  for (int64_t i = 0; i < rows.count; ++i) {
    const int64_t row = rows.first + i * rows.step;
    const int64_t cell = group * m.stored_rows + row;
    const float scale = LoadScale(m.scale_dtype, m.scales + cell * ScaleBytes(m.scale_dtype));
    DecodeAcrossRun(words, count, kAcrossShifts[row % 8], AcrossZero(m, row, group), scale,
                    out + i * k + begin);
  }
}

void DecodeAcrossCodes(const AcrossCodes& m, int64_t k, RowRange rows, float* out) noexcept {
  while (rows.count > 0) {
    const int64_t left_in_word = 8 - rows.first % 8;
    const int64_t sharing = (left_in_word + rows.step - 1) / rows.step;
    const RowRange part{rows.first, sharing < rows.count ? sharing : rows.count, rows.step};
    for (int64_t group = 0; group * m.group_size < k; ++group) {
      const int64_t group_end = (group + 1) * m.group_size < k ? (group + 1) * m.group_size : k;
      for (int64_t i = group * m.group_size; i < group_end; i += kAcrossInputs) {
        const int64_t count = group_end - i < kAcrossInputs ? group_end - i : kAcrossInputs;
        DecodeAcrossPiece(m, k, i, count, part, out);
      }
    }
    out += part.count * k;
    rows.first += part.count * rows.step;
    rows.count -= part.count;
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
