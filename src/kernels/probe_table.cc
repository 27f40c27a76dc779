// Finds the probes that were compiled for the same instructions as a kernel table.
#include "kernels/probe_table.h"

#include <cstring>

#include "kernels/probe_tables.h"

namespace tael {

const ProbeTable& ProbesOf(const KernelTable& table) {
  static const ProbeTable* const kAll[] = {
#if defined(__x86_64__)
      &kAvx2Probes,
      &kAvx512Probes,
#endif
#if defined(__aarch64__)
      &kNeonBaseProbes,
      &kNeonProbes,
#endif
  };
  for (const ProbeTable* probes : kAll) {
    if (std::strcmp(probes->name, table.code_name()) == 0) return *probes;
  }
  return kScalarProbes;
}

}  // namespace tael
