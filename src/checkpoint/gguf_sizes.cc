// Layers, vocabulary and heads of a GGUF model.
#include "checkpoint/gguf_translator.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace tael {
namespace {

// The one size of Gemma 3 whose scale does not follow from the width of its heads.
constexpr int64_t kLayersOfGemma27B = 62;

}  // namespace

void GgufTranslator::AddLayers() {
  const std::optional<int64_t> blocks = Integer("block_count");
  if (!blocks) return;
  // The blocks of multi-token prediction are counted too; Hugging Face counts them apart.
  int64_t extra = Integer("nextn_predict_layers").value_or(0);
  // DeepSeek-V4's converters copy the number and may leave the blocks out.
  if (std::string_view(arch_->name) == "deepseek4" && extra > 0) {
    const std::string start = fmt::format("blk.{}.nextn.", *blocks - extra);
    const auto& all = tensors_.all();
    const bool there = std::any_of(all.begin(), all.end(), [&](const TensorInfo& tensor) {
      return tensor.name.starts_with(start);
    });
    if (!there) extra = 0;
    config_.Set("num_nextn_predict_layers", extra);
  }
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

void GgufTranslator::AddVocabulary() {
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

// Several residual streams side by side are what drafts continue from.
void GgufTranslator::CheckStreams() {
  const std::optional<int64_t> out = Integer("embedding_length_out");
  const int64_t hidden = Configured("hidden_size").value_or(0);
  const int64_t needed = hidden * Configured("hc_mult").value_or(1);
  if (out && *out != needed) {
    Problem("{} is {}, needed {}", Key("embedding_length_out"), *out, needed);
  }
}

void GgufTranslator::AddHeads() {
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
void GgufTranslator::AddLatentHeads() {
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

void GgufTranslator::CheckHeads() {
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
  if (!rotated && arch_->rotates_part && head_dim) config_.Set("rotary_dim", *head_dim);
  const bool split = std::string_view(arch_->name) == "deepseek4";
  const bool whole = head_dim && rotated == head_dim && !arch_->rotates_part && !split;
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
  config_.Set(split ? "qk_rope_head_dim" : "rotary_dim", *rotated);
}

// Which layers see a window only: each layer by itself, or all but every n-th.
void GgufTranslator::AddWindows() {
  const GgufValue* pattern = metadata_.Find(Key("attention.sliding_window_pattern"));
  if (pattern != nullptr && pattern->type == GgufType::kArray) {
    Json types{JsonArray{}};
    for (const int64_t windowed : pattern->integers) {
      types.Append(windowed != 0 ? "sliding_attention" : "full_attention");
    }
    config_.Set("layer_types", std::move(types));
  } else if (const auto period = Integer("attention.sliding_window_pattern")) {
    config_.Set("sliding_window_pattern", *period);
  } else if (std::string_view(arch_->name) == "gemma3" && !Configured("sliding_window")) {
    config_.Set("sliding_window_pattern", 1);  // no layer has a window
  }
  // Here the class takes a window where its configuration says nothing.
  if (std::string_view(arch_->name) == "mistral3" && !Configured("sliding_window")) {
    config_.Set("sliding_window", Json());
  }
  // Mistral's network with its window; other programs ignore the key.
  if (std::string_view(arch_->name) == "llama" && Configured("sliding_window").value_or(0) > 0) {
    config_.Set("model_type", "mistral");
    config_.Set("architectures", JsonArray{Json("MistralForCausalLM")});
  }
}

// Files rarely say what q.k is multiplied by; it is a constant of the architecture then.
void GgufTranslator::AddAttentionScale() {
  const std::optional<double> scale = Number("attention.scale");
  if (scale && *scale <= 0) Problem("{} is {}, needed above 0", Key("attention.scale"), *scale);
  if (std::string_view(arch_->name) != "gemma3") {
    if (scale) config_.Set("attention_multiplier", *scale);
    return;
  }
  const int64_t heads = Configured("num_attention_heads").value_or(0);
  const int64_t hidden = Configured("hidden_size").value_or(0);
  if (scale && *scale > 0) {
    config_.Set("query_pre_attn_scalar", std::round(1e3 / (*scale * *scale)) / 1e3);
  } else if (Configured("num_hidden_layers") == kLayersOfGemma27B && heads > 0) {
    config_.Set("query_pre_attn_scalar", hidden / heads);
  } else if (const auto head_dim = Configured("head_dim"); head_dim || heads > 0) {
    config_.Set("query_pre_attn_scalar", head_dim ? *head_dim : hidden / heads);
  }
}

}  // namespace tael
