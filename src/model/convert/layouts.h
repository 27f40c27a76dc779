// Layouts in which the two containers differ by more than names: which rows, or elements, of the
// sources make each tensor of the target. Rows are borrowed; no bytes are copied.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/convert/elements.h"
#include "model/names.h"
#include "spec/decoder_spec.h"

namespace tael {

using ByteSpan = std::span<const uint8_t>;
using RowParts = std::vector<RowPart>;

// Latent attention: Hugging Face has one matrix [H (nope + value), rank], per head the rows of
// keys, then those of values; GGUF has [H, rank, nope], the keys transposed, and [H, value, rank].
RowParts LatentKeyParts(const MlaSpec& mla, ByteSpan up);
RowParts LatentValueParts(const MlaSpec& mla, ByteSpan up);
RowParts LatentUpParts(const MlaSpec& mla, ByteSpan keys, ByteSpan values);

// Qwen3-Next: Hugging Face has one matrix with, per key head, its q, k, v and z; GGUF has all q,
// all k and all v in one, and z in another. `hidden` elements are a row.
RowParts DeltaQkvParts(const GatedDeltaNetSpec& net, ByteSpan qkvz, int64_t hidden);
RowParts DeltaZParts(const GatedDeltaNetSpec& net, ByteSpan qkvz, int64_t hidden);
RowParts DeltaQkvzParts(const GatedDeltaNetSpec& net, ByteSpan qkv, ByteSpan z, int64_t hidden);

// Qwen3.5: value heads beside their key head in Hugging Face, in GGUF those with the same place
// beside each other. nullopt for tensors that have no value heads. `to_gguf`: the direction;
// `row_elements`: of a row of the matrix.
std::optional<RowParts> ValueHeadParts(Role role, const GatedDeltaNetSpec& net, ByteSpan bytes,
                                       int64_t row_elements, bool to_gguf);

// gpt-oss: [E, in, 2 out] with the columns gate 0, up 0, gate 1, ... in Hugging Face, two stacks
// [E, out, in] in GGUF.
struct ColumnShape {
  int64_t experts = 0, in = 0, out = 0;
};
RowParts HalfOfColumns(const ColumnShape& shape, ByteSpan gate_up, bool up);
RowParts ColumnsOfHalves(const ColumnShape& shape, ByteSpan gate, ByteSpan up);
// [E, rows, columns] to [E, columns, rows].
RowParts Transposed(int64_t count, int64_t rows, int64_t columns, ByteSpan bytes);

}  // namespace tael
