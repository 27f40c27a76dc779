#include "model/convert/metadata.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/carried.h"
#include "model/convert/key_writer.h"
#include "model/convert/tensors.h"
#include "model/convert/values.h"

namespace tael {
namespace {

// Families whose files share the architecture of another.
constexpr struct {
  std::string_view family;
  const char* arch;
} kShared[] = {{"MistralForCausalLM", "llama"},
               {"MixtralForCausalLM", "llama"},
               {"Mistral3ForConditionalGeneration", "mistral3"},
               {"DeepseekV3ForCausalLM", "deepseek2"},
               {"Ernie4_5_ForCausalLM", "ernie4_5"},
               {"Gemma3ForConditionalGeneration", "gemma3"},
               {"Qwen3_5ForCausalLM", "qwen35"},
               {"Qwen3_5MoeForCausalLM", "qwen35moe"}};

// Families that no architecture of GGUF describes: no public converter has a name for them.
constexpr std::string_view kWithoutArch[] = {"PanguProMoEForCausalLM", "PanguUltraMoEForCausalLM",
                                             "MiMoForCausalLM"};

// Architectures whose converters write a key that would follow from the tensors.
constexpr std::string_view kWritesVocabulary[] = {"llama",   "mistral3",  "pangu-embedded",
                                                  "smollm3", "deepseek2", "deepseek32"};

// Architectures that normalise the weights of experts where no key says so.
constexpr std::string_view kNormalizes[] = {"qwen3moe", "qwen3next", "qwen35moe"};

bool Contains(std::span<const std::string_view> names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

GgufEntries GgufKeyWriter::Write(const std::string& name) {
  General(name);
  Sizes();
  Attention();
  Experts();
  return std::move(entries_);
}

void GgufKeyWriter::General(const std::string& name) {
  entries_.emplace_back("general.architecture", GgufText(arch_.name));
  entries_.emplace_back("general.type", GgufText("model"));
  if (!name.empty()) entries_.emplace_back("general.name", GgufText(name));
  entries_.emplace_back("general.quantization_version", GgufU32(2));
}

// The width that the configuration names, which layers with experts only do not have; 0: none.
int64_t GgufKeyWriter::DenseWidth() const {
  const Json* width = Configured("intermediate_size");
  if (width != nullptr && width->is_int()) return width->as_int();
  for (const LayerSpec& layer : spec_.layers) {
    if (const auto* dense = std::get_if<DenseFfnSpec>(&layer.ffn)) return dense->intermediate_size;
  }
  return 0;
}

void GgufKeyWriter::Sizes() {
  // A scaled rope may limit what this program runs, which other programs do by themselves.
  const Json* longest = Configured("max_position_embeddings");
  const bool stated = longest != nullptr && longest->is_int();
  Integer("block_count", static_cast<int64_t>(spec_.layers.size()));
  Integer("context_length", stated ? longest->as_int() : spec_.max_context);
  Integer("embedding_length", spec_.hidden_size);
  if (const int64_t width = DenseWidth(); width > 0) Integer("feed_forward_length", width);
  if (Contains(kWritesVocabulary, arch_.name)) Integer("vocab_size", spec_.vocab_size);
  Number("attention.layer_norm_rms_epsilon", static_cast<double>(spec_.norm_eps));
}

void GgufKeyWriter::ExpertsOfDeepSeek(const MoeFfnSpec& moe, int first) {
  const RouterSpec& router = moe.router;
  Integer("leading_dense_block_count", first);
  Integer("expert_group_count", router.num_groups);
  Integer("expert_group_used_count", router.groups_per_token);
  Integer("expert_shared_count", moe.shared_size / moe.expert_size);
  Number("expert_weights_scale", static_cast<double>(router.scale));
  Set("expert_weights_norm", GgufBool(router.normalize));
}

void GgufKeyWriter::Experts() {
  const auto sparse = std::find_if(
      spec_.layers.begin(), spec_.layers.end(),
      [](const LayerSpec& layer) { return std::holds_alternative<MoeFfnSpec>(layer.ffn); });
  if (sparse == spec_.layers.end()) {
    if (arch_.experts == ExpertNames::kDeepSeek) Refuse("a network without experts");
    return;
  }
  const auto first = static_cast<int>(sparse - spec_.layers.begin());
  const MoeFfnSpec& moe = std::get<MoeFfnSpec>(sparse->ffn);
  const RouterSpec& router = moe.router;
  Integer("expert_count", router.num_experts);
  Integer("expert_used_count", router.experts_per_token);
  if (!Is("llama")) Integer("expert_feed_forward_length", moe.expert_size);
  if (router.scoring == RouterScoring::kSigmoid) Integer("expert_gating_func", 2);
  if (router.scoring == RouterScoring::kSqrtSoftplus) Integer("expert_gating_func", 4);
  if (router.scoring == RouterScoring::kSoftmax && arch_.mla) Integer("expert_gating_func", 1);
  const bool some_dense = std::any_of(sparse, spec_.layers.end(), [](const LayerSpec& layer) {
    return std::holds_alternative<DenseFfnSpec>(layer.ffn);
  });
  // ERNIE's readers find them by their tensors.
  if ((some_dense && arch_.experts != ExpertNames::kErnie) ||
      (first > 0 && arch_.experts != ExpertNames::kErnie &&
       arch_.experts != ExpertNames::kDeepSeek)) {
    Refuse("layers that are dense among those with experts");
  }
  switch (arch_.experts) {
    case ExpertNames::kNone:
      Refuse("experts");
    case ExpertNames::kQwen:
      if (moe.shared_size > 0) Integer("expert_shared_feed_forward_length", moe.shared_size);
      if (router.normalize != Contains(kNormalizes, arch_.name)) {
        Set("expert_weights_norm", GgufBool(router.normalize));
      }
      return;
    case ExpertNames::kDeepSeek:
      return Is("deepseek4") ? ExpertsOfDeepSeekV4(moe) : ExpertsOfDeepSeek(moe, first);
    case ExpertNames::kErnie:
      Integer("leading_dense_block_count", first);
      Integer("interleave_moe_layer_step", 1);
      Integer("expert_shared_count", moe.shared_size / moe.expert_size);
      if (moe.shared_size > 0) Integer("expert_shared_feed_forward_length", moe.shared_size);
      return;
    case ExpertNames::kHunyuan:
      Integer("expert_shared_count", 1);
      return Integer("expert_shared_feed_forward_length", moe.shared_size);
    case ExpertNames::kLocal:
      return;
  }
}

const GgufArch& GgufArchOf(const Family& family) {
  const std::string_view architecture = family.architecture;
  for (const auto& shared : kShared) {
    if (architecture == shared.family) return *FindGgufArch(shared.arch);
  }
  if (Contains(kWithoutArch, architecture)) {
    Fail(
        ErrorCode::kUnsupported,
        "GGUF has no architecture for {}: no public converter names one, so no other program could "
        "read the file. Hint: keep the safetensors",
        architecture);
  }
  std::string known;
  for (const GgufArch& arch : GgufArchs()) {
    if (architecture == arch.model_class) return arch;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", arch.model_class);
  }
  Fail(ErrorCode::kUnsupported, "{} has no GGUF names here; those that do: {}", architecture,
       known);
}

GgufEntries GgufEntriesOf(const Model& model, const GgufArch& arch, const std::string& name) {
  return GgufKeyWriter(model, arch).Write(name);
}

void AddCarried(const Model& model, GgufEntries* entries) {
  GgufMetadata metadata;
  metadata.where = "the new file";
  metadata.entries = *entries;
  entries->emplace_back(carried::kKeysHash, GgufText(carried::HashOfKeys(metadata)));
  for (const auto& [key, name] : {std::pair{carried::kConfig, "config.json"},
                                  {carried::kGenerationConfig, "generation_config.json"}}) {
    const std::string path = JoinPath(model.checkpoint.directory, name);
    if (FileExists(path)) entries->emplace_back(key, GgufText(ReadFile(path)));
  }
  entries->emplace_back(carried::kTensors, GgufTexts(ListTensors(model)));
  const Family& family = *FindFamily(model.checkpoint.config.Strings("architectures")[0]);
  for (auto& entry : CarriedVectors(model, family)) entries->push_back(std::move(entry));
}

}  // namespace tael
