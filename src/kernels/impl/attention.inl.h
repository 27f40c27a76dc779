// Attention block by block (attention_block.inl.h), with the scores of Q8_0 keys of
// attention_codes.inl.h. A row's bits are those of attention_literal.inl.h, which takes it alone.
namespace tael::TAEL_ISA {
namespace {

// A block for few rows. While its keys are used its values are fetched.
template <class Element>
inline void AttendFew(const AttentionArgs& a, const BlockPart& part, size_t block,
                      QueryRows* rows) {
  if constexpr (kInBlocks<Element>) {
    ScoreCodes(a, part, block, rows);
  } else {
    const auto keys = Stored<Element>(a, a.k_blocks[block], a.v_blocks[block]);
    ForEachTile(part,
                [&](size_t first, auto tile) { ScoreStored<tile>(a, part, first, keys, rows); });
  }
  AdvancePart(a, part, rows);
  MixFew<Element>(a, part, block, rows);
}

inline void AttendFew(const AttentionArgs& a, const BlockPart& part, size_t block,
                      QueryRows* rows) {
  switch (a.dtype) {
    case DType::kF16:
      return AttendFew<ElementF16>(a, part, block, rows);
    case DType::kBF16:
      return AttendFew<ElementBF16>(a, part, block, rows);
    default:
      return AttendFew<ElementQ8>(a, part, block, rows);
  }
}

void Attention(const AttentionArgs& a) noexcept {
  QueryRows rows;
  StartRows(a, &rows);
  ForEachBlock(a, &rows, [&](size_t block, const BlockPart& part) {
    if (AreFew(a, part)) return AttendFew(a, part, block, &rows);
    if (a.dtype == DType::kQ8_0) {
      ScoreCodes(a, part, block, &rows);
    } else {
      ScoreBlock(a, part, block, &rows);
    }
    AdvancePart(a, part, &rows);
    MixBlock(a, part, block, &rows);
  });
  FinishRows(a, rows);
}

}  // namespace
}  // namespace tael::TAEL_ISA
