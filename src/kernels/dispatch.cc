// Detects what the CPU and the operating system support and picks a kernel table, once.
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include <array>
#include <cstdlib>
#include <cstring>

#include "kernels/tables.h"

namespace tael {
namespace {

// Scalar first, best last, then nullptrs; room for every instruction set that is planned.
constexpr size_t kMaxTables = 8;
using TableList = std::array<const KernelTable*, kMaxTables + 1>;

TableList DetectTables() {
  TableList tables{};
  size_t count = 0;
  tables[count++] = &kScalarTable;
#if defined(__x86_64__)
  // The builtin also asks the operating system (XGETBV) whether it saves the wide registers.
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("f16c");
  if (avx2) tables[count++] = &kAvx2Table;
  if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512vnni")) {
    tables[count++] = &kAvx512Table;
  }
#endif
#if defined(__aarch64__)
  tables[count++] = &kNeonBaseTable;
  if ((getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0) tables[count++] = &kNeonTable;
#endif
  return tables;
}

const TableList& Tables() {
  static const TableList tables = DetectTables();
  return tables;
}

}  // namespace

const KernelTable* const* SupportedKernelTables() { return Tables().data(); }

const KernelTable* SelectKernelTable() {
  const char* forced = std::getenv("TAEL_FORCE_ISA");
  const bool any = forced == nullptr || *forced == '\0';
  const KernelTable* chosen = nullptr;
  for (const KernelTable* table : Tables()) {
    if (table == nullptr) break;
    if (any || std::strcmp(forced, table->name) == 0) chosen = table;
  }
  return chosen;
}

}  // namespace tael
