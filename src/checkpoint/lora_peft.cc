// PEFT directories. A key of adapter_config.json that changes the result is honoured or refused by
// name; one that is not known here is refused too.
#include "checkpoint/lora_peft.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "base/error.h"
#include "checkpoint/config_view.h"
#include "checkpoint/lora_patterns.h"
#include "checkpoint/printable.h"
#include "checkpoint/safetensors.h"

namespace tael {
namespace {

constexpr const char* kConfig = "adapter_config.json";
constexpr const char* kWeights = "adapter_model.safetensors";
constexpr std::string_view kPrefix = "base_model.model.";

// How the adapter was trained or which modules were chosen: the tensors say what came of it.
constexpr const char* kWithoutEffect[] = {
    "auto_mapping",    "base_model_name_or_path",
    "revision",        "inference_mode",
    "lora_dropout",    "task_type",
    "peft_version",    "layers_pattern",
    "target_modules",  "layers_to_transform",
    "exclude_modules", "loftq_config",
    "megatron_core",   "megatron_config",
    "corda_config",    "eva_config",
    "lora_ga_config",  "qalora_group_size",
};

// Mechanisms that are refused unless they are off.
constexpr const char* kMustBeOff[] = {
    "alora_invocation_tokens",
    "arrow_config",
    "ensure_weight_tying",
    "fan_in_fan_out",
    "kasa_config",
    "layer_replication",
    "lora_bias",
    "monteclora_config",
    "target_parameters",
    "use_bdlora",
    "use_qalora",
    "velora_config",
    "trainable_token_indices",
};

// Initialisations that leave the base model's weights as they are.
constexpr const char* kHarmlessInitialisations[] = {"gaussian", "orthogonal", "eva"};

bool IsOff(const Json& value) {
  return value.is_null() || value == Json(false) ||
         (value.is_array() && value.as_array().empty()) ||
         (value.is_object() && value.as_object().empty());
}

void CheckOptions(const ConfigView& config) {
  const std::string type = config.String("peft_type");
  if (type != "LORA") {
    Fail(ErrorCode::kUnsupported, "{}: peft_type is '{}', supported is 'LORA'", config.where(),
         Printable(type));
  }
  for (const char* key : kWithoutEffect) config.Ignore(key);
  for (const char* key : kMustBeOff) {
    config.Ignore(key);
    const Json* value = config.values().Find(key);
    if (value == nullptr || IsOff(*value)) continue;
    Fail(ErrorCode::kUnsupported, "{}: {} is {}, which is not supported{}", config.where(), key,
         DumpJson(*value).substr(0, 120),
         std::string_view(key) == "target_parameters"
             ? ". Hint: these are adapters of fused experts"
             : "");
  }
  const std::string bias = config.String("bias", "none");
  if (bias != "none") {
    Fail(ErrorCode::kUnsupported, "{}: bias is '{}', supported is 'none'", config.where(),
         Printable(bias));
  }
  config.Ignore("init_lora_weights");
  const Json* init = config.values().Find("init_lora_weights");
  if (init != nullptr && init->is_string() &&
      std::none_of(std::begin(kHarmlessInitialisations), std::end(kHarmlessInitialisations),
                   [&](const char* name) { return init->as_string() == name; })) {
    Fail(ErrorCode::kUnsupported,
         "{}: init_lora_weights is '{}', which also changes the base model's weights. Hint: save "
         "the adapter converted to plain LoRA",
         config.where(), Printable(init->as_string()));
  }
}

// Values that patterns of module names override, in the order of the file: the first that matches
// the end of the name, from a dot on, wins.
class Overrides {
 public:
  Overrides(const ConfigView& config, const char* key)
      : where_(fmt::format("{}: {}", config.where(), key)) {
    config.Ignore(key);
    const Json* patterns = config.values().Find(key);
    if (patterns == nullptr || patterns->is_null()) return;
    if (!patterns->is_object()) Bad("no object");
    for (const auto& [pattern, value] : patterns->as_object()) Add(pattern, value);
  }

  double For(const std::string& module, double fallback) const {
    for (const auto& [pattern, value] : rules_) {
      if (pattern.Matches(module)) return value;
    }
    return fallback;
  }

 private:
  [[noreturn]] void Bad(const std::string& found) const {
    Fail(ErrorCode::kCorrupt, "{} holds {}, needed numbers by pattern", where_, found);
  }

  void Add(const std::string& pattern, const Json& value) {
    constexpr size_t kMostExpressions = 64;  // each is tried on each module
    if (!value.is_number()) Bad("'" + Printable(pattern) + "'");
    rules_.emplace_back(ModulePattern(pattern, ModulePattern::Fits::kEnd, where_),
                        value.as_double());
    expressions_ += rules_.back().first.is_expression() ? 1 : 0;
    if (expressions_ > kMostExpressions) {
      Fail(ErrorCode::kUnsupported, "{} holds more than {} regular expressions", where_,
           kMostExpressions);
    }
  }

