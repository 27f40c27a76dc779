// Every entry point that ops may call, as one table of functions per instruction set.
// All tables compute the same bits: docs/numerics.md is the definition, scalar implements it
// literally.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "kernels/bf16_rows.h"
#include "quant/dtype.h"
#include "quant/packed_matrix.h"

namespace tael {

// Positions per cache block; also the absolute blocks attention works in (docs/numerics.md, 6).
inline constexpr int kKvBlockSize = 64;

// Activations quantised to 8 bits for the integer path. Block = ActivationBlock(format) elements
// (quant/integer_form.h), 32 or 256. Borrowed memory, laid out by ops:
//   q      [rows, k_padded] int8 in [-127, 127], k_padded = k rounded up to the block, padding 0
//   scales [rows, k_padded / block] f32
//   sums   [rows, k_padded / 16] int16: sum of q over each run of 16
struct QuantizedRows {
  int8_t* q = nullptr;
  float* scales = nullptr;
  int16_t* sums = nullptr;
  size_t rows = 0, k = 0, k_padded = 0, block = 0;
};

// Query rows of one call at most; their running sums and weights are kept on the stack.
inline constexpr size_t kAttentionRows = 64;

// Query rows that see the same cached keys and values, those of one kv head: `heads` query heads of
// `tokens` consecutive tokens of a sequence. Every row has the bits it has alone.
struct AttentionArgs {
  const float* query = nullptr;  // [tokens][heads, head_dim]
  size_t query_stride = 0;       // floats from one token to the next
  size_t tokens = 1, heads = 1;  // REQUIRES: 0 < tokens * heads <= kAttentionRows
  size_t head_dim = 0;           // of queries and keys
  size_t value_dim = 0;  // at most head_dim; rows of values lie as far apart as those of keys
  const void* const* k_blocks = nullptr;  // per absolute block: [kKvBlockSize, head_dim] of `dtype`
  const void* const* v_blocks = nullptr;  // may be k_blocks: values are the start of each key row
  DType dtype = DType::kF32;  // kF32, kF16, kBF16, or kQ8_0 with both widths multiples of 32
  // Token i sees positions below end + i, of those the last `window`; 0: all. REQUIRES: end > 0.
  size_t end = 0, window = 0;
  // Per absolute block, bit j for its position j: only those set are visible too. Null: all.
  // REQUIRES: one token, which sees at least one position.
  const uint64_t* selected = nullptr;
  float scale = 0;
  // [heads]: a logit that takes part in the softmax and has the value 0; -infinity for none. Null:
  // none for all.
  const float* sinks = nullptr;
  float* out = nullptr;      // [tokens][heads, value_dim]
  size_t out_stride = 0;     // floats from one token to the next
  float* scratch = nullptr;  // [AttentionScratch(head_dim)], best at a border of 64 bytes

  // The positions [Begin(i), end + i) are those that token i sees.
  size_t Begin(size_t token) const {
    return window == 0 || end + token <= window ? 0 : end + token - window;
  }
};
// Rows of keys or values that are converted to float32 together, so that they stay in the
// first-level cache while all query rows pass over them: a multiple of 16.
inline constexpr size_t AttentionChunk(size_t head_dim) {
  const size_t fitting = size_t{4096} / ((head_dim + 15) / 16 * 16) / 16 * 16;
  return fitting < 16 ? 16 : fitting < kKvBlockSize ? fitting : kKvBlockSize;
}
// Floats for them, rows filled up to whole vectors; at least 16 KiB.
inline constexpr size_t AttentionFloats(size_t head_dim) {
  const size_t rows = AttentionChunk(head_dim) * ((head_dim + 15) / 16 * 16);
  return rows < 4096 ? 4096 : rows;
}
// The same and the query rows in 8 bits, which caches of Q8_0 need: per 32 elements their bytes, a
// scale and two sums of 16 bits.
inline constexpr size_t AttentionScratch(size_t head_dim) {
  return AttentionFloats(head_dim) + kAttentionRows * (head_dim / 32) * 10;
}

// The gate g and the up row u are limited first: g' = min(g, limit), u' = u within [-limit, limit].
struct ClampedSilu {
  float limit = 0, alpha = 1, up_offset = 0;
};

// One token of the gated delta rule in one head.
struct DeltaRuleArgs {
  float* state = nullptr;        // [value_dim, key_dim], in and out
  const float* query = nullptr;  // [key_dim]
  const float* key = nullptr;    // [key_dim]
  const float* value = nullptr;  // [value_dim]
  float* out = nullptr;          // [value_dim]
  size_t key_dim = 0, value_dim = 0;
  float decay = 0, beta = 0;
};

// How a product over interleaved rows walks: so many weight rows side by side, so many of their
// elements unpacked before the activation rows pass, `acts` of which share them.
struct StripTiling {
  size_t rows = 0, depth = 0, acts = 0;
  bool panel = false;  // unpacked into memory; else group by group into registers

  bool operator==(const StripTiling&) const = default;
};

struct KernelTable {
  const char* name;  // "scalar", "avx2", ...

  // y[i * ldy + j] = sum_k x[i * ldx + k] * w[j][k] for i < m, j < n. `dtype` is kF32, kF16 or
  // kBF16; rows of w are `row_bytes` apart. Order: numerics.md, 3.
  void (*matmul_float)(const float* x, size_t ldx, size_t m, DType dtype, const uint8_t* w,
                       size_t row_bytes, size_t n, size_t k, float* y, size_t ldy) noexcept;

  // The same product of the same bits with w stored by columns: y[i * ldy + j] = sum_k
  // x[i * ldx + k] * w[k][j], rows of n elements `row_bytes` apart.
  void (*matmul_transposed)(const float* x, size_t ldx, size_t m, DType dtype, const uint8_t* w,
                            size_t row_bytes, size_t n, size_t k, float* y, size_t ldy) noexcept;

