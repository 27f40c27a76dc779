// Everything that makes up attention with scores in tile registers, in the order of use, behind
// amx_interleaved_kernels.h. Included by the table and by its emulation in the tests.
// clang-format off
#include "kernels/isa/x86_reduce.h"
#include "kernels/impl/exp.inl.h"
#include "kernels/impl/cache.inl.h"
#include "kernels/impl/quantize.inl.h"
#include "kernels/impl/attention_query.inl.h"
#include "kernels/isa/avx512_attention.h"
#include "kernels/impl/attention_tiles.inl.h"
#include "kernels/impl/attention_parts.inl.h"
#include "kernels/isa/amx_keys.h"
#include "kernels/isa/x86_keys.h"
#include "kernels/impl/attention_pack.inl.h"
#include "kernels/impl/attention_block.inl.h"
#include "kernels/impl/attention_code_tiles.inl.h"
// clang-format on
