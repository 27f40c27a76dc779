// GGUF metadata to a config.json in Hugging Face's words: copying by the table, then what has to be
// computed from several keys or from the tensors.
#include "checkpoint/gguf_config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/exact_math.h"
#include "base/utf8.h"
#include "checkpoint/gguf_keys.h"
#include "checkpoint/printable.h"

namespace tael {
namespace {

// The decimal number that a float32 stands for: 0.1f means 0.1, as config.json would say it.
double Decimal(const GgufValue& value) {
  if (value.type != GgufType::kF32 || !std::isfinite(value.number)) return value.number;
  char text[48];
  const auto written = std::to_chars(text, text + sizeof(text), static_cast<float>(value.number));
  double decimal = value.number;
  std::from_chars(text, written.ptr, decimal);
  return decimal;
}

// Any value as JSON, for keys that are passed on untranslated. Long arrays are only described.
Json AsJson(const GgufValue& value) {
  if (value.is_integer()) return value.integer;
  if (value.is_number()) return Decimal(value);
  if (value.type == GgufType::kBool) return value.integer != 0;
  if (value.type == GgufType::kString) return ReplaceInvalidUtf8(value.text);
  return fmt::format("array of {}", value.integers.size() + value.numbers.size() +
                                        value.strings.size() + value.arrays.size());
}

// Architectures whose class rotates a part of a head where its configuration says nothing: for them
// a whole rotation must be said, too.
bool IsPartialByDefault(const GgufArch& arch) {
  const std::string_view name = arch.model_class;
  return name.starts_with("Glm4Moe") || name.starts_with("Qwen3Next") ||
         name.starts_with("Qwen3_5");
}

class Translator {
 public:
  Translator(const GgufMetadata& metadata, const TensorIndex& tensors)
      : metadata_(metadata), tensors_(tensors) {}

  ConfigView Translate();

 private:
  void FindArch();
  void CopyKeys();
  void CopyKey(const GgufKey& rule, const std::string& key, const GgufValue& value);
  void CopyPerLayer(const GgufKey& rule, const std::string& key, const GgufValue& value);
  void AddLayers();
  void AddVocabulary();
  void AddHeads();
  void AddLatentHeads();
  void AddRope();
  void AddYarn(Json* scaling, double factor);
  void AddExperts();
  void AddDeepSeekRouter(bool sigmoid);
  void AddDeepSeekGroups(bool sigmoid);
  void AddFromTensors();
  void AddErnieLayers();
  void CheckHeads();
  void RequireKeys();

  template <typename... Args>
  void Problem(fmt::format_string<Args...> text, Args&&... args) {
    problems_.push_back(fmt::format(text, std::forward<Args>(args)...));
  }
  std::string Key(std::string_view key) const { return fmt::format("{}.{}", arch_->name, key); }
  bool HasKey(std::string_view key) const { return metadata_.Find(Key(key)) != nullptr; }
  std::optional<int64_t> Integer(std::string_view key);
  std::optional<double> Number(std::string_view key);
  // A scalar integer of the configuration made so far.
  std::optional<int64_t> Configured(std::string_view name) const;
  bool HasTensor(std::string_view name) const { return tensors_.Find(name) != nullptr; }

