// Everything that makes up the AVX-512 products over interleaved rows, in the order of use.
// Included by the table and by its emulation in the tests, as avx512_kernels.h.
// clang-format off
#include "kernels/isa/unroll.h"
#include "kernels/isa/avx512.h"
#include "kernels/isa/avx2_integer.h"
#include "kernels/isa/avx512_dot.h"
#include "kernels/isa/avx2_formats.h"
#include "kernels/isa/avx2_strips.h"
#include "kernels/isa/avx512_strips.h"
#include "kernels/isa/x86_strip_formats.h"
#include "kernels/impl/integer_product.inl.h"
#include "kernels/impl/strip_product.inl.h"
#include "kernels/impl/panel_chains.inl.h"
#include "kernels/impl/interleaved_quad_scales.inl.h"
#include "kernels/impl/interleaved_line_tile.inl.h"
#include "kernels/impl/interleaved_strip_tile.inl.h"
#include "kernels/impl/interleaved_quad_panel.inl.h"
#include "kernels/impl/matmul_interleaved.inl.h"
// clang-format on
