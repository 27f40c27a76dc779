// Everything that makes up the AMX products over interleaved rows, in the order of use, but the
// tile registers themselves, which come before. Included by the table and by its emulation in the
// tests, as avx512_kernels.h.
// clang-format off
#include "kernels/isa/unroll.h"
#include "kernels/isa/avx512.h"
#include "kernels/isa/avx2_integer.h"
#include "kernels/isa/avx512_dot.h"
#include "kernels/isa/avx2_formats.h"
#include "kernels/isa/avx2_strips.h"
#include "kernels/isa/avx512_strips.h"
#include "kernels/isa/amx_strips.h"
#include "kernels/isa/amx_groups.h"
#include "kernels/isa/x86_strip_formats.h"
#include "kernels/impl/integer_product.inl.h"
#include "kernels/impl/strip_product.inl.h"
#include "kernels/impl/interleaved_quad_scales.inl.h"
#include "kernels/impl/interleaved_tile_panel.inl.h"
#include "kernels/impl/interleaved_tile_pass.inl.h"
#include "kernels/impl/matmul_interleaved_tiles.inl.h"
// clang-format on
