// `tael doctor`: what this machine offers and what Tael will use of it.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <thread>

#include "app/child_process.h"
#include "app/command.h"
#include "app/environment.h"
#include "app/machine.h"
#include "app/model_store.h"
#include "app/terminal.h"
#include "app/version.h"
#include "base/file.h"
#include "base/json.h"
#include "kernels/forced_isa.h"
#include "kernels/kernel_table.h"
#include "runtime/cgroup_limits.h"
#include "runtime/worker_pool.h"

namespace tael {
namespace {

bool PipWorks() {
  ChildOptions child;
  child.arguments = {"python3", "-m", "pip", "--version"};
  child.output_file = "/dev/null";
  const ChildResult result = RunChild(child);
  return result.started && result.exit_code == 0;
}

Json Diagnose(const LoadedSettings& settings) {
  Json kernels = JsonArray{};
  for (const KernelTable* const* table = SupportedKernelTables(); *table != nullptr; ++table) {
    kernels.Append((*table)->name);
  }
  const KernelTable* chosen = SelectKernelTable();
  const std::string store = ModelStoreDirectory(settings.values);
  std::error_code error;
  std::filesystem::path existing = store;
  while (!std::filesystem::exists(existing, error) && existing.has_relative_path()) {
    existing = existing.parent_path();
  }
  const auto space = std::filesystem::space(existing.empty() ? "." : existing, error);
  Json out = JsonObject{};
  out.Set("version", Version());
  out.Set("numerics_version", kNumericsVersion);
  out.Set("cpu", CpuModel());
  out.Set("cpus", static_cast<int64_t>(std::thread::hardware_concurrency()));
  out.Set("threads", AvailableCpus());
  out.Set("cgroup_cpu_quota", CgroupCpuQuota());
  out.Set("kernels", std::move(kernels));
  out.Set("kernels_chosen", chosen != nullptr ? Json(chosen->name) : Json());
  out.Set("memory_bytes", MemoryInfo("MemTotal"));
  out.Set("memory_available_bytes", MemoryInfo("MemAvailable"));
  out.Set("cgroup_memory_bytes", ReadCgroupMemory().limit);
  out.Set("models_directory", store);
  out.Set("models_found", static_cast<int64_t>(FindModels(settings.values).size()));
  out.Set("disk_free_bytes", error ? Json() : Json(static_cast<int64_t>(space.available)));
  out.Set("config_file", settings.file_found ? Json(settings.file) : Json());
  out.Set("pip", PipWorks());
  return out;
}

std::string Shown(const std::string& key, const Json& value) {
  if (key.ends_with("_bytes") && value.is_int()) {
    return value.as_int() == 0 ? "unlimited or unknown" : HumanBytes(value.as_int());
  }
  if (key == "cgroup_cpu_quota" && value.as_double() == 0) return "unlimited or unknown";
  if (value.is_string()) return value.as_string();
  if (value.is_null()) return "none";
  return DumpJson(value);
}

}  // namespace

Command AddDoctorCommand(CommandParser& program) {
  CommandParser& command = program.AddCommand(
      {.name = "doctor", .description = "What this machine offers and what Tael uses"});
  auto json = std::make_shared<bool>(false);
  command.AddFlag("--json", json.get(), "print one JSON object");
  return {&command, [json](const LoadedSettings& settings) {
            const Json found = Diagnose(settings);
            if (*json) {
              PrintOut(DumpJson(found) + "\n");
              return kExitOk;
            }
            std::vector<std::vector<std::string>> rows;
            for (const auto& [key, value] : found.as_object())
              rows.push_back({key, Shown(key, value)});
            PrintOut(FormatTable(rows));
            if (found.Find("kernels_chosen")->is_null()) {
              PrintError(fmt::format("tael: TAEL_FORCE_ISA names kernels that cannot run: {}\n",
                                     WhyNoKernelTable()));
            }
            if (!found.Find("pip")->as_bool()) {
              PrintError("tael: python3 with pip was not found; 'tael pull' needs it\n");
            }
            return kExitOk;
          }};
}

}  // namespace tael
