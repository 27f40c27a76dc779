// The tables compiled into this program, one per instruction set; dispatch.cc chooses among them.
#pragma once

#include "kernels/kernel_table.h"

namespace tael {

// `base` under another name, with another product over interleaved rows.
KernelTable WithInterleavedProduct(const KernelTable& base, const char* name,
                                   decltype(KernelTable::matmul_interleaved) product);

extern const KernelTable kScalarTable;
#if defined(__x86_64__)
extern const KernelTable kAvx2Table;    // needs AVX2, FMA and F16C (x86-64-v3)
extern const KernelTable kAvx512Table;  // needs AVX-512 F, BW, DQ, VL and VNNI as well
// KernelTable::matmul_interleaved of the two.
void MatmulInterleavedAvx2(const QuantizedRows& x, DType dtype, const uint8_t* w, size_t row_bytes,
                           size_t n, float* y, size_t ldy) noexcept;
void MatmulInterleavedAvx512(const QuantizedRows& x, DType dtype, const uint8_t* w,
                             size_t row_bytes, size_t n, float* y, size_t ldy) noexcept;
// KernelTable::interleaved_tiling of the two.
StripTiling InterleavedTilingAvx2(DType dtype, size_t m) noexcept;
StripTiling InterleavedTilingAvx512(DType dtype, size_t m) noexcept;
// That of AVX-512 with products of pairs of BF16 numbers; needs AVX512-BF16 as well.
const KernelTable& Avx512Bf16Table();
// `base`, which is one of the two, with products in tile registers, those of BF16 rows as well if
// the tiles have them; needs MissingForAmx() (kernels/amx_support.h) to be null. The first call
// decides.
const KernelTable& AmxTable(const KernelTable& base, bool bf16_tiles);
// KernelTable::matmul_bf16 and arrange_bf16 in tiles for any number of activation rows.
void MatmulBf16InTiles(const Bf16Rows& x, const uint8_t* w, size_t row_bytes, size_t n, float* y,
                       size_t ldy) noexcept;
void ArrangeForTiles(const Bf16Rows& rows) noexcept;
// KernelTable::matmul_interleaved in tiles for any number of activation rows.
void MatmulInterleavedInTiles(const QuantizedRows& x, DType dtype, const uint8_t* w,
                              size_t row_bytes, size_t n, float* y, size_t ldy) noexcept;
// KernelTable::attention with scores in tiles for any number of query rows. REQUIRES: a cache of
// Q8_0.
void AttentionInTiles(const AttentionArgs& args) noexcept;
#endif
#if defined(__aarch64__)
extern const KernelTable kNeonBaseTable;  // any 64-bit Arm
extern const KernelTable kNeonTable;      // needs the byte dot product (Armv8.2)
// KernelTable::matmul_interleaved of the latter.
void MatmulInterleavedNeon(const QuantizedRows& x, DType dtype, const uint8_t* w, size_t row_bytes,
                           size_t n, float* y, size_t ldy) noexcept;
const KernelTable& NeonI8mmTable();  // needs i8mm as well
#endif

}  // namespace tael
