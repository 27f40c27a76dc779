// What AVX-512 with VNNI can do at most (probe_table.h).
#if defined(__x86_64__)
#include "kernels/probe_tables.h"

#define TAEL_ISA avx512

#pragma GCC diagnostic push
// GCC 12 takes the don't-care operands inside its own intrinsics for a mistake.
#pragma GCC diagnostic ignored "-Wuninitialized"
// clang-format off
#include "kernels/isa/target_avx512_begin.h"
#include "kernels/isa/unroll.h"
#include "kernels/isa/avx512.h"
#include "kernels/isa/avx2_integer.h"
#include "kernels/isa/avx512_dot.h"
#include "kernels/isa/avx512_probe.h"
#include "kernels/impl/probe.inl.h"
#include "kernels/isa/target_end.h"
// clang-format on
#pragma GCC diagnostic pop

namespace tael {

const ProbeTable kAvx512Probes = {
    .name = "avx512",
    .read_pages = avx512::ReadPages,
    .multiply_floats = avx512::MultiplyFloats,
    .float_operations = 2 * avx512::kLanes * avx512::kFmaChains,
    .multiply_bytes = avx512::MultiplyBytes,
    .multiply_small_bytes = avx512::MultiplySmallBytes,
};

}  // namespace tael
#endif
