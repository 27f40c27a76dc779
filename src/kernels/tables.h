// The tables compiled into this program, one per instruction set; dispatch.cc chooses among them.
#pragma once

#include "kernels/kernel_table.h"

namespace tael {

extern const KernelTable kScalarTable;
#if defined(__x86_64__)
extern const KernelTable kAvx2Table;  // needs AVX2, FMA and F16C (x86-64-v3)
#endif

}  // namespace tael