  // The same product with rows of float8 codes, decoded on the way: the bits of matmul_float on the
  // decoded rows. For a few activation rows: each pass over them decodes again. REQUIRES:
  // IsFloat8() of the matrix.
  void (*matmul_float8)(const float* x, size_t ldx, size_t m, const ByteCodes& w, RowRange rows,
                        size_t k, float* y, size_t ldy) noexcept;

  // The same product with w [n, k] of BF16 and rows that are rounded to BF16 (to_cache), zeros
  // behind them. Order: numerics.md, 17. REQUIRES: arrange_bf16() was called where there is one.
  void (*matmul_bf16)(const Bf16Rows& x, const uint8_t* w, size_t row_bytes, size_t n, float* y,
                      size_t ldy) noexcept;
  // Makes the second copy of rows from the first; null: the table has one copy.
  void (*arrange_bf16)(const Bf16Rows& rows) noexcept = nullptr;

  // Rounds rows of x [m, k] (stride ldx) into `out` (out.rows == m). Order: numerics.md, 4.
  void (*quantize_rows)(const float* x, size_t ldx, size_t m, QuantizedRows* out) noexcept;

  // The same product for a format with IntegerBlockSize(dtype) != 0, on quantised activations.
  // Order: numerics.md, 5.
  void (*matmul_integer)(const QuantizedRows& x, DType dtype, const uint8_t* w, size_t row_bytes,
                         size_t n, float* y, size_t ldy) noexcept;

  // The same product with rows interleaved by eight (quant/interleave.h): `w` is strips of
  // 8 * row_bytes, n a multiple of 8, x.k > 0, the format one that has a layout. Null where the
  // rows of the file serve as well.
  void (*matmul_interleaved)(const QuantizedRows& x, DType dtype, const uint8_t* w,
                             size_t row_bytes, size_t n, float* y, size_t ldy) noexcept = nullptr;
  // What it chooses for m > 0 activation rows. Null where that is not told.
  StripTiling (*interleaved_tiling)(DType dtype, size_t m) noexcept = nullptr;

  // The same product with n rows of x.k / 32 code blocks, one after the other. REQUIRES: x.block is
  // 32, x.k a multiple of it.
  void (*matmul_codes)(const QuantizedRows& x, const CodeBlock* w, size_t n, float* y,
                       size_t ldy) noexcept;

  // out[i] = gain[i] * (x[i] / sqrt(mean(x^2) + eps)). `out` may alias `x`.
  void (*rms_norm)(const float* x, const float* gain, float eps, size_t n, float* out) noexcept;
  // Rotates the first 2 * half elements of x; cos, sin [half]. interleaved: pairs (2i, 2i+1), else
  // (i, i + half).
  void (*rope)(float* x, const float* cos, const float* sin, size_t half,
               bool interleaved) noexcept;
  // y[i] += x[i]
  void (*add)(const float* x, size_t n, float* y) noexcept;
  // out[i] = gate[i] / (1 + exp(-gate[i])) * up[i]. `out` may alias either.
  void (*silu_multiply)(const float* gate, const float* up, size_t n, float* out) noexcept;
  // out[i] = gelu(gate[i]) * up[i], gelu by tanh (numerics.md, 7). `out` may alias either.
  void (*gelu_tanh_multiply)(const float* gate, const float* up, size_t n, float* out) noexcept;
  // out[i] = g' / (1 + exp(-alpha * g')) * (u' + up_offset) of gate and up. `out` may alias either.
  void (*clamped_silu_multiply)(const float* gate, const float* up, size_t n,
                                const ClampedSilu& form, float* out) noexcept;
  // out[i] = x[i] / (1 + exp(-x[i])). `out` may alias `x`.
  void (*silu)(const float* x, size_t n, float* out) noexcept;
  // out[i] = x[i] / (1 + exp(-gate[i])). `out` may alias either.
  void (*sigmoid_multiply)(const float* gate, const float* x, size_t n, float* out) noexcept;
  // state = decay state + beta (value - decay state key) key^T; out = state query. Order:
  // numerics.md, 14.
  void (*delta_rule)(const DeltaRuleArgs& args) noexcept;
  // Streaming softmax attention. Order: numerics.md, 6.
  void (*attention)(const AttentionArgs& args) noexcept;
  // Converts n floats to a cache type: kF32, kF16, kBF16, or kQ8_0 with n % 32 == 0. Rounding:
  // numerics.md, 6.
  void (*to_cache)(const float* x, size_t n, DType dtype, void* out) noexcept;
  // x[i] = exp(x[i] - max(x)); returns the sum in the order of numerics.md, 2. For samplers.
  float (*softmax_numerators)(float* x, size_t n) noexcept;
  // out[i] = exp(x[i])
  void (*exp)(const float* x, size_t n, float* out) noexcept;
  // `count` elements of any type that CanDecode(), in whole blocks: the values of DecodeRow()
  // (quant/dtype.h).
  void (*decode_row)(DType dtype, const uint8_t* bytes, int64_t count,
                     float* out) noexcept = DecodeRow;
  // Rows of packed matrices in float32 (quant/packed_matrix.h).
  PackedDecoders packed;

  // The table that this one is but for some functions: it has the probes and the encoders. Null:
  // none.
  const char* extends = nullptr;
  const char* code_name() const { return extends != nullptr ? extends : name; }
};

// The best table of this CPU, or the one named by the environment variable TAEL_FORCE_ISA; throws
// nothing: an unknown or unsupported name gives nullptr.
const KernelTable* SelectKernelTable();
// All tables this CPU can run, scalar first (for tests), nullptr-terminated.
const KernelTable* const* SupportedKernelTables();

}  // namespace tael