  const GgufMetadata& metadata_;
  const TensorIndex& tensors_;
  const GgufArch* arch_ = nullptr;
  Json config_{JsonObject{}};
  std::vector<std::string> problems_;
};

void Translator::FindArch() {
  const std::string type = metadata_.Text("general.type", "model");
  const std::string name = metadata_.Text("general.architecture", "");
  if (type != "model" || name == "clip") {
    Fail(ErrorCode::kUnsupported, "{}: holds {}, needed a model. Hint: {}", metadata_.where,
         type == "adapter" ? "an adapter (LoRA)"
                           : fmt::format("no text model ('{}')", Printable(type)),
         type == "adapter" ? "open the base model and give the adapter beside it."
                           : "open the file of the language model.");
  }
  arch_ = FindGgufArch(name);
  if (arch_ != nullptr) return;
  std::string known;
  for (const GgufArch& arch : GgufArchs())
    known += fmt::format("{}{}", known.empty() ? "" : ", ", arch.name);
  Fail(ErrorCode::kUnsupported, "{}: general.architecture is '{}', known are: {}", metadata_.where,
       Printable(name), known);
}

std::optional<int64_t> Translator::Integer(std::string_view key) {
  const GgufValue* value = metadata_.Find(Key(key));
  if (value == nullptr) return std::nullopt;
  if (!value->is_integer() || value->integer < 0 ||
      value->integer > std::numeric_limits<int32_t>::max()) {
    Problem("{} is {}, needed an integer from 0 to 2^31 - 1", Key(key), DumpJson(AsJson(*value)));
    return std::nullopt;
  }
  return value->integer;
}

std::optional<double> Translator::Number(std::string_view key) {
  const GgufValue* value = metadata_.Find(Key(key));
  if (value == nullptr) return std::nullopt;
  if (value->is_integer()) return static_cast<double>(value->integer);
  if (!value->is_number() || !std::isfinite(value->number)) {
    Problem("{} is {}, needed a finite number", Key(key), DumpJson(AsJson(*value)));
    return std::nullopt;
  }
  return Decimal(*value);
}

std::optional<int64_t> Translator::Configured(std::string_view name) const {
  const Json* value = config_.Find(name);
  if (value == nullptr || !value->is_int()) return std::nullopt;
  return value->as_int();
}

void Translator::CopyKeys() {
  const std::string prefix = Key("");
  for (const auto& [key, value] : metadata_.entries) {
    if (!key.starts_with(prefix)) continue;
    const GgufKey* rule = FindGgufKey(arch_->experts, std::string_view(key).substr(prefix.size()));
    if (rule == nullptr) {
      config_.as_object().emplace_back("gguf:" + key, AsJson(value));
    } else {
      CopyKey(*rule, key, value);
    }
  }
}

void Translator::CopyKey(const GgufKey& rule, const std::string& key, const GgufValue& value) {
  const std::string_view suffix = std::string_view(key).substr(Key("").size());
  switch (rule.kind) {
    case GgufKeyKind::kCount:
    case GgufKeyKind::kInt: {
      const std::optional<int64_t> number = Integer(suffix);
      if (number && *number == 0 && rule.kind == GgufKeyKind::kCount) {
        Problem("{} is 0, needed at least 1", key);
      } else if (number) {
        config_.Set(rule.name, *number);
      }
      return;
    }
    case GgufKeyKind::kNumber:
    case GgufKeyKind::kPositive: {
      const std::optional<double> number = Number(suffix);
      if (number && *number <= 0 && rule.kind == GgufKeyKind::kPositive) {
        Problem("{} is {}, needed a number above 0", key, *number);
      } else if (number) {
        config_.Set(rule.name, *number);
      }
      return;
    }
    case GgufKeyKind::kBool:
      if (value.type == GgufType::kBool) {
        config_.Set(rule.name, value.integer != 0);
      } else {
        Problem("{} is {}, needed a boolean", key, DumpJson(AsJson(value)));
      }
      return;
    case GgufKeyKind::kPerLayer:
      return CopyPerLayer(rule, key, value);
    case GgufKeyKind::kInts: {
      Json list{JsonArray{}};
      for (const int64_t item : value.integers) list.Append(item);
      config_.Set(rule.name, std::move(list));
      return;
    }
    case GgufKeyKind::kDerived:
    case GgufKeyKind::kIgnored:
      return;
  }
}

// One number, or one for each layer; an array of equal numbers counts as one.
void Translator::CopyPerLayer(const GgufKey& rule, const std::string& key, const GgufValue& value) {
  const std::vector<int64_t> items =
      value.type == GgufType::kArray ? value.integers : std::vector<int64_t>{value.integer};
  const bool integers = value.is_integer() || (value.type == GgufType::kArray && !items.empty() &&
                                               value.element != GgufType::kBool);
  const bool in_range = std::all_of(items.begin(), items.end(), [](int64_t item) {
    return item >= 0 && item <= std::numeric_limits<int32_t>::max();
  });
  if (!integers || !in_range) {
    Problem("{} is {}, needed integers from 0 to 2^31 - 1", key, DumpJson(AsJson(value)));
    return;
  }
  if (std::all_of(items.begin(), items.end(), [&](int64_t item) { return item == items[0]; })) {
    config_.Set(rule.name, items[0]);
    return;
  }
  const std::optional<int64_t> layers = Integer("block_count");
  if (layers && *layers != static_cast<int64_t>(items.size())) {
    Problem("{} has {} entries, needed one for each of the {} layers", key, items.size(), *layers);
    return;
  }
  Json list{JsonArray{}};
  for (const int64_t item : items) list.Append(item);
  config_.Set(rule.name, std::move(list));
}

void Translator::AddLayers() {
  const std::optional<int64_t> blocks = Integer("block_count");
  if (!blocks) return;
  // The blocks of multi-token prediction are counted too; Hugging Face counts them apart.
  const int64_t extra = Integer("nextn_predict_layers").value_or(0);
  const auto num_tensors = static_cast<int64_t>(tensors_.all().size());
  if (*blocks <= extra) {
    Problem("{} is {}, needed more than nextn_predict_layers ({})", Key("block_count"), *blocks,
            extra);
  } else if (*blocks > num_tensors) {
    Problem("{} is {}, but the file has only {} tensors in all", Key("block_count"), *blocks,
            num_tensors);
  } else {
    config_.Set("num_hidden_layers", *blocks - extra);
  }
}

void Translator::AddVocabulary() {
  const TensorInfo* embedding = tensors_.Find("token_embd.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    Problem("tensor token_embd.weight is {}, needed [vocabulary, hidden]",
            embedding == nullptr ? "missing" : "not a matrix");
    return;
  }
  const int64_t rows = embedding->shape[0];
  const std::optional<int64_t> hidden = Configured("hidden_size");
  if (hidden && *hidden != embedding->shape[1]) {
    Problem("{} is {}, but the rows of token_embd.weight have {} elements", Key("embedding_length"),
            *hidden, embedding->shape[1]);
  }
  const std::optional<int64_t> size = Integer("vocab_size");
  if (size && *size != rows) {
    Problem("{} is {}, but token_embd.weight has {} rows", Key("vocab_size"), *size, rows);
  }
  const GgufValue* tokens = metadata_.Find("tokenizer.ggml.tokens");
  if (tokens != nullptr && tokens->element != GgufType::kString) {
    Problem("tokenizer.ggml.tokens is {}, needed an array of strings", DumpJson(AsJson(*tokens)));
  } else if (tokens != nullptr && static_cast<int64_t>(tokens->strings.size()) != rows) {
    Problem("tokenizer.ggml.tokens has {} entries, but token_embd.weight has {} rows",
            tokens->strings.size(), rows);
  }
  config_.Set("vocab_size", rows);
  config_.Set("tie_word_embeddings", !HasTensor("output.weight"));
}

void Translator::AddHeads() {
  if (arch_->mla) return AddLatentHeads();
  const std::optional<int64_t> key = Integer("attention.key_length");
  const std::optional<int64_t> value = Integer("attention.value_length");
  if (key && value && *key != *value) {
    Problem("{} is {} and value_length is {}, needed equal ones", Key("attention.key_length"), *key,
            *value);
  }
  const std::optional<int64_t> length = key ? key : value;
  if (length && *length == 0) Problem("{} is 0, needed at least 1", Key("attention.key_length"));
  if (length) config_.Set("head_dim", *length);
}

// Three generations of files exist: key_length is that of a head, or, with *_mla keys beside it,
// that of the compressed cache (models.md section 1.7).
void Translator::AddLatentHeads() {
  const bool compressed = HasKey("attention.key_length_mla");
  const std::optional<int64_t> key =
      Integer(compressed ? "attention.key_length_mla" : "attention.key_length");
  const std::optional<int64_t> value =
      Integer(compressed ? "attention.value_length_mla" : "attention.value_length");
  const std::optional<int64_t> rope = Integer("rope.dimension_count");
  const std::optional<int64_t> heads = Configured("num_attention_heads");
  if (!compressed && Configured("num_key_value_heads") == 1 && heads != 1) {
    Problem("{} is missing, needed because head_count_kv is 1", Key("attention.key_length_mla"));
    return;
  }
  if (!key || !value || !rope || *key <= *rope || *rope < 1 || *value < 1) {
    Problem("{}, value_length and rope.dimension_count are needed, the first above the last",
            Key(compressed ? "attention.key_length_mla" : "attention.key_length"));
    return;
  }
  config_.Set("qk_rope_head_dim", *rope);
  config_.Set("qk_nope_head_dim", *key - *rope);
  config_.Set("v_head_dim", *value);
  if (heads) config_.Set("num_key_value_heads", *heads);
}

void Translator::CheckHeads() {
  const std::optional<int64_t> heads = Configured("num_attention_heads");
  const std::optional<int64_t> kv_heads = Configured("num_key_value_heads");
  const std::optional<int64_t> hidden = Configured("hidden_size");
  if (heads && *heads == 0) {
    Problem("{} is 0, needed at least 1", Key("attention.head_count"));
    return;
  }
  if (heads && kv_heads && (*kv_heads == 0 || *heads % *kv_heads != 0)) {
    Problem("{} is {}, needed a divisor of head_count ({})", Key("attention.head_count_kv"),
            *kv_heads, *heads);
  }
  std::optional<int64_t> head_dim = Configured("head_dim");
  if (!head_dim && !arch_->mla && heads && hidden) {
    if (*hidden % *heads != 0) {
      Problem("{} is {}, needed a multiple of head_count ({}) where key_length is missing",
              Key("embedding_length"), *hidden, *heads);
      return;
    }
    head_dim = *hidden / *heads;
  }
  const std::optional<int64_t> rotated = Integer("rope.dimension_count");
  const bool whole = head_dim && rotated == head_dim && !IsPartialByDefault(*arch_);
  if (!rotated || arch_->mla || !head_dim || whole) {
    if (rotated && *rotated % 2 != 0) {
      Problem("{} is {}, needed an even number", Key("rope.dimension_count"), *rotated);
    }
    return;
  }
  if (*rotated % 2 != 0 || *rotated > *head_dim) {
    Problem("{} is {}, needed an even number of at most {}", Key("rope.dimension_count"), *rotated,
            *head_dim);
  }
  config_.Set("rotary_dim", *rotated);
}

void Translator::AddRope() {
  if (arch_->permuted_qk) config_.Set("rope_interleaved", true);
  const GgufValue* type_value = metadata_.Find(Key("rope.scaling.type"));
  const std::optional<double> old_factor = Number("rope.scale_linear");
  const double factor = Number("rope.scaling.factor").value_or(old_factor.value_or(1.0));
  if (factor <= 0) Problem("{} is {}, needed a number above 0", Key("rope.scaling.factor"), factor);
  // Without a type other readers take a factor as linear scaling.
  std::string type = type_value == nullptr ? "linear" : type_value->text;
  if (type == "none" || (type == "linear" && factor == 1.0)) return;

  Json scaling{JsonObject{}};
  scaling.Set("rope_type", type);
  scaling.Set("factor", factor);
  if (type == "yarn") {
    AddYarn(&scaling, factor);
  } else if (type == "longrope") {
    if (const auto f = Number("rope.scaling.attn_factor")) scaling.Set("attention_factor", *f);
  } else if (type != "linear") {
    Problem("{} is '{}', known are: none, linear, yarn, longrope", Key("rope.scaling.type"),
            Printable(type));
  }
  if (const auto original = Integer("rope.scaling.original_context_length")) {
    scaling.Set("original_max_position_embeddings", *original);
  }
  config_.Set("rope_scaling", std::move(scaling));
}

void Translator::AddYarn(Json* scaling, double factor) {
  if (const auto fast = Number("rope.scaling.yarn_beta_fast")) scaling->Set("beta_fast", *fast);
  if (const auto slow = Number("rope.scaling.yarn_beta_slow")) scaling->Set("beta_slow", *slow);
  // The file's factor comes on top of yarn's own; Hugging Face's key replaces it.
  std::optional<double> attention = Number("rope.scaling.yarn_attn_factor");
  if (!attention) attention = Number("rope.scaling.attn_factor");
  if (attention && *attention != 1.0) {
    scaling->Set("attention_factor", *attention * (0.1 * ExactLog(std::max(factor, 1.0)) + 1.0));
  }
  const std::optional<double> extrapolation = Number("rope.scaling.yarn_ext_factor");
  if (extrapolation && *extrapolation != 1.0 && *extrapolation != -1.0) {
    Problem("{} is {}, supported is 1", Key("rope.scaling.yarn_ext_factor"), *extrapolation);
  }
  if (const auto multiplier = Number("rope.scaling.yarn_log_multiplier")) {
    // Stored as 0.1 times the value; rounded because the product was, too.
    const double mscale = std::round(*multiplier * 1e7) / 1e6;
    scaling->Set("mscale", mscale);
    scaling->Set("mscale_all_dim", mscale);
  } else if (arch_->mla && !scaling->Find("attention_factor")) {
    scaling->Set("attention_factor", 1.0);  // other readers take a missing one as 0
  }
  // The one family whose configuration turns rounding off; files have no key for it.
  if (std::string_view(arch_->name) == "gpt-oss") scaling->Set("truncate", false);
}

void Translator::AddExperts() {
  const int64_t experts = Integer("expert_count").value_or(0);
  const int64_t used = Integer("expert_used_count").value_or(0);
  if (used > experts) {
    Problem("{} is {}, needed at most expert_count ({})", Key("expert_used_count"), used, experts);
  }
  if (const auto function = Integer("expert_gating_func"); function && *function != 0) {
    constexpr const char* kNames[] = {"softmax", "sigmoid", "softmax_after_topk", "sqrtsoftplus"};
    if (*function > 4) {
      Problem("{} is {}, known are 1 softmax, 2 sigmoid, 3 softmax after top-k, 4 sqrt(softplus)",
              Key("expert_gating_func"), *function);
    } else {
      config_.Set("scoring_func", kNames[*function - 1]);
    }
  }
  const std::string_view arch = arch_->name;
  if (arch == "llama" && experts > 0) {
    config_.Set("model_type", "mixtral");
    config_.Set("architectures", JsonArray{Json("MixtralForCausalLM")});
  }
  if (arch == "deepseek2") AddDeepSeekRouter(Integer("expert_gating_func") == 2);
  if (arch == "deepseek32") AddDeepSeekGroups(true);
  // Constants of architectures whose files have no key for it.
  if ((arch == "qwen3moe" || arch == "hunyuan-moe") && !HasKey("expert_weights_norm")) {
    config_.Set("norm_topk_prob", true);
  }
  if (arch == "gpt-oss") config_.Set("swiglu_limit", 7.0);  // a constant of the architecture
}

// Files of old lack the keys; the published models have these groups (models.md section 1.8).
void Translator::AddDeepSeekGroups(bool sigmoid) {
  // Files say 1 by leaving the key out; configurations must name it.
  if (!HasKey("expert_weights_scale")) config_.Set("routed_scaling_factor", 1.0);
  const bool groups = HasKey("expert_group_count"), used = HasKey("expert_group_used_count");
  if (groups != used) {
    Problem("{} is missing, needed beside {}",
            Key(groups ? "expert_group_used_count" : "expert_group_count"),
            Key(groups ? "expert_group_count" : "expert_group_used_count"));
  }
  if (groups || used) return;
  const std::optional<int64_t> experts = Configured("n_routed_experts");
  const bool grouped = (experts == 256 && sigmoid) || (experts == 160 && !sigmoid);
  config_.Set("n_group", grouped ? 8 : 1);
  config_.Set("topk_group", grouped ? (sigmoid ? 4 : 3) : 1);
}

// V2 and V3 share an architecture name; the router tells them apart.
void Translator::AddDeepSeekRouter(bool sigmoid) {
  AddDeepSeekGroups(sigmoid);
  if (sigmoid) {
    config_.Set("model_type", "deepseek_v3");
    config_.Set("architectures", JsonArray{Json("DeepseekV3ForCausalLM")});
    config_.Set("topk_method", "noaux_tc");
  } else {
    config_.Set("topk_method", Configured("n_group") == 1 ? "greedy" : "group_limited_greedy");
  }
}

// Options that config.json names and GGUF shows only by the presence of tensors.
void Translator::AddFromTensors() {
  const std::string_view arch = arch_->name;
  if ((arch == "llama" || arch == "glm4moe") && HasTensor("blk.0.attn_q.bias")) {
    config_.Set("attention_bias", true);
  }
  if (arch == "llama" && HasTensor("blk.0.ffn_gate.bias")) config_.Set("mlp_bias", true);
  if (arch == "ernie4_5-moe") AddErnieLayers();
  if (arch == "glm4moe") config_.Set("use_qk_norm", HasTensor("blk.0.attn_q_norm.weight"));
  const std::optional<int64_t> inner = Integer("ssm.inner_size");
  const std::optional<int64_t> heads = Integer("ssm.time_step_rank");
  if (inner && heads && *heads > 0) {
    if (*inner % *heads != 0) {
      Problem("{} is {}, needed a multiple of time_step_rank ({})", Key("ssm.inner_size"), *inner,
              *heads);
    }
    config_.Set("linear_value_head_dim", *inner / *heads);
    if (arch_->tiled_value_heads) config_.Set("linear_value_heads_tiled", true);
  }
}

// No key says which layers behind the first ones are dense again, nor whether the router has a
// correction; the tensors do.
void Translator::AddErnieLayers() {
  int64_t last = -1;
  bool corrected = false;
  for (int64_t i = 0; i < Configured("num_hidden_layers").value_or(0); ++i) {
    if (!HasTensor(fmt::format("blk.{}.ffn_gate_inp.weight", i))) continue;
    last = i;
    corrected = corrected || HasTensor(fmt::format("blk.{}.exp_probs_b.bias", i));
  }
  if (last >= 0) config_.Set("moe_layer_end_index", last);
  config_.Set("moe_use_aux_free", corrected);
}

void Translator::RequireKeys() {
  for (const char* key : {"context_length", "embedding_length", "block_count",
                          "attention.head_count", "attention.layer_norm_rms_epsilon"}) {
    if (!HasKey(key)) Problem("{} is missing", Key(key));
  }
  if (!HasKey("feed_forward_length") && !HasKey("expert_feed_forward_length")) {
    Problem("{} is missing", Key("feed_forward_length"));
  }
}

ConfigView Translator::Translate() {
  FindArch();
  config_.Set("model_type", arch_->model_type);
  config_.Set("architectures", JsonArray{Json(arch_->model_class)});
  RequireKeys();
  CopyKeys();
  AddLayers();
  AddVocabulary();
  AddHeads();
  CheckHeads();
  AddRope();
  AddExperts();
  AddFromTensors();
  if (!problems_.empty()) {
    std::string all;
    for (const std::string& problem : problems_) all += "\n  " + problem;
    Fail(ErrorCode::kCorrupt, "{}: the metadata of this {} model cannot be used:{}",
         metadata_.where, arch_->name, all);
  }
  return ConfigView(std::move(config_), metadata_.where);
}

}  // namespace

ConfigView ConfigFromGguf(const GgufMetadata& metadata, const TensorIndex& tensors) {
  return Translator(metadata, tensors).Translate();
}

std::vector<int64_t> EosIdsFromGguf(const GgufMetadata& metadata, int64_t vocab_size) {
  std::vector<int64_t> ids;
  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
                          "tokenizer.ggml.eom_token_id"}) {
    if (metadata.Find(key) == nullptr) continue;
    const int64_t id = metadata.Integer(key, 0);
    if (id < 0 || id >= vocab_size) {
      Fail(ErrorCode::kCorrupt, "{}: {} is {}, needed an id below the vocabulary's size {}",
           metadata.where, key, id, vocab_size);
    }
    if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
  }
  return ids;
}

}  // namespace tael
