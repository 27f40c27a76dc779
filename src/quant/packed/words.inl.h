// Decoder of integers in 32-bit words along the inputs: one word is 4, 8 or 16 neighbours of a row,
// whether the words of a row lie side by side or a whole output row apart.
namespace tael::TAEL_ISA {
namespace {

// The zero point and scale of a group of a row.
struct WordGroup {
  float zero, scale;
};

template <int kBits>
inline WordGroup LoadWordGroup(const WordCodes& m, int64_t row, int64_t group) noexcept {
  constexpr int kPer = 32 / kBits;
  const uint8_t* scale = m.scales + row * m.scale_row_stride + group * m.scale_group_stride;
  WordGroup out{static_cast<float>(1 << (kBits - 1)), LoadScale(m.scale_dtype, scale)};
  if (m.zeros == nullptr) return out;
  // Added to the whole word: writers subtracted it from the whole word, with a borrow.
  const uint32_t word =
      LoadWord(m.zeros + row / kPer * m.zero_row_stride + group * m.zero_group_stride) +
      m.zero_addend;
  constexpr uint32_t kMask = (1u << kBits) - 1;
  out.zero = static_cast<float>(word >> (row % kPer * kBits) & kMask);
  return out;
}

// out[i] = (code i of the word - zero) * scale
template <int kBits>
inline void DecodeWord(uint32_t word, WordGroup group, float* __restrict out) noexcept {
  constexpr uint32_t kMask = (1u << kBits) - 1;
  for (int i = 0; i < 32 / kBits; ++i) {
    const auto code = static_cast<int32_t>(word >> (kBits * i) & kMask);
    out[i] = (static_cast<float>(code) - group.zero) * group.scale;
  }
}

// Inputs [begin, end) of a row, which are one group and begin with a word.
template <int kBits>
inline void DecodeWordRun(const WordCodes& m, int64_t row, int64_t begin, int64_t end,
                          float* out) noexcept {
  constexpr int64_t kPer = 32 / kBits;
  const WordGroup group = LoadWordGroup<kBits>(m, row, begin / m.group_size);
  const uint8_t* words = m.words + row * m.row_stride + begin / kPer * m.word_stride;
  int64_t i = begin;
  for (; i + kPer <= end; i += kPer, words += m.word_stride) {
    DecodeWord<kBits>(LoadWord(words), group, out + i);
  }
  if (i == end) return;
  float last[kPer];  // the end of the row
  DecodeWord<kBits>(LoadWord(words), group, last);
  for (int64_t j = 0; i + j < end; ++j) out[i + j] = last[j];
}

// The scales and zero points of one row, for any order of groups.
struct RowGroups {
  WordGroup groups[kMaxGroups];
};

template <int kBits>
inline void DecodeScatteredRow(const WordCodes& m, int64_t row, int64_t k, RowGroups* table,
                               float* out) noexcept {
  constexpr int64_t kPer = 32 / kBits;
  for (int64_t g = 0; g < m.groups; ++g) table->groups[g] = LoadWordGroup<kBits>(m, row, g);
  const uint8_t* words = m.words + row * m.row_stride;
  for (int64_t at = 0; at < k; at += kPer, words += m.word_stride) {
    float codes[kPer];
    DecodeWord<kBits>(LoadWord(words), {0.0f, 1.0f}, codes);
    const int64_t count = k - at < kPer ? k - at : kPer;
    for (int64_t j = 0; j < count; ++j) {
      const int64_t i = at + j;
      const WordGroup& group =
          table->groups[m.group_index == nullptr ? i / m.group_size
                                                 : int64_t{LoadWord(m.group_index + 4 * i)}];
      out[i] = (codes[j] - group.zero) * group.scale;
    }
  }
}

template <int kBits>
inline void DecodeWordRows(const WordCodes& m, int64_t k, RowRange rows, float* out) noexcept {
  const bool whole =
      m.group_index == nullptr && (m.group_size >= k || m.group_size % (32 / kBits) == 0);
  if (!whole) {
    RowGroups table;
    for (int64_t i = 0; i < rows.count; ++i) {
      DecodeScatteredRow<kBits>(m, rows.first + i * rows.step, k, &table, out + i * k);
    }
    return;
  }
  // Group by group, because the words of neighbouring rows may share cache lines.
  for (int64_t begin = 0; begin < k; begin += m.group_size) {
    const int64_t end = k - begin < m.group_size ? k : begin + m.group_size;
    for (int64_t i = 0; i < rows.count; ++i) {
      DecodeWordRun<kBits>(m, rows.first + i * rows.step, begin, end, out + i * k);
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
