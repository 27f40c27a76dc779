#include "app/quantize_source.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "app/convert_check.h"
#include "app/convert_target.h"
#include "base/error.h"
#include "base/file.h"
#include "model/convert/values.h"
#include "model/places.h"

namespace tael {
namespace {

// Keys that say how a file was cut and what it was made as: not those of the new one.
bool IsOfFile(const std::string& key) {
  return key.starts_with("split.") || key == "general.file_type" ||
         key == "general.quantization_version";
}

const GgufValue* Find(const GgufEntries& entries, const std::string& key) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const auto& entry) { return entry.first == key; });
  return found == entries.end() ? nullptr : &found->second;
}

// A number, or the first one of a list by layers.
int64_t NumberOf(const GgufEntries& entries, const std::string& key, int64_t fallback) {
  const GgufValue* value = Find(entries, key);
  if (value == nullptr) return fallback;
  if (value->type != GgufType::kArray) return value->integer;
  return value->integers.empty() ? fallback : value->integers[0];
}

RecipeModel FactsOf(const GgufEntries& entries) {
  RecipeModel facts;
  const GgufValue* architecture = Find(entries, "general.architecture");
  if (architecture != nullptr) facts.architecture = architecture->text;
  const std::string& arch = facts.architecture;
  const int64_t heads = NumberOf(entries, arch + ".attention.head_count", 1);
  const int64_t kv_heads = NumberOf(entries, arch + ".attention.head_count_kv", heads);
  facts.layers = static_cast<int>(NumberOf(entries, arch + ".block_count", 0));
  facts.heads_per_kv_head = kv_heads > 0 ? static_cast<int>(heads / kv_heads) : 0;
  facts.experts = static_cast<int>(NumberOf(entries, arch + ".expert_count", 0));
  return facts;
}

void RefuseSource(const std::string& path, const std::string& target) {
  std::error_code unknown;  // a file that is not there yet is another one
  if (!std::filesystem::equivalent(path, target, unknown)) return;
  Fail(ErrorCode::kInvalidArgument, "target '{}': is the source itself. Hint: choose another name",
       target);
}

void RequireGgufName(const std::string& target) {
  const bool is_directory = target.ends_with('/') || DirectoryExists(target);
  if (!is_directory && target.ends_with(".gguf") && BaseName(target) != ".gguf") return;
  Fail(ErrorCode::kInvalidArgument,
       "target '{}': is no name of a GGUF file. Hint: it ends in NAME.gguf", target);
}

}  // namespace

GgufEntries QuantizeSource::Entries(const GgufEntries& keys) const {
  GgufEntries all = form.entries;
  all.insert(all.end(), keys.begin(), keys.end());
  all.insert(all.end(), form.more.begin(), form.more.end());
  return all;
}

void QuantizeSource::Check(const std::string& target, const std::vector<std::string>& paths,
                           const std::vector<TensorSource>& written, bool force) const {
  for (const auto& file : model->checkpoint.files) RefuseSource(file->path(), target);
  CheckGgufTarget(target, paths, force);
  CheckGgufDescribes(*model, form.entries, written);
  ReportDropped(form.converted.dropped);
}

QuantizeSource MakeQuantizeSource(const Model& model, const std::string& target,
                                  const PackedDecoders& decoders, bool no_tokenizer) {
  RequireGgufName(target);
  QuantizeSource source;
  source.model = &model;
  switch (model.checkpoint.container) {
    case Container::kGguf:
      source.form.entries = model.checkpoint.gguf->entries;
      for (const TensorInfo& tensor : model.checkpoint.tensors.all()) {
        source.tensors.push_back(CopyOf(tensor, tensor.name));
      }
      break;
    case Container::kSafetensors:
    case Container::kLlama2c:
      source.form = MakeGgufForm(model, {.decoders = &decoders, .no_tokenizer = no_tokenizer});
      source.tensors = std::move(source.form.converted.tensors);
      break;
  }
  std::erase_if(source.form.entries, [](const auto& entry) { return IsOfFile(entry.first); });
  source.facts = FactsOf(source.form.entries);
  const Family& family = FamilyOf(model);
  for (const TensorSource& tensor : source.tensors) {
    const auto place = PlaceOf(tensor.name, family, Container::kGguf);
    if (place && IsAlwaysF32(place->role)) source.always_kept.push_back(tensor.name);
  }
  return source;
}

}  // namespace tael
