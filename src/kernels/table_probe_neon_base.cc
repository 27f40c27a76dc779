// What NEON without SDOT can do at most (probe_table.h).
#if defined(__aarch64__)
#include "kernels/probe_tables.h"

#define TAEL_ISA neon_base

// clang-format off
#include "kernels/isa/unroll.h"
#include "kernels/isa/neon.h"
#include "kernels/isa/neon_base.h"
#include "kernels/isa/neon_probe.h"
#include "kernels/impl/probe.inl.h"
// clang-format on

namespace tael {

const ProbeTable kNeonBaseProbes = {
    .name = "neon_base",
    .read_pages = neon_base::ReadPages,
    .multiply_floats = neon_base::MultiplyFloats,
    .float_operations = 2 * neon_base::kLanes * neon_base::kFmaChains,
    .multiply_bytes = neon_base::MultiplyBytes,
    .multiply_small_bytes = neon_base::MultiplySmallBytes,
};

}  // namespace tael
#endif
