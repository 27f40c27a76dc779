// Everything that makes up the BF16 products of the AMX table, in the order of use, but the tile
// registers themselves, which come before. Included by the table and by its emulation in the tests.
// clang-format off
#include "kernels/isa/unroll.h"
#include "kernels/isa/avx512.h"
#include "kernels/isa/avx512_pairs.h"
#include "kernels/impl/bf16_product.inl.h"
#include "kernels/isa/amx_groups.h"
#include "kernels/impl/matmul_bf16_tiles.inl.h"
// clang-format on
