// Attention and rope in GGUF's keys.
#include <algorithm>
#include <cmath>

#include "base/exact_math.h"
#include "model/convert/key_writer.h"

namespace tael {
namespace {

// Architectures whose converters always write what rotates and how wide heads are.
constexpr std::string_view kWritesRotation[] = {
    "llama", "mistral3", "pangu-embedded", "smollm3", "phi3", "qwen3next", "qwen35", "qwen35moe"};

// What files of Qwen3.5 name where config.json does not: pairs for time, height, width.
constexpr int64_t kUsualSections[] = {11, 11, 10};

// How many layers a run of windowed ones and the layer without a window behind them make; nullopt
// when they are no such runs.
std::optional<int64_t> WindowPeriod(const std::vector<bool>& windowed) {
  const auto first = std::find(windowed.begin(), windowed.end(), false);
  const auto period = static_cast<size_t>(first - windowed.begin()) + 1;
  for (size_t i = 0; i < windowed.size(); ++i) {
    if (windowed[i] != ((i + 1) % period != 0)) return std::nullopt;
  }
  return static_cast<int64_t>(period);
}

}  // namespace

const Json* GgufKeyWriter::ScalingKey(std::string_view key) const {
  for (const char* name : {"rope_scaling", "rope_parameters"}) {
    const Json* scaling = Configured(name);
    if (scaling == nullptr || !scaling->is_object()) continue;
    if (const Json* found = scaling->Find(key)) return found;
  }
  return nullptr;
}

void GgufKeyWriter::Attention() {
  const GatedDeltaNetSpec* net = nullptr;
  bool plain = false;
  for (const LayerSpec& layer : spec_.layers) {
    if (const auto* spec = std::get_if<CompressedSpec>(&layer.attention)) return Compressed(*spec);
    if (const auto* mla = std::get_if<MlaSpec>(&layer.attention)) return Latent(*mla);
    plain = plain || std::holds_alternative<GqaSpec>(layer.attention);
    if (net == nullptr) net = std::get_if<GatedDeltaNetSpec>(&layer.attention);
  }
  if (!plain) Refuse("a network without any layer of plain attention");
  Plain();
  if (net != nullptr) Linear(*net);
}

void GgufKeyWriter::Plain() {
  // The layer that stands for all: it rotates, and sees everything where any layer does.
  const GqaSpec* main = nullptr;
  const auto rank = [](const GqaSpec& gqa) {
    return (gqa.rope.pairing != RopePairing::kNone ? 2 : 0) + (gqa.sliding_window == 0 ? 1 : 0);
  };
  for (const LayerSpec& layer : spec_.layers) {
    const auto* gqa = std::get_if<GqaSpec>(&layer.attention);
    if (gqa == nullptr) continue;
    if (main == nullptr || rank(*gqa) > rank(*main)) main = gqa;
  }
  Integer("attention.head_count", main->num_heads);
  Integer("attention.head_count_kv", main->num_kv_heads);
  // The converter of this architecture always writes them.
  const bool derived = main->head_dim * main->num_heads == spec_.hidden_size &&
                       arch_.name != std::string_view("pangu-embedded");
  if (!derived || checkpoint_.config.Has("head_dim")) {
    Integer("attention.key_length", main->head_dim);
    Integer("attention.value_length", main->head_dim);
  }
  Windows(*main);
  Rope(main->rope, main->rope.rotary_dim != main->head_dim);
}

// Which layers have a window is mostly a constant of the architecture.
void GgufKeyWriter::Windows(const GqaSpec& global) {
  std::vector<bool> windowed;
  const GqaSpec* local = nullptr;
  for (const LayerSpec& layer : spec_.layers) {
    const auto* gqa = std::get_if<GqaSpec>(&layer.attention);
    windowed.push_back(gqa != nullptr && gqa->sliding_window > 0);
    if (windowed.back()) local = gqa;
  }
  if (local != nullptr) Integer("attention.sliding_window", local->sliding_window);
  if (!Is("gemma3")) return;
  // Without a key, every sixth layer of Gemma 3 has none.
  const std::optional<int64_t> period = WindowPeriod(windowed);
  if (!period) Refuse("windows in no regular order");
  const bool short_network = local != nullptr && *period > std::ssize(windowed);
  if (local != nullptr && *period != 6 && !(short_network && windowed.size() < 6)) {
    Integer("attention.sliding_window_pattern", *period);
  }
  if (local != nullptr) Number("rope.freq_base_swa", local->rope.theta);
  const float usual = 1.0f / std::sqrt(static_cast<float>(global.head_dim));
  // The largest model of the family has another scale, which follows from its number of layers.
  if (global.scale != usual) Number("attention.scale", static_cast<double>(global.scale));
}

void GgufKeyWriter::Latent(const MlaSpec& mla) {
  for (const LayerSpec& layer : spec_.layers) {
    if (!std::holds_alternative<MlaSpec>(layer.attention))
      Refuse("more than one kind of attention");
  }
  // Files describe the compressed cache, whose one row serves all heads, and the heads apart.
  Integer("attention.head_count", mla.num_heads);
  Integer("attention.head_count_kv", 1);
  if (mla.q_rank > 0) Integer("attention.q_lora_rank", mla.q_rank);
  Integer("attention.kv_lora_rank", mla.latent_dim);
  Integer("attention.key_length", mla.cached_dim());
  Integer("attention.value_length", mla.latent_dim);
  Integer("attention.key_length_mla", mla.query_dim());
  Integer("attention.value_length_mla", mla.value_dim);
  if (mla.indexer.has_value()) {
    Integer("attention.indexer.head_count", mla.indexer->num_heads);
    Integer("attention.indexer.key_length", mla.indexer->head_dim);
    Integer("attention.indexer.top_k", mla.indexer->top_k);
  }
  Integer("rope.dimension_count", mla.rope_dim);
  Rope(mla.rope, /*partial=*/false);
}

void GgufKeyWriter::Linear(const GatedDeltaNetSpec& net) {
  const auto plain = std::find_if(spec_.layers.begin(), spec_.layers.end(), [](const auto& layer) {
    return std::holds_alternative<GqaSpec>(layer.attention);
  });
  Integer("full_attention_interval", plain - spec_.layers.begin() + 1);
  Integer("ssm.conv_kernel", net.conv_taps);
  Integer("ssm.state_size", net.key_dim);
  Integer("ssm.group_count", net.num_key_heads);
  Integer("ssm.time_step_rank", net.num_value_heads);
  Integer("ssm.inner_size", int64_t{net.num_value_heads} * net.value_dim);
  if (Is("qwen3next")) return;
  std::vector<int64_t> sections(std::begin(kUsualSections), std::end(kUsualSections));
  if (const Json* listed = ScalingKey("mrope_section"); listed != nullptr && listed->is_array()) {
    sections.clear();
    for (const Json& section : listed->as_array()) sections.push_back(section.as_int());
  }
  sections.resize(4);
  Set("rope.dimension_sections", GgufInts(GgufType::kI32, sections));
}

void GgufKeyWriter::Rope(const RopeSpec& rope, bool partial) {
  Number("rope.freq_base", rope.theta);
  const auto* end = std::end(kWritesRotation);
  if (partial || std::find(std::begin(kWritesRotation), end, arch_.name) != end) {
    Integer("rope.dimension_count", rope.rotary_dim);
  }
  if (rope.divisors.empty() && rope.scaling != RopeScalingKind::kYarn && Is("phi3")) {
    Integer("rope.scaling.original_context_length", spec_.max_context);
  }
  Scaling(rope);
}

void GgufKeyWriter::Scaling(const RopeSpec& rope) {
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
      return LongRope(rope);
  }
}

