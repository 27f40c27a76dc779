// Everything that makes up the AVX-512 table, in the order of use: vectors, primitives, formats,
// algorithms. Included by the table and by its emulation in the tests, so that both compile the
// same code. Integer primitives and formats of AVX2 are compiled for AVX-512 as they are.
// clang-format off
#include "kernels/isa/unroll.h"
#include "kernels/isa/avx512.h"
#include "kernels/isa/x86_reduce.h"
#include "kernels/isa/avx2_integer.h"
#include "kernels/isa/avx512_dot.h"
#include "kernels/isa/avx2_formats.h"
#include "kernels/impl/exp.inl.h"
#include "kernels/impl/elementwise.inl.h"
#include "kernels/impl/cache.inl.h"
#include "kernels/impl/attention.inl.h"
#include "kernels/impl/delta_rule.inl.h"
#include "kernels/impl/matmul_float.inl.h"
#include "kernels/impl/matmul_transposed.inl.h"
#include "kernels/impl/quantize.inl.h"
#include "kernels/impl/matmul_integer.inl.h"
#include "kernels/impl/integer_product.inl.h"
#include "kernels/impl/matmul_integer_row_tile.inl.h"
#include "kernels/impl/matmul_integer_quad_panel.inl.h"
#include "kernels/impl/matmul_integer_dispatch.inl.h"
#include "quant/packed/values.inl.h"
#include "quant/packed/bytes.inl.h"
#include "quant/packed/words.inl.h"
#include "quant/packed/across.inl.h"
#include "quant/packed/fp4.inl.h"
// clang-format on
