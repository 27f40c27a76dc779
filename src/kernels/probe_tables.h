// The probes compiled into this program, one table per instruction set; probe_table.cc chooses.
#pragma once

#include "kernels/isa/standard_headers.h"
#include "kernels/probe_table.h"
#include "quant/float_bits.h"
#include "quant/integer_form.h"

namespace tael {

extern const ProbeTable kScalarProbes;
#if defined(__x86_64__)
extern const ProbeTable kAvx2Probes, kAvx512Probes;
#endif
#if defined(__aarch64__)
extern const ProbeTable kNeonBaseProbes, kNeonProbes;
#endif

}  // namespace tael