double GgufKeyWriter::YarnFactor(const RopeSpec& rope) {
  return rope.factor <= 1 ? 1.0 : 0.1 * ExactLog(rope.factor) + 1.0;
}

void GgufKeyWriter::Yarn(const RopeSpec& rope) {
  // The one architecture whose range is not rounded, which no key says.
  if (rope.truncate == Is("gpt-oss")) Refuse("yarn with another rounding of its range");
  Set("rope.scaling.type", GgufText("yarn"));
  Number("rope.scaling.factor", rope.factor);
  Integer("rope.scaling.original_context_length", static_cast<int64_t>(rope.original_context));
  Number("rope.scaling.yarn_beta_fast", rope.beta_fast);
  Number("rope.scaling.yarn_beta_slow", rope.beta_slow);
  const Json* all_dims = arch_.mla ? ScalingKey("mscale_all_dim") : nullptr;
  if (all_dims != nullptr && all_dims->is_number()) {
    return Number("rope.scaling.yarn_log_multiplier", 0.1 * all_dims->as_double());
  }
  // The key comes on top of yarn's own factor.
  const double own = YarnFactor(rope);
  if (static_cast<float>(rope.attention_factor) != static_cast<float>(own)) {
    Number("rope.scaling.yarn_attn_factor", rope.attention_factor / own);
  }
}

// The divisors are tensors, by which readers know the type.
void GgufKeyWriter::LongRope(const RopeSpec& rope) {
  if (!Is("phi3")) Set("rope.scaling.type", GgufText("longrope"));
  Integer("rope.scaling.original_context_length", static_cast<int64_t>(rope.original_context));
  Number("rope.scaling.attn_factor", rope.attention_factor);
  const Json* longest = Configured("max_position_embeddings");
  if (longest == nullptr || !longest->is_number() ||
      rope.factor != longest->as_double() / rope.original_context) {
    Number("rope.scaling.factor", rope.factor);
  }
}

}  // namespace tael
