// Packed matrices as integers with one scale per 32 inputs, a block at a time. What becomes of a
// block is up to `sink(i, b, d, low, high)`, i the row's place among the wanted ones and b the
// block's in its row: it is stored for the integer product, or turned into floats (kernels/impl).
// Needs packed/bytes16.inl.h.
namespace tael::TAEL_ISA {
namespace {

constexpr int64_t kBlockInputs = 32;

struct StoreBlock {
  CodeBlock* out;
  int64_t blocks;  // per row
  void operator()(int64_t i, int64_t b, float d, Bytes16 low, Bytes16 high) const noexcept {
    CodeBlock& block = out[i * blocks + b];
    block.d = d;
    std::memcpy(block.w, &low, sizeof(low));
    std::memcpy(block.w + 16, &high, sizeof(high));
  }
};

template <class Sink>
inline void EachByteBlock(const ByteCodes& m, int64_t k, RowRange rows, const Sink& sink) noexcept {
  const int64_t blocks = k / kBlockInputs;
  for (int64_t i = 0; i < rows.count; ++i) {
    const int64_t row = rows.first + i * rows.step;
    const uint8_t* codes = m.codes + row * m.row_stride;
    const int64_t grid_row = m.GridStart(row);
    int64_t b = 0;
    for (int64_t end = m.column_span, g = 0; b < blocks; end += m.column_span, ++g) {
      const int64_t cell = grid_row + g;
      const float d = LoadScale(m.scale_dtype, m.scales + cell * ScaleBytes(m.scale_dtype));
      for (; b < blocks && b * kBlockInputs < end; ++b) {
        const uint8_t* from = codes + b * kBlockInputs;
        sink(i, b, d, LoadBytes16(from), LoadBytes16(from + 16));
      }
    }
  }
}

// The 32 codes of kBits words, `stride` bytes apart.
template <int kBits>
inline CodePair LoadWordBlock(const uint8_t* words, int64_t stride) noexcept {
  if constexpr (kBits == 8)
    return {LoadWords16(words, stride), LoadWords16(words + 4 * stride, stride)};
  if constexpr (kBits == 4) return SpreadNibbles(LoadWords16(words, stride));
  const uint64_t both = LoadWord(words) | static_cast<uint64_t>(LoadWord(words + stride)) << 32;
  return SpreadCrumbs(both);
}

// Rows whose words are read side by side, and their zero points and scales.
constexpr int64_t kSideBySide = 64;
struct RowsGroups {
  Bytes16 zeros[kSideBySide];
  float scales[kSideBySide];
};
template <int kBits>
inline void LoadGroups(const WordCodes& m, RowRange rows, int64_t group, RowsGroups* out) noexcept {
  for (int64_t i = 0; i < rows.count; ++i) {
    const WordGroup one = LoadWordGroup<kBits>(m, rows.first + i * rows.step, group);
    out->zeros[i] = SplatBytes16(static_cast<uint8_t>(one.zero));
    out->scales[i] = one.scale;
  }
}
inline RowRange AtMost(RowRange rows, int64_t done, int64_t most) noexcept {
  const int64_t left = rows.count - done;
  return {rows.first + done * rows.step, left < most ? left : most, rows.step};
}

// Asks for `bytes` bytes on each of `count` lines of words, `stride` bytes apart: what the next
// rows will need, which processors do not foresee where lines are far apart.
inline void FetchLines(const uint8_t* from, int64_t count, int64_t stride, int64_t bytes) noexcept {
  const auto begin = reinterpret_cast<uintptr_t>(from);  // a number: it may lie behind the tensor
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t at = 0; at < bytes; at += 64) {
      __builtin_prefetch(reinterpret_cast<const void*>(begin + static_cast<uintptr_t>(i * stride) +
                                                       static_cast<uintptr_t>(at)));
    }
  }
}

// One block of four neighbouring rows whose words are side by side.
template <class Sink>
inline void FourRowsBlock(const uint8_t* words, int64_t stride, int64_t b, int64_t i,
                          const RowsGroups& groups, int64_t at, const Sink& sink) noexcept {
  Bytes16 v[4];
  for (int64_t w = 0; w < 4; ++w) v[w] = LoadBytes16(words + w * stride);
  TransposeWords(v);
  for (int64_t r = 0; r < 4; ++r) {
    const CodePair codes = SpreadNibbles(v[r]);
    const Bytes16 zero = groups.zeros[at + r];
    sink(i + r, b, groups.scales[at + r], codes.low - zero, codes.high - zero);
  }
}

