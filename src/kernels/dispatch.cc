// Detects what the CPU and the operating system support and picks a kernel table, once.
#if defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

#include <array>
#include <cstdlib>
#include <cstring>

#include "kernels/forced_isa.h"
#include "kernels/tables.h"
#if defined(__x86_64__)
#include "kernels/amx_support.h"
#include "kernels/bf16_trial.h"
#endif

namespace tael {
namespace {

// Scalar first, best last, then nullptrs; room for every instruction set that is planned.
constexpr size_t kMaxTables = 8;
struct Detected {
  std::array<const KernelTable*, kMaxTables + 1> tables{};
  const char* missing_for_amx = "AMX is part of x86-64";  // null: nothing
};

#if defined(__x86_64__)
// Null where products in tiles can run. Whoever names another table gets by without a single
// instruction of AMX, should the machine promise more than it does.
const char* WhyNotAmx(bool avx512, AmxFacts* facts) {
  const char* forced = std::getenv("TAEL_FORCE_ISA");
  if (forced != nullptr && *forced != '\0' && std::strcmp(forced, "amx") != 0) {
    return "TAEL_FORCE_ISA named another table when this program looked for AMX";
  }
  *facts = ReadAmxFacts(avx512);
  const char* missing = MissingForAmx(*facts);
  if (missing != nullptr || TilesMultiplyRightly()) return missing;
  return "a trial product in AMX tiles had other bits than without";
}
#endif

Detected DetectTables() {
  Detected found;
  auto& tables = found.tables;
  size_t count = 0;
  tables[count++] = &kScalarTable;
#if defined(__x86_64__)
  // The builtin also asks the operating system (XGETBV) whether it saves the wide registers.
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                    __builtin_cpu_supports("f16c");
  if (avx2) tables[count++] = &kAvx2Table;
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
  if (avx512) tables[count++] = &kAvx512Table;
  const bool bf16 = avx512 && __builtin_cpu_supports("avx512bf16") &&
                    Bf16ProductAgrees(Avx512Bf16Table().matmul_bf16, nullptr);
  if (bf16) tables[count++] = &Avx512Bf16Table();
  AmxFacts amx;
  found.missing_for_amx = WhyNotAmx(avx512, &amx);
  if (found.missing_for_amx == nullptr) {
    const bool bf16_tiles = amx.has_bf16() && Bf16ProductAgrees(MatmulBf16InTiles, ArrangeForTiles);
    tables[count] = &AmxTable(*tables[count - 1], bf16_tiles);
    ++count;
  }
#endif
#if defined(__aarch64__)
  tables[count++] = &kNeonBaseTable;
  const bool dot = (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0;
  if (dot) tables[count++] = &kNeonTable;
  if (dot && (getauxval(AT_HWCAP2) & HWCAP2_I8MM) != 0) tables[count++] = &NeonI8mmTable();
#endif
  return found;
}

const Detected& Found() {
  static const Detected found = DetectTables();
  return found;
}

}  // namespace

KernelTable WithInterleavedProduct(const KernelTable& base, const char* name,
                                   decltype(KernelTable::matmul_interleaved) product) {
  KernelTable table = base;
  table.name = name;
  table.extends = base.code_name();
  table.matmul_interleaved = product;
  return table;
}

const KernelTable* const* SupportedKernelTables() { return Found().tables.data(); }

const KernelTable* SelectKernelTable() {
  const char* forced = std::getenv("TAEL_FORCE_ISA");
  const bool any = forced == nullptr || *forced == '\0';
  const KernelTable* chosen = nullptr;
  for (const KernelTable* table : Found().tables) {
    if (table == nullptr) break;
    if (any || std::strcmp(forced, table->name) == 0) chosen = table;
  }
  return chosen;
}

const char* WhyNoKernelTable() {
  const char* forced = std::getenv("TAEL_FORCE_ISA");
  const char* const missing = Found().missing_for_amx;
  const bool amx = forced != nullptr && std::strcmp(forced, "amx") == 0;
  return amx && missing != nullptr ? missing : "it is unknown, or this CPU lacks it";
}

}  // namespace tael
