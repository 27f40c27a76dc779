#include "model/convert/metadata.h"

#include <algorithm>

#include "base/error.h"
#include "base/exact_math.h"
#include "base/file.h"
#include "checkpoint/carried.h"
#include "model/convert/tensors.h"

namespace tael {
namespace {

// Families whose files share the architecture of another.
constexpr struct {
  const char* family;
  const char* arch;
} kShared[] = {{"MistralForCausalLM", "llama"}, {"MixtralForCausalLM", "llama"}};

// Architectures whose converters write keys that would follow from others.
constexpr const char* kWritesVocabulary[] = {"llama", "pangu-embedded"};

bool Contains(std::span<const char* const> names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [&](const char* n) { return name == n; });
}

class Writer {
 public:
  Writer(const Model& model, const GgufArch& arch)
      : spec_(model.spec), checkpoint_(model.checkpoint), arch_(arch) {}

  GgufEntries Write(const std::string& name) {
    General(name);
    Sizes();
    Attention();
    Experts();
    return std::move(entries_);
  }

 private:
  template <typename... Args>
  [[noreturn]] void Refuse(fmt::format_string<Args...> what, Args&&... args) const {
    Fail(ErrorCode::kUnsupported, "{}: GGUF's keys for '{}' cannot express {}", checkpoint_.path,
         arch_.name, fmt::format(what, std::forward<Args>(args)...));
  }

  void Set(const std::string& key, GgufValue value) {
    entries_.emplace_back(fmt::format("{}.{}", arch_.name, key), std::move(value));
  }
  void Integer(const std::string& key, int64_t value) {
    Set(key, GgufU32(static_cast<uint32_t>(value)));
  }
  void Number(const std::string& key, double value) {
    Set(key, GgufF32(static_cast<float>(value)));
  }

  void General(const std::string& name) {
    entries_.emplace_back("general.architecture", GgufText(arch_.name));
    entries_.emplace_back("general.type", GgufText("model"));
    if (!name.empty()) entries_.emplace_back("general.name", GgufText(name));
    entries_.emplace_back("general.quantization_version", GgufU32(2));
  }

  // The width that the configuration names, which layers with experts only do not have.
  int64_t DenseWidth() const {
    const Json* width = checkpoint_.config.values().Find("intermediate_size");
    if (width != nullptr && width->is_int()) return width->as_int();
    for (const LayerSpec& layer : spec_.layers) {
      if (const auto* dense = std::get_if<DenseFfnSpec>(&layer.ffn))
        return dense->intermediate_size;
    }
    return std::get<MoeFfnSpec>(spec_.layers[0].ffn).expert_size;
  }

  void Sizes() {
    Integer("block_count", static_cast<int64_t>(spec_.layers.size()));
    Integer("context_length", spec_.max_context);
    Integer("embedding_length", spec_.hidden_size);
    Integer("feed_forward_length", DenseWidth());
    if (Contains(kWritesVocabulary, arch_.name)) Integer("vocab_size", spec_.vocab_size);
    Number("attention.layer_norm_rms_epsilon", static_cast<double>(spec_.norm_eps));
  }

  void Attention() {
    for (const LayerSpec& layer : spec_.layers) {
      if (!std::holds_alternative<GqaSpec>(layer.attention)) Refuse("this kind of attention");
    }
    const GqaSpec& gqa = std::get<GqaSpec>(spec_.layers[0].attention);
    for (const LayerSpec& layer : spec_.layers) {
      const GqaSpec& other = std::get<GqaSpec>(layer.attention);
      if (other.sliding_window != gqa.sliding_window || !(other.rope == gqa.rope)) {
        Refuse("layers whose windows or rope differ");
      }
    }
    Integer("attention.head_count", gqa.num_heads);
    Integer("attention.head_count_kv", gqa.num_kv_heads);
    // The converter of this architecture always writes them.
    const bool derived = gqa.head_dim * gqa.num_heads == spec_.hidden_size &&
                         arch_.name != std::string_view("pangu-embedded");
    if (!derived || checkpoint_.config.Has("head_dim")) {
      Integer("attention.key_length", gqa.head_dim);
      Integer("attention.value_length", gqa.head_dim);
    }
    if (gqa.sliding_window > 0) Integer("attention.sliding_window", gqa.sliding_window);
    Rope(gqa);
  }