// Where words are not side by side, block by block: those of neighbouring rows share cache lines,
// and those of one row may be a multiple of the page size apart, so that few of them fit a cache.
template <int kBits, class Sink>
inline void EachWordBlock(const WordCodes& m, int64_t k, RowRange rows, const Sink& sink) noexcept {
  const int64_t blocks = k / kBlockInputs;
  const int64_t step = m.group_size < k ? m.group_size / kBlockInputs : blocks;
  const int64_t together = m.word_stride == 4 ? 1 : kSideBySide;
  for (int64_t done = 0; done < rows.count; done += together) {
    const RowRange some = AtMost(rows, done, together);
    const uint8_t* first = m.words + some.first * m.row_stride;
    RowsGroups groups;
    for (int64_t b = 0, left = 0; b < blocks; ++b, --left, first += kBits * m.word_stride) {
      if (left == 0) {  // of the group
        LoadGroups<kBits>(m, some, b / step, &groups);
        left = step;
      }
      int64_t i = 0;
      if (kBits == 4 && together > 1 && rows.step == 1 && m.row_stride == 4) {
        FetchLines(first + 4 * some.count, kBits, m.word_stride, 4 * some.count);
        for (; i + 4 <= some.count; i += 4) {
          FourRowsBlock(first + 4 * i, m.word_stride, b, done + i, groups, i, sink);
        }
      }
      for (; i < some.count; ++i) {
        const uint8_t* words = first + i * rows.step * m.row_stride;
        const CodePair codes = LoadWordBlock<kBits>(words, m.word_stride);
        sink(done + i, b, groups.scales[i], codes.low - groups.zeros[i],
             codes.high - groups.zeros[i]);
      }
    }
  }
}

// Sixteen inputs of sixteen rows in the order of the groups: v[r] = the codes of row r.
template <int kBits>
inline void LoadReordered(const WordCodes& m, const int32_t* order, const RowRange& rows,
                          Bytes16 (&v)[16]) noexcept {
  constexpr auto kPer = static_cast<uint32_t>(32 / kBits);
  constexpr uint32_t kMask = (1u << kBits) - 1;
  const uint8_t* base = m.words + rows.first * m.row_stride;
  const int64_t stride = rows.step * m.row_stride;
  for (int j = 0; j < 16; ++j) {
    const auto i = static_cast<uint32_t>(order[j]);
    const uint8_t* at = base + i / kPer * m.word_stride;
    const int shift = static_cast<int>(i % kPer) * kBits;
    Words4 all = {};
    for (int64_t part = 0; part < 4; ++part) {  // rows 4 part and up, of those that there are
      Words4 words = {};
      if (4 * part + 4 <= rows.count && stride == 4) {
        std::memcpy(&words, at + 16 * part, sizeof(words));
      } else {
        for (int64_t r = 4 * part; r < 4 * part + 4 && r < rows.count; ++r) {
          words[r - 4 * part] = LoadWord(at + r * stride);
        }
      }
      all |= (words >> shift & kMask) << static_cast<int>(8 * part);
    }
    v[j] = std::bit_cast<Bytes16>(all);  // byte 4 a + b is row 4 b + a
  }
  Transpose16(v);
}

// Blocks in the order of the groups, sixteen rows at a time.
template <int kBits, class Sink>
inline void EachReorderedBlock(const WordCodes& m, int64_t k, const int32_t* order, RowRange rows,
                               const Sink& sink) noexcept {
  const int64_t step = m.group_size / kBlockInputs;
  for (int64_t done = 0; done < rows.count; done += kSideBySide) {
    const RowRange some = AtMost(rows, done, kSideBySide);
    RowsGroups groups;
    for (int64_t b = 0; b < k / kBlockInputs; ++b) {
      if (b % step == 0) LoadGroups<kBits>(m, some, b / step, &groups);
      for (int64_t part = 0; part < some.count; part += 16) {
        const RowRange sixteen = AtMost(some, part, 16);
        Bytes16 low[16], high[16];
        LoadReordered<kBits>(m, order + b * kBlockInputs, sixteen, low);
        LoadReordered<kBits>(m, order + b * kBlockInputs + 16, sixteen, high);
        for (int64_t i = 0; i < sixteen.count; ++i) {
          const int64_t at = i % 4 * 4 + i / 4;
          const Bytes16 zero = groups.zeros[part + i];
          sink(done + part + i, b, groups.scales[part + i], low[at] - zero, high[at] - zero);
        }
      }
    }
  }
}

