// What plain C++ can do at most (probe_table.h).
#include "kernels/probe_tables.h"

#define TAEL_ISA scalar

// clang-format off
#include "kernels/isa/unroll.h"
#include "kernels/isa/scalar.h"
#include "kernels/isa/scalar_probe.h"
#include "kernels/impl/probe.inl.h"
// clang-format on

namespace tael {

const ProbeTable kScalarProbes = {
    .name = "scalar",
    .read_pages = scalar::ReadPages,
    .multiply_floats = scalar::MultiplyFloats,
    .float_operations = 2 * scalar::kLanes * scalar::kFmaChains,
    .multiply_bytes = scalar::MultiplyBytes,
    .multiply_small_bytes = scalar::MultiplySmallBytes,
};

}  // namespace tael
