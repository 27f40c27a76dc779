// Fuzz target: a LoRA adapter, bound to a small model that is made once. The document says what
// adapter_config.json holds and which tensors there are; a change that is bound is checked to have
// as many numbers as its matrix needs. Raw bytes are also read as a GGUF adapter.
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/safetensors.h"
#include "model/model.h"
#include "tests/support/tiny_models.h"

namespace {

constexpr int64_t kMostBytes = 1 << 16;

tael::TinyModel LatentModel() {
  tael::TinyModel model(R"({"architectures": ["DeepseekV3ForCausalLM"], "hidden_size": 16,
    "vocab_size": 512, "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "hidden_act": "silu",
    "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "q_lora_rank": 8,
    "kv_lora_rank": 8, "qk_nope_head_dim": 4, "qk_rope_head_dim": 4, "v_head_dim": 4,
    "intermediate_size": 24, "rope_theta": 10000, "first_k_dense_replace": 1,
    "n_routed_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8, "n_group": 1,
    "topk_group": 1, "n_shared_experts": 1, "norm_topk_prob": true, "scoring_func": "sigmoid",
    "topk_method": "noaux_tc", "routed_scaling_factor": 1.0, "moe_layer_freq": 1,
    "tie_word_embeddings": false})");
  model.Ends(16);
  const std::string layer = "model.layers.0.", attention = layer + "self_attn.";
  model.Vector(layer + "input_layernorm.weight", {16});
  model.Vector(layer + "post_attention_layernorm.weight", {16});
  model.Matrix(attention + "q_a_proj", 8, 16);
  model.Vector(attention + "q_a_layernorm.weight", {8});
  model.Matrix(attention + "q_b_proj", 16, 8);
  model.Matrix(attention + "kv_a_proj_with_mqa", 12, 16);
  model.Vector(attention + "kv_a_layernorm.weight", {8});
  model.Matrix(attention + "kv_b_proj", 16, 8);
  model.Matrix(attention + "o_proj", 16, 8);
  model.Matrix(layer + "mlp.gate_proj", 24, 16);
  model.Matrix(layer + "mlp.up_proj", 24, 16);
  model.Matrix(layer + "mlp.down_proj", 16, 24);
  return model;
}

// The base and a folder for adapters, for the life of the process.
struct World {
  tael::TemporaryFolder base_folder, adapter_folder;
  std::string base = LatentModel().Write(base_folder);
};

World& TheWorld() {
  static World world;
  return world;
}

// Every change must be as large as its own rank says.
void CheckChanges(const tael::Adapter& adapter) {
  for (const auto& [key, change] : adapter.products) {
    const auto rank = static_cast<size_t>(change.rank);
    const bool whole = rank == 0 ? !change.replacement.empty()
                                 : change.a.size() % rank == 0 && change.b.size() % rank == 0;
    if (!whole || !std::isfinite(change.scale)) std::abort();
  }
}

void Load(const std::string& path) {
  tael::LoadOptions options;
  options.adapters = {{"fuzz", path}};
  const auto model = tael::LoadModel(TheWorld().base, options);
  CheckChanges(*model->adapters[0]);
}

// [name, type, shape]
std::optional<tael::TensorInfo> TensorOf(const tael::Json& entry,
                                         std::deque<std::vector<uint8_t>>& memory) {
  if (!entry.is_array() || entry.as_array().size() != 3) return std::nullopt;
  const tael::JsonArray& parts = entry.as_array();
  if (!parts[0].is_string() || !parts[1].is_string() || !parts[2].is_array()) return std::nullopt;
  const auto dtype = tael::DTypeFromSafetensors(parts[1].as_string());
  if (!dtype.has_value()) return std::nullopt;
  tael::TensorInfo tensor{.name = parts[0].as_string(), .dtype = *dtype, .shape = {}, .bytes = {}};
  int64_t count = 1;
  for (const tael::Json& size : parts[2].as_array()) {
    if (!size.is_int() || size.as_int() < 0 || size.as_int() > kMostBytes) return std::nullopt;
    tensor.shape.push_back(size.as_int());
    count *= size.as_int();
    if (count > kMostBytes) return std::nullopt;
  }
  const std::optional<int64_t> bytes = tael::StorageBytes(*dtype, count);
  if (!bytes.has_value()) return std::nullopt;
  tensor.bytes = memory.emplace_back(static_cast<size_t>(*bytes), uint8_t{0x3c});
  return tensor;
}

// {"config": {..}, "tensors": [[name, type, shape], ..]}
void RunDirectory(const tael::Json& document) {
  const tael::Json* config = document.Find("config");
  const tael::Json* list = document.Find("tensors");
  if (config == nullptr || list == nullptr || !list->is_array()) return;
  std::deque<std::vector<uint8_t>> memory;
  std::vector<tael::TensorInfo> tensors;
  for (const tael::Json& entry : list->as_array()) {
    std::optional<tael::TensorInfo> tensor = TensorOf(entry, memory);
    if (!tensor.has_value()) return;
    tensors.push_back(std::move(*tensor));
  }
  const tael::TemporaryFolder& folder = TheWorld().adapter_folder;
  folder.Write("adapter_config.json", tael::DumpJson(*config));
  folder.Write("adapter_model.safetensors", tael::SerializeSafetensors(tensors));
  Load(folder.path());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    if (text.starts_with("GGUF")) {
      Load(TheWorld().adapter_folder.Write("adapter.gguf", std::string(text)));
    } else {
      RunDirectory(tael::ParseJson(text, "fuzz"));
    }
  } catch (const tael::Error&) {
    // Refusing is the expected outcome.
  }
  return 0;
}