  void Rope(const GqaSpec& gqa) {
    const RopeSpec& rope = gqa.rope;
    Number("rope.freq_base", rope.theta);
    if (rope.rotary_dim != gqa.head_dim || Contains(kWritesVocabulary, arch_.name)) {
      Integer("rope.dimension_count", rope.rotary_dim);
    }
    switch (rope.scaling) {
      case RopeScalingKind::kNone:
      case RopeScalingKind::kFrequencyBands:  // a tensor of divisors
        return;
      case RopeScalingKind::kLinear:
        Set("rope.scaling.type", GgufText("linear"));
        return Number("rope.scaling.factor", rope.factor);
      case RopeScalingKind::kYarn:
        return Yarn(rope);
      case RopeScalingKind::kPerDimension:
        Refuse("longrope, whose divisors for long texts this program does not read");
    }
  }

  void Yarn(const RopeSpec& rope) {
    if (!rope.truncate) Refuse("yarn without rounding of its range");
    Set("rope.scaling.type", GgufText("yarn"));
    Number("rope.scaling.factor", rope.factor);
    Integer("rope.scaling.original_context_length", static_cast<int64_t>(rope.original_context));
    Number("rope.scaling.yarn_beta_fast", rope.beta_fast);
    Number("rope.scaling.yarn_beta_slow", rope.beta_slow);
    // The key comes on top of yarn's own factor.
    const double own = rope.factor <= 1 ? 1.0 : 0.1 * ExactLog(rope.factor) + 1.0;
    if (static_cast<float>(rope.attention_factor) != static_cast<float>(own)) {
      Number("rope.scaling.yarn_attn_factor", rope.attention_factor / own);
    }
  }

  void Experts() {
    int first = -1;
    for (size_t i = 0; i < spec_.layers.size() && first < 0; ++i) {
      if (std::holds_alternative<MoeFfnSpec>(spec_.layers[i].ffn)) first = static_cast<int>(i);
    }
    if (first < 0) return;
    const MoeFfnSpec& moe = std::get<MoeFfnSpec>(spec_.layers[static_cast<size_t>(first)].ffn);
    const RouterSpec& router = moe.router;
    Integer("expert_count", router.num_experts);
    Integer("expert_used_count", router.experts_per_token);
    const std::string_view name = arch_.name;
    if (name != "llama") Integer("expert_feed_forward_length", moe.expert_size);
    if (router.scoring == RouterScoring::kSigmoid) Integer("expert_gating_func", 2);
    switch (arch_.experts) {
      case ExpertNames::kNone:
        Refuse("experts");
      case ExpertNames::kQwen:
        if (moe.shared_size > 0) Integer("expert_shared_feed_forward_length", moe.shared_size);
        if (router.normalize != (name == "qwen3moe")) {
          Set("expert_weights_norm", GgufBool(router.normalize));
        }
        return;
      case ExpertNames::kDeepSeek:
        Integer("leading_dense_block_count", first);
        Integer("expert_group_count", router.num_groups);
        Integer("expert_group_used_count", router.groups_per_token);
        Integer("expert_shared_count", moe.shared_size / moe.expert_size);
        Number("expert_weights_scale", static_cast<double>(router.scale));
        return Set("expert_weights_norm", GgufBool(router.normalize));
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

  const DecoderSpec& spec_;
  const Checkpoint& checkpoint_;
  const GgufArch& arch_;
  GgufEntries entries_;
};

}  // namespace

const GgufArch& GgufArchOf(const Family& family) {
  const std::string_view architecture = family.architecture;
  for (const auto& shared : kShared) {
    if (architecture == shared.family) return *FindGgufArch(shared.arch);
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
  return Writer(model, arch).Write(name);
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
}

}  // namespace tael