// Rows that share words, and what they are of all the wanted ones.
struct AcrossPart {
  RowRange rows;
  int64_t done;
};

// Block b of those rows.
template <class Sink>
inline void AcrossBlock(const AcrossCodes& m, int64_t b, const AcrossPart& part,
                        const float* scales, const uint8_t* zeros, const Sink& sink) noexcept {
  const RowRange& rows = part.rows;
  const int64_t stride = m.stored_rows / 2;  // bytes from one input to the next
  const uint8_t* from = m.words + b * kBlockInputs * stride + rows.first / 8 * 4;
  // Byte p of the words, of 16 inputs each: two rows, one in each half of the bytes.
  Bytes16 planes[2][4];
  for (int64_t half = 0; half < 2; ++half) {
    Bytes16 words[4];
    for (int64_t w = 0; w < 4; ++w) {
      words[w] = LoadWords16(from + (16 * half + 4 * w) * stride, stride);
    }
    SplitWords(words, planes[half]);
  }
  for (int64_t i = 0; i < rows.count; ++i) {
    const int shift = kAcrossShifts[(rows.first + i * rows.step) % 8];
    const Bytes16 zero = SplatBytes16(zeros[i]);
    const Bytes16 low = planes[0][shift / 8] >> (shift % 8) & 15;
    const Bytes16 high = planes[1][shift / 8] >> (shift % 8) & 15;
    sink(part.done + i, b, scales[i], low - zero, high - zero);
  }
}

// Block b of 32 rows from `row` on, a multiple of 8: four words of an input are side by side.
template <class Sink>
inline void AcrossWideBlock(const AcrossCodes& m, int64_t b, int64_t row, int64_t i,
                            const float* scales, const uint8_t* zeros, const Sink& sink) noexcept {
  const int64_t stride = m.stored_rows / 2;
  const uint8_t* from = m.words + b * kBlockInputs * stride + row / 8 * 4;
  Bytes16 low[16], high[16];  // byte p of the four words, of 16 inputs
  for (int64_t j = 0; j < 16; ++j) low[j] = LoadBytes16(from + j * stride);
  for (int64_t j = 0; j < 16; ++j) high[j] = LoadBytes16(from + (j + 16) * stride);
  Transpose16(low);
  Transpose16(high);
  for (int64_t r = 0; r < 32; ++r) {
    const int shift = kAcrossShifts[r % 8];
    const int64_t plane = r / 8 * 4 + shift / 8;
    const Bytes16 zero = SplatBytes16(zeros[r]);
    sink(i + r, b, scales[r], (low[plane] >> (shift % 8) & 15) - zero,
         (high[plane] >> (shift % 8) & 15) - zero);
  }
}

// Block by block, as EachWordBlock().
template <class Sink>
inline void EachAcrossBlock(const AcrossCodes& m, int64_t k, RowRange rows,
                            const Sink& sink) noexcept {
  const int64_t blocks = k / kBlockInputs;
  const int64_t step = m.group_size < k ? m.group_size / kBlockInputs : blocks;
  for (int64_t done = 0; done < rows.count; done += kSideBySide) {
    const RowRange some = AtMost(rows, done, kSideBySide);
    float scales[kSideBySide];
    uint8_t zeros[kSideBySide];
    for (int64_t b = 0; b < blocks; ++b) {
      for (int64_t i = 0; b % step == 0 && i < some.count; ++i) {
        const int64_t row = some.first + i * rows.step, cell = b / step * m.stored_rows + row;
        scales[i] = LoadScale(m.scale_dtype, m.scales + cell * ScaleBytes(m.scale_dtype));
        zeros[i] = static_cast<uint8_t>(AcrossZero(m, row, b / step));
      }
      const bool wide = rows.step == 1 && some.first % 8 == 0;
      int64_t i = 0;
      if (wide) {
        const int64_t stride = m.stored_rows / 2;
        FetchLines(m.words + b * kBlockInputs * stride + (some.first + some.count) / 2,
                   kBlockInputs, stride, some.count / 2);
      }
      for (; wide && i + 32 <= some.count; i += 32) {
        AcrossWideBlock(m, b, some.first + i, done + i, scales + i, zeros + i, sink);
      }
      while (i < some.count) {
        const int64_t row = some.first + i * rows.step;
        const int64_t sharing = (8 - row % 8 + rows.step - 1) / rows.step;
        const AcrossPart part{AtMost(some, i, sharing), done + i};
        AcrossBlock(m, b, part, scales + i, zeros + i, sink);
        i += part.rows.count;
      }
    }
  }
}

