// Decoder of integers in 32-bit words along the inputs: one word is 4, 8 or 16 neighbours of a row,
// whether the words of a row lie side by side or a whole output row apart.
namespace tael::TAEL_ISA {
namespace {

// The scales and zero points of one row.
struct RowGroups {
  float scale[kMaxGroups];
  float zero[kMaxGroups];
};

template <int kBits>
inline void LoadRowGroups(const WordCodes& m, int64_t row, RowGroups* out) noexcept {
  constexpr int kPer = 32 / kBits;
  constexpr uint32_t kMask = (1u << kBits) - 1;
  const uint8_t* scales = m.scales + row * m.scale_row_stride;
  for (int64_t g = 0; g < m.groups; ++g) {
    out->scale[g] = LoadScale(m.scale_dtype, scales + g * m.scale_group_stride);
    out->zero[g] = static_cast<float>(1 << (kBits - 1));
  }
  if (m.zeros == nullptr) return;
  const uint8_t* zeros = m.zeros + row / kPer * m.zero_row_stride;
  const int shift = static_cast<int>(row % kPer) * kBits;
  for (int64_t g = 0; g < m.groups; ++g) {
    // Added to the whole word: writers subtracted it from the whole word, with a borrow.
    const uint32_t word = LoadWord(zeros + g * m.zero_group_stride) + m.zero_addend;
    out->zero[g] = static_cast<float>(word >> shift & kMask);
  }
}

// out[i] = (code i of the word - zero) * scale
template <int kBits>
inline void DecodeWord(uint32_t word, float zero, float scale, float* out) noexcept {
  constexpr uint32_t kMask = (1u << kBits) - 1;
  for (int i = 0; i < 32 / kBits; ++i) {
    const auto code = static_cast<int32_t>(word >> (kBits * i) & kMask);
    out[i] = (static_cast<float>(code) - zero) * scale;
  }
}

// A row whose words each lie in one group.
template <int kBits>
inline void DecodeWholeWords(const WordCodes& m, const RowGroups& groups, int64_t k,
                             const uint8_t* words, float* out) noexcept {
  constexpr int64_t kPer = 32 / kBits;
  for (int64_t g = 0, at = 0; at < k; ++g, at += m.group_size) {
    const int64_t end = k - at < m.group_size ? k : at + m.group_size;
    const float zero = groups.zero[g], scale = groups.scale[g];
    for (int64_t i = at; i + kPer <= end; i += kPer) {
      DecodeWord<kBits>(LoadWord(words), zero, scale, out + i);
      words += m.word_stride;
    }
    if (const int64_t rest = (end - at) % kPer; rest != 0) {  // the end of the row
      float last[kPer];
      DecodeWord<kBits>(LoadWord(words), zero, scale, last);
      for (int64_t j = 0; j < rest; ++j) out[end - rest + j] = last[j];
    }
  }
}

// Any order of groups.
template <int kBits>
inline void DecodeScatteredGroups(const WordCodes& m, const RowGroups& groups, int64_t k,
                                  const uint8_t* words, float* out) noexcept {
  constexpr int64_t kPer = 32 / kBits;
  for (int64_t at = 0; at < k; at += kPer, words += m.word_stride) {
    float codes[kPer];
    DecodeWord<kBits>(LoadWord(words), 0.0f, 1.0f, codes);
    const int64_t count = k - at < kPer ? k - at : kPer;
    for (int64_t j = 0; j < count; ++j) {
      const int64_t i = at + j;
      const int64_t g =
          m.group_index == nullptr ? i / m.group_size : int64_t{LoadWord(m.group_index + 4 * i)};
      out[i] = (codes[j] - groups.zero[g]) * groups.scale[g];
    }
  }
}

template <int kBits>
inline void DecodeWordRows(const WordCodes& m, int64_t k, RowRange rows, float* out) noexcept {
  const bool whole =
      m.group_index == nullptr && (m.group_size >= k || m.group_size % (32 / kBits) == 0);
  RowGroups groups;
  for (int64_t i = 0; i < rows.count; ++i) {
    const int64_t row = rows.first + i * rows.step;
    const uint8_t* words = m.words + row * m.row_stride;
    LoadRowGroups<kBits>(m, row, &groups);
    if (whole) {
      DecodeWholeWords<kBits>(m, groups, k, words, out + i * k);
    } else {
      DecodeScatteredGroups<kBits>(m, groups, k, words, out + i * k);
    }
  }
}

void DecodeWordCodes(const WordCodes& m, int64_t k, RowRange rows, float* out) noexcept {
  if (m.bits == 2) return DecodeWordRows<2>(m, k, rows, out);
  if (m.bits == 4) return DecodeWordRows<4>(m, k, rows, out);
  return DecodeWordRows<8>(m, k, rows, out);
}

}  // namespace
}  // namespace tael::TAEL_ISA
