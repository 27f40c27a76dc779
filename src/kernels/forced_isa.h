// Why the kernel table that the environment asks for cannot be had.
#pragma once

namespace tael {

// What stands in the way of the table that TAEL_FORCE_ISA names: "the CPU lacks ...". For messages
// where SelectKernelTable() gave null.
const char* WhyNoKernelTable();

}  // namespace tael
