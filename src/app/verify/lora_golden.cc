// Goldens of LoRA adapters: logits of base and adapter, for every form of both that lies there.
#include <fmt/format.h>

#include "app/verify/checks.h"
#include "app/verify/golden_data.h"
#include "base/error.h"
#include "base/file.h"

namespace tael {
namespace {

// The folder of the base model, as adapter_config.json names it: relative to the adapter.
std::string BaseFolder(const std::string& folder) {
  const std::string config = JoinPath(folder, "adapter_config.json");
  const std::string named = TextMember(ReadJsonFile(config), "base_model_name_or_path", config);
  const std::string path = named.starts_with('/') ? named : JoinPath(folder, named);
  if (!DirectoryExists(path)) {
    Fail(ErrorCode::kNotFound, "{}: the base model '{}' does not lie there", config, named);
  }
  return path;
}

}  // namespace

std::vector<VerifyRow> CheckLoraGolden(const Golden& golden, const VerifyContext& context) {
  std::vector<VerifyRow> rows;
  VerifyRow row = MakeRow(golden);
  CheckRow(row, [&](VerifyRow& found) {
    const std::string folder = DirName(golden.path), base = BaseFolder(folder);
    const std::string base_gguf = JoinPath(base, "model.gguf");
    const std::string adapter_gguf = JoinPath(folder, "adapter.gguf");
    const auto check = [&](const std::string& model, const std::string& adapter,
                           const std::string& part) {
      Golden one = golden;
      one.model = model;
      one.adapter = adapter;
      one.name += part;
      for (VerifyRow& checked : CheckDecoderGolden(one, context))
        rows.push_back(std::move(checked));
    };
    check(base, folder, "");
    if (FileExists(adapter_gguf)) check(base, adapter_gguf, " adapter.gguf");
    if (FileExists(base_gguf)) check(base_gguf, folder, " on model.gguf");
    if (FileExists(base_gguf) && FileExists(adapter_gguf)) {
      check(base_gguf, adapter_gguf, " adapter.gguf on model.gguf");
    }
    found.status = RowStatus::kPass;
  });
  if (row.status != RowStatus::kPass) rows.push_back(std::move(row));
  return rows;
}

}  // namespace tael
