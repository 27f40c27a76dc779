// Reader of llama2.c's unnamed float32 arrays. Source: karpathy/llama2.c, run.c.
#include "checkpoint/llama2c.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>
#include <vector>

#include "base/error.h"

namespace tael {
namespace {

constexpr size_t kHeaderBytes = 7 * sizeof(int32_t);
constexpr uint32_t kLaterVersions = 0x616b3432;  // "ak42": versions 1 and 2 begin with it

struct Header {
  int32_t dim, hidden_dim, num_layers, num_heads, num_kv_heads, vocab_size, context;
  bool tied;

  int64_t head_dim() const { return dim / num_heads; }
  int64_t kv_dim() const { return head_dim() * num_kv_heads; }
};

Header ReadHeader(std::span<const uint8_t> bytes, const std::string& where) {
  if (bytes.size() < kHeaderBytes) {
    Fail(ErrorCode::kCorrupt, "{}: has {} bytes, needed at least the {} of a llama2.c header",
         where, bytes.size(), kHeaderBytes);
  }
  int32_t fields[7];
  std::memcpy(fields, bytes.data(), sizeof(fields));
  if (static_cast<uint32_t>(fields[0]) == kLaterVersions) {
    Fail(ErrorCode::kUnsupported,
         "{}: is a llama2.c file of a later version, needed version 0. "
         "Hint: export it again with `--version 0`.",
         where);
  }
  Header header{.dim = fields[0],
                .hidden_dim = fields[1],
                .num_layers = fields[2],
                .num_heads = fields[3],
                .num_kv_heads = fields[4],
                .vocab_size = fields[5],
                .context = fields[6],
                .tied = fields[5] > 0};
  // A negative vocabulary size says that the classifier has weights of its own.
  constexpr int32_t kLargest = 1 << 28;  // keeps every product of two sizes below 2^63
  for (int32_t& field : fields) {
    if (&field == &fields[5] && field >= -kLargest) field = std::abs(field);
    if (field < 1 || field > kLargest) {
      Fail(ErrorCode::kCorrupt,
           "{}: header number {} is {}, needed 1 to {}. Hint: not a llama2.c model.", where,
           &field - fields, field, kLargest);
    }
  }
  header.vocab_size = fields[5];
  if (header.dim % header.num_heads != 0 || header.num_heads % header.num_kv_heads != 0 ||
      header.head_dim() % 2 != 0) {
    Fail(ErrorCode::kCorrupt,
         "{}: width {} with {} heads and {} key-value heads, needed even whole heads. "
         "Hint: not a llama2.c model.",
         where, header.dim, header.num_heads, header.num_kv_heads);
  }
  return header;
}

// One array of the file: `layers` tensors, one after another. A name with {} takes the layer.
struct Array {
  const char* name;  // "" for arrays nobody needs
  int64_t layers;    // 0 for a tensor outside the layers
  std::vector<int64_t> shape;
};

std::vector<Array> Arrays(const Header& h) {
  const int64_t d = h.dim, f = h.hidden_dim, l = h.num_layers, kv = h.kv_dim(), v = h.vocab_size;
  std::vector<Array> arrays = {
      {"model.embed_tokens.weight", 0, {v, d}},
      {"model.layers.{}.input_layernorm.weight", l, {d}},
      {"model.layers.{}.self_attn.q_proj.weight", l, {d, d}},
      {"model.layers.{}.self_attn.k_proj.weight", l, {kv, d}},
      {"model.layers.{}.self_attn.v_proj.weight", l, {kv, d}},
      {"model.layers.{}.self_attn.o_proj.weight", l, {d, d}},
      {"model.layers.{}.post_attention_layernorm.weight", l, {d}},
      {"model.layers.{}.mlp.gate_proj.weight", l, {f, d}},
      {"model.layers.{}.mlp.down_proj.weight", l, {d, f}},
      {"model.layers.{}.mlp.up_proj.weight", l, {f, d}},
      {"model.norm.weight", 0, {d}},
      {"", 0, {h.context, h.head_dim() / 2}},  // cosines of the rotary embedding
      {"", 0, {h.context, h.head_dim() / 2}},  // sines
  };
  if (!h.tied) arrays.push_back({"lm_head.weight", 0, {v, d}});
  return arrays;
}

int64_t BytesOf(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;  // two sizes of at most 2^28
  return count * static_cast<int64_t>(sizeof(float));
}

void RequireSize(const std::vector<Array>& arrays, std::span<const uint8_t> bytes,
                 const std::string& where) {
  int64_t needed = kHeaderBytes;
  bool fits = true;  // in 63 bits
  for (const Array& array : arrays) {
    int64_t size = 0;
    fits =
        fits &&
        !__builtin_mul_overflow(BytesOf(array.shape), std::max<int64_t>(array.layers, 1), &size) &&
        !__builtin_add_overflow(needed, size, &needed);
  }
  if (fits && static_cast<size_t>(needed) == bytes.size()) return;
  Fail(ErrorCode::kCorrupt,
       "{}: has {} bytes, but its header asks for {}. "
       "Hint: not a llama2.c model, or not downloaded completely.",
       where, bytes.size(), fits ? fmt::format("{}", needed) : "more than 2^63");
}

ConfigView Config(const Header& h, const std::string& where) {
  Json config{JsonObject{}};
  config.Set("architectures", JsonArray{Json("LlamaForCausalLM")});
  config.Set("model_type", "llama");
  config.Set("hidden_size", h.dim);
  config.Set("intermediate_size", h.hidden_dim);
  config.Set("num_hidden_layers", h.num_layers);
  config.Set("num_attention_heads", h.num_heads);
  config.Set("num_key_value_heads", h.num_kv_heads);
  config.Set("vocab_size", h.vocab_size);
  config.Set("max_position_embeddings", h.context);
  config.Set("rms_norm_eps", 1e-5);  // the format has no place for these two
  config.Set("rope_theta", 10000.0);
  config.Set("tie_word_embeddings", h.tied);
  config.Set("rope_interleaved", true);
  return ConfigView(std::move(config), where);
}

}  // namespace

Llama2c ParseLlama2c(std::span<const uint8_t> bytes, const std::string& where) {
  const Header header = ReadHeader(bytes, where);
  const std::vector<Array> arrays = Arrays(header);
  RequireSize(arrays, bytes, where);
  TensorIndex tensors;
  size_t position = kHeaderBytes;
  for (const Array& array : arrays) {
    const auto size = static_cast<size_t>(BytesOf(array.shape));
    for (int64_t layer = 0; layer < std::max<int64_t>(array.layers, 1); ++layer) {
      if (*array.name != '\0') {
        tensors.Add({.name = fmt::format(fmt::runtime(array.name), layer),
                     .dtype = DType::kF32,
                     .shape = array.shape,
                     .bytes = bytes.subspan(position, size),
                     .file = 0},
                    where);
      }
      position += size;
    }
  }
  return {Config(header, where), std::move(tensors)};
}

}  // namespace tael
