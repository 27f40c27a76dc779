// GGUF metadata to a config.json in Hugging Face's words: copying by the table, then what has to be
// computed from several keys or from the tensors.
#include "checkpoint/gguf_config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "checkpoint/gguf_translator.h"
#include "checkpoint/printable.h"

namespace tael {

double Decimal(float value) {
  if (!std::isfinite(value)) return static_cast<double>(value);
  char text[48];
  const auto written = std::to_chars(text, text + sizeof(text), value);
  double decimal = 0;
  std::from_chars(text, written.ptr, decimal);
  return decimal;
}

Json AsJson(const GgufValue& value) {
  if (value.is_integer()) return value.integer;
  if (value.type == GgufType::kF32) return Decimal(static_cast<float>(value.number));
  if (value.is_number()) return value.number;
  if (value.type == GgufType::kBool) return value.integer != 0;
  if (value.type == GgufType::kString) return ReplaceInvalidUtf8(value.text);
  return fmt::format("array of {}", value.integers.size() + value.numbers.size() +
                                        value.strings.size() + value.arrays.size());
}

void GgufTranslator::FindArch() {
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

std::optional<int64_t> GgufTranslator::Integer(std::string_view key) {
  const GgufValue* value = metadata_.Find(Key(key));
  if (value == nullptr) return std::nullopt;
  if (!value->is_integer() || value->integer < 0 ||
      value->integer > std::numeric_limits<int32_t>::max()) {
    Problem("{} is {}, needed an integer from 0 to 2^31 - 1", Key(key), DumpJson(AsJson(*value)));
    return std::nullopt;
  }
  return value->integer;
}

std::optional<double> GgufTranslator::Number(std::string_view key) {
  const GgufValue* value = metadata_.Find(Key(key));
  if (value == nullptr) return std::nullopt;
  if (value->is_integer()) return static_cast<double>(value->integer);
  if (!value->is_number() || !std::isfinite(value->number)) {
    Problem("{} is {}, needed a finite number", Key(key), DumpJson(AsJson(*value)));
    return std::nullopt;
  }
  return value->type == GgufType::kF32 ? Decimal(static_cast<float>(value->number)) : value->number;
}

std::optional<int64_t> GgufTranslator::Configured(std::string_view name) const {
  const Json* value = config_.Find(name);
  if (value == nullptr || !value->is_int()) return std::nullopt;
  return value->as_int();
}

void GgufTranslator::CopyKeys() {
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

void GgufTranslator::CopyKey(const GgufKey& rule, const std::string& key, const GgufValue& value) {
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
void GgufTranslator::CopyPerLayer(const GgufKey& rule, const std::string& key,
                                  const GgufValue& value) {
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

// Options that config.json names and GGUF shows only by the presence of tensors.
void GgufTranslator::AddFromTensors() {
  const std::string_view arch = arch_->name;
  if (arch_->optional_bias && HasTensor("blk.0.attn_q.bias")) {
    config_.Set("attention_bias", true);
  }
  if (arch == "seed_oss") {
    config_.Set("attention_bias", HasTensor("blk.0.attn_q.bias"));
    config_.Set("attention_out_bias", HasTensor("blk.0.attn_output.bias"));
  }
  if (arch == "llama" && HasTensor("blk.0.ffn_gate.bias")) config_.Set("mlp_bias", true);
  if (arch == "ernie4_5-moe") AddErnieLayers();
  if (arch == "gemma3") config_.Set("hidden_activation", "gelu_pytorch_tanh");
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

void GgufTranslator::RequireKeys() {
  for (const char* key : {"context_length", "embedding_length", "block_count",
                          "attention.head_count", "attention.layer_norm_rms_epsilon"}) {
    if (!HasKey(key)) Problem("{} is missing", Key(key));
  }
  if (!HasKey("feed_forward_length") && !HasKey("expert_feed_forward_length")) {
    Problem("{} is missing", Key("feed_forward_length"));
  }
}

ConfigView GgufTranslator::Translate() {
  FindArch();
  config_.Set("model_type", arch_->model_type);
  config_.Set("architectures", JsonArray{Json(arch_->model_class)});
  RequireKeys();
  CopyKeys();
  AddLayers();
  AddVocabulary();
  CheckStreams();
  AddHeads();
  CheckHeads();
  AddWindows();
  AddAttentionScale();
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

ConfigView ConfigFromGguf(const GgufMetadata& metadata, const TensorIndex& tensors) {
  return GgufTranslator(metadata, tensors).Translate();
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