// The scales of groups [begin, begin + count) of a row, halved.
inline void HalfFp4Scales(const Fp4Codes& m, const uint8_t* scales, int64_t count, float divisor,
                          float* out) noexcept {
  if (m.scale_dtype == DType::kF8E8M0) {
    for (int64_t g = 0; g < count; ++g) out[g] = HalfFp4Scale(m, scales, g, divisor);
    return;
  }
  for (int64_t g = 0; g < count; ++g) out[g] = E4M3Value(scales[g]) / divisor * 0.5f;
}

template <class Sink>
inline void EachFp4Block(const Fp4Codes& m, int64_t k, RowRange rows, const Sink& sink) noexcept {
  constexpr int64_t kTogether = 64;
  const float divisor = m.divisor == nullptr ? 1.0f : std::bit_cast<float>(LoadWord(m.divisor));
  const int64_t groups = k / m.group_size;
  for (int64_t i = 0; i < rows.count; ++i) {
    const int64_t row = rows.first + i * rows.step;
    const uint8_t* bytes = m.codes + row * m.row_stride;
    const uint8_t* row_scales = m.scales + row * m.scale_row_stride;
    for (int64_t begin = 0; begin < groups; begin += kTogether) {
      const int64_t count = groups - begin < kTogether ? groups - begin : kTogether;
      float scales[kTogether];
      HalfFp4Scales(m, row_scales + begin, count, divisor, scales);
      for (int64_t g = begin; g < begin + count; ++g) {
        CodePair codes;
        if (m.group_size == 32) {
          codes = SpreadNibbles(LoadBytes16(bytes + 16 * g));
        } else {  // half a block, and zeros
          uint64_t half;
          std::memcpy(&half, bytes + 8 * g, sizeof(half));
          codes = SpreadNibbles(g % 2 == 0 ? Bytes16Of(half, 0) : Bytes16Of(0, half));
        }
        sink(i, g, scales[g - begin], DoubledE2M1Codes(codes.low), DoubledE2M1Codes(codes.high));
      }
    }
  }
}

void ByteCodeBlocks(const ByteCodes& m, int64_t k, RowRange rows, CodeBlock* out) noexcept {
  EachByteBlock(m, k, rows, StoreBlock{out, k / kBlockInputs});
}

void WordCodeBlocks(const WordCodes& m, int64_t k, const int32_t* order, RowRange rows,
                    CodeBlock* out) noexcept {
  const StoreBlock sink{out, k / kBlockInputs};
  const auto all = [&](auto bits) noexcept {
    constexpr int kBits = decltype(bits)::value;
    if (order != nullptr) return EachReorderedBlock<kBits>(m, k, order, rows, sink);
    EachWordBlock<kBits>(m, k, rows, sink);
  };
  if (m.bits == 2) return all(std::integral_constant<int, 2>());
  if (m.bits == 4) return all(std::integral_constant<int, 4>());
  if (m.bits == 8) return all(std::integral_constant<int, 8>());
}

void AcrossCodeBlocks(const AcrossCodes& m, int64_t k, RowRange rows, CodeBlock* out) noexcept {
  EachAcrossBlock(m, k, rows, StoreBlock{out, k / kBlockInputs});
}

void Fp4CodeBlocks(const Fp4Codes& m, int64_t k, RowRange rows, CodeBlock* out) noexcept {
  EachFp4Block(m, k, rows, StoreBlock{out, k / m.group_size});
}

}  // namespace
}  // namespace tael::TAEL_ISA