  std::string where_;
  size_t expressions_ = 0;
  std::vector<std::pair<ModulePattern, double>> rules_;
};

// Whether a name of a list stands for the module: as a whole, or for its end from a dot on.
bool IsNamedBy(const std::string& name, const std::string& module) {
  return module == name || module.ends_with("." + name);
}

// The modules that adapter_config.json says it adapts. A configuration that does not say (or says
// "all-linear") leaves that to the tensors.
class Targets {
 public:
  explicit Targets(const ConfigView& config) {
    if (!config.Has("target_modules")) return;
    const Json& value = *config.values().Find("target_modules");
    if (!value.is_string()) {
      names_ = config.Strings("target_modules");
    } else if (value.as_string() != "all-linear") {
      pattern_.emplace(value.as_string(), ModulePattern::Fits::kWhole,
                       config.where() + ": target_modules");
    }
  }

  bool Name(const std::string& module) const {
    if (pattern_) return pattern_->Matches(module);
    return !names_ || std::any_of(names_->begin(), names_->end(),
                                  [&](const std::string& name) { return IsNamedBy(name, module); });
  }

 private:
  std::optional<std::vector<std::string>> names_;
  std::optional<ModulePattern> pattern_;
};

// "x.lora_A.default.weight" and "x.lora_A.weight" alike.
enum class Part { kA, kB, kEmbeddingA, kEmbeddingB, kMagnitude, kBaseCopy };
struct Ending {
  std::string_view text;
  Part part;
};
constexpr Ending kEndings[] = {
    {".lora_A.weight", Part::kA},
    {".lora_B.weight", Part::kB},
    {".lora_A.default.weight", Part::kA},
    {".lora_B.default.weight", Part::kB},
    {".lora_embedding_A", Part::kEmbeddingA},
    {".lora_embedding_B", Part::kEmbeddingB},
    {".lora_embedding_A.default", Part::kEmbeddingA},
    {".lora_embedding_B.default", Part::kEmbeddingB},
    {".lora_magnitude_vector", Part::kMagnitude},
    {".lora_magnitude_vector.weight", Part::kMagnitude},
    {".lora_magnitude_vector.default.weight", Part::kMagnitude},
    // The base's own weight, saved along with an adapted head or embedding.
    {".base_layer.weight", Part::kBaseCopy},
};

class PeftReader {
 public:
  explicit PeftReader(const std::string& directory)
      : config_(ReadJsonFile(JoinPath(directory, kConfig)), JoinPath(directory, kConfig)) {
    CheckOptions(config_);
    if (config_.Has("modules_to_save")) saved_ = config_.Strings("modules_to_save");
    rank_ = config_.Double("r");
    alpha_ = config_.Double("lora_alpha");
    dora_ = config_.Bool("use_dora", false);
    stabilised_ = config_.Bool("use_rslora", false);
    config_.Ignore("modules_to_save");
    file_.path = directory;
  }

  LoraFile Read() {
    const Overrides ranks(config_, "rank_pattern"), alphas(config_, "alpha_pattern");
    RefuseUnread();
    const std::string weights = JoinPath(file_.path, kWeights);
    if (!FileExists(weights)) {
      Fail(ErrorCode::kNotFound, "{}: not found, needed beside {}. Hint: {}", weights, kConfig,
           FileExists(JoinPath(file_.path, "adapter_model.bin"))
               ? "adapter_model.bin is not read; save the adapter as safetensors"
               : "download the adapter completely");
    }
    Safetensors opened = OpenSafetensorsFile(weights);
    file_.tensors = std::move(opened.tensors);
    file_.files = std::move(opened.files);
    for (const TensorInfo& tensor : file_.tensors.all()) Add(tensor);
    CheckSavedNames();
    const Targets targets(config_);
    for (LoraModule& module : file_.modules) Complete(module, targets, ranks, alphas);
    if (problem_count_ == 0) return std::move(file_);
    Fail(ErrorCode::kCorrupt, "{}: {} problem(s) with the adapter's tensors: {}{}", weights,
         problem_count_, fmt::join(problems_, "; "),
         problem_count_ > problems_.size()
             ? fmt::format("; and {} more", problem_count_ - problems_.size())
             : "");
  }

 private:
  void RefuseUnread() const {
    const std::vector<std::string> unread = config_.UnreadKeys();
    if (unread.empty()) return;
    Fail(ErrorCode::kUnsupported, "{}: {} key(s) that are not known: {}", config_.where(),
         unread.size(), fmt::join(unread, ", "));
  }

