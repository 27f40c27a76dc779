// What NEON with SDOT can do at most (probe_table.h).
#if defined(__aarch64__)
#include "kernels/probe_tables.h"

#define TAEL_ISA neon

// clang-format off
#include "kernels/isa/target_neon_begin.h"
#include "kernels/isa/unroll.h"
#include "kernels/isa/neon.h"
#include "kernels/isa/neon_dot.h"
#include "kernels/isa/neon_probe.h"
#include "kernels/impl/probe.inl.h"
#include "kernels/isa/target_end.h"
// clang-format on

namespace tael {

const ProbeTable kNeonProbes = {
    .name = "neon",
    .read_pages = neon::ReadPages,
    .multiply_floats = neon::MultiplyFloats,
    .float_operations = 2 * neon::kLanes * neon::kFmaChains,
    .multiply_bytes = neon::MultiplyBytes,
    .multiply_small_bytes = neon::MultiplySmallBytes,
};

}  // namespace tael
#endif
