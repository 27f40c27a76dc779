// Tiles of attention (impl/attention_tiles.inl.h) where the registers hold six sums of 16 lanes.
// Included inside a table file, after the 16-lane vector.
namespace tael::TAEL_ISA {
namespace {

inline constexpr size_t kAttentionTileRows = 3, kValueGroups = 2;
inline constexpr size_t kStoredRows = 4;
inline constexpr size_t kScoreKeys[] = {0, 4, 4, 4}, kScorePass[] = {0, 4, 2, 2};
// The tile for a rest of `rows` rows.
inline size_t AttentionTile(size_t rows) { return rows == 4 ? 2 : rows < 3 ? rows : 3; }

// out[r][at + i] = lane sum of sums[r * kScoreKeys[Rows] + i] (numerics.md, 2).
template <size_t Rows>
inline void ReduceTile(const F32x16* sums, size_t at, float* const (&out)[Rows]) {
  ForEach<Rows>([&](auto r) TAEL_INLINE_LAMBDA { ReduceAdd4(sums + 4 * r, out[r] + at); });
}

}  // namespace
}  // namespace tael::TAEL_ISA