  // Valid until the next call.
  LoraModule& ModuleOf(const std::string& path) {
    const auto [entry, is_new] = places_.emplace(path, file_.modules.size());
    if (is_new) file_.modules.push_back({.target = path});
    return file_.modules[entry->second];
  }

  bool IsSaved(const std::string& path) const {
    return std::any_of(saved_.begin(), saved_.end(),
                       [&](const std::string& name) { return IsNamedBy(name, path); });
  }

  void CheckSavedNames() {
    for (const std::string& name : saved_) {
      const bool found =
          std::any_of(file_.modules.begin(), file_.modules.end(), [&](const LoraModule& module) {
            return module.saved != nullptr && IsNamedBy(name, module.target);
          });
      if (!found) Problem(name, "is named by modules_to_save, but has no tensor");
    }
  }

  void Add(const TensorInfo& tensor) {
    std::string name = tensor.name;
    if (name.starts_with(kPrefix)) name.erase(0, kPrefix.size());
    for (const Ending& ending : kEndings) {
      if (!name.ends_with(ending.text)) continue;
      name.resize(name.size() - ending.text.size());
      return AddPart(ModuleOf(name), ending.part, tensor);
    }
    for (const std::string_view ending :
         {".modules_to_save.default.weight", ".modules_to_save.weight", ".weight"}) {
      if (!name.ends_with(ending)) continue;
      name.resize(name.size() - ending.size());
      if (!IsSaved(name)) break;
      return SetOnce(ModuleOf(name).saved, tensor);
    }
    Problem(tensor.name, "is no part of LoRA that is known here");
  }

  // Several spellings lead to one place; the tensor to use would be anybody's guess.
  void SetOnce(const TensorInfo*& place, const TensorInfo& tensor) {
    if (place != nullptr) {
      return Problem(tensor.name, fmt::format("says the same as '{}'", Printable(place->name)));
    }
    place = &tensor;
  }

  void AddPart(LoraModule& module, Part part, const TensorInfo& tensor) {
    if (part == Part::kMagnitude) return SetOnce(module.magnitude, tensor);
    if (part == Part::kBaseCopy) return SetOnce(module.base_copy, tensor);
    const bool embedding = part == Part::kEmbeddingA || part == Part::kEmbeddingB;
    const TensorInfo* other = module.a != nullptr ? module.a : module.b;
    if (other != nullptr && embedding != module.embedding) {
      return Problem(tensor.name,
                     fmt::format("is of another kind than '{}'", Printable(other->name)));
    }
    module.embedding = embedding;
    SetOnce(part == Part::kA || part == Part::kEmbeddingA ? module.a : module.b, tensor);
  }

  void Complete(LoraModule& module, const Targets& targets, const Overrides& ranks,
                const Overrides& alphas) {
    const std::string path = module.target;
    module.target += ".weight";
    if (module.saved != nullptr) {
      if (module.a != nullptr || module.b != nullptr || module.magnitude != nullptr ||
          module.base_copy != nullptr) {
        Problem(path, "is both saved and adapted");
      }
      return;
    }
    if (!targets.Name(path)) Problem(path, "is adapted, but not named by target_modules");
    if (module.a == nullptr || module.b == nullptr) {
      return Problem(path, "has only one of lora_A and lora_B");
    }
    if (module.a->shape.size() != 2 || module.b->shape.size() != 2) {
      return Problem(path, "has a lora_A or lora_B that is no matrix");
    }
    const double rank = ranks.For(path, rank_), alpha = alphas.For(path, alpha_);
    if (!(rank >= 1) || static_cast<double>(module.a->shape[0]) != rank) {
      return Problem(path, fmt::format("has rank {}, but the configuration says {}",
                                       module.a->shape[0], rank));
    }
    if ((module.magnitude != nullptr) != dora_) {
      return Problem(path, dora_ ? "has no lora_magnitude_vector" : "has a vector of DoRA");
    }
    module.scale = alpha / (stabilised_ ? std::sqrt(rank) : rank);
    if (!HasFiniteScale(module)) {
      Problem(path, fmt::format("has a scale of {} (alpha {}), which is no finite float32",
                                module.scale, alpha));
    }
  }

  void Problem(const std::string& name, const std::string& what) {
    constexpr size_t kMaxListed = 20;
    if (++problem_count_ > kMaxListed) return;
    problems_.push_back(fmt::format("'{}' {}", Printable(name), what));
  }

  ConfigView config_;
  std::vector<std::string> saved_;
  double rank_ = 0, alpha_ = 0;
  bool dora_ = false, stabilised_ = false;
  LoraFile file_;
  std::unordered_map<std::string, size_t> places_;  // in file_.modules, by path
  std::vector<std::string> problems_;               // the first of them
  size_t problem_count_ = 0;
};

}  // namespace

LoraFile OpenPeftLora(const std::string& directory) { return PeftReader(directory).Read(); }

}  // namespace tael
