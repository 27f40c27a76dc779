// What AVX2 and FMA can do at most (probe_table.h).
#if defined(__x86_64__)
#include "kernels/probe_tables.h"

#define TAEL_ISA avx2

// clang-format off
#include "kernels/isa/target_avx2_begin.h"
#include "kernels/isa/unroll.h"
#include "kernels/isa/avx2.h"
#include "kernels/isa/avx2_integer.h"
#include "kernels/isa/avx2_probe.h"
#include "kernels/impl/probe.inl.h"
#include "kernels/isa/target_end.h"
// clang-format on

namespace tael {

const ProbeTable kAvx2Probes = {
    .name = "avx2",
    .read_pages = avx2::ReadPages,
    .multiply_floats = avx2::MultiplyFloats,
    .float_operations = 2 * avx2::kLanes * avx2::kFmaChains,
    .multiply_bytes = avx2::MultiplyBytes,
    .multiply_small_bytes = avx2::MultiplySmallBytes,
};

}  // namespace tael
#endif
