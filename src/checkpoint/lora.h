// LoRA adapters as they are stored: a PEFT directory (adapter_config.json,
// adapter_model.safetensors) or a GGUF file of type "adapter". Nothing is bound to a model yet.
// Source: models.md section 15.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "checkpoint/open.h"
#include "checkpoint/tensor_index.h"

namespace tael {

// What an adapter says about one module of its base model. Tensors borrow LoraFile::files.
struct LoraModule {
  // Name of the weight it changes, in the spelling of the adapter's container:
  // "model.layers.0.self_attn.q_proj.weight", "blk.0.attn_q.weight".
  std::string target;
  const TensorInfo* a = nullptr;          // [R, K]
  const TensorInfo* b = nullptr;          // [N, R]
  const TensorInfo* magnitude = nullptr;  // [N], DoRA only
  const TensorInfo* saved = nullptr;      // [N, K]: stands in the place of the base's weight
  const TensorInfo* base_copy = nullptr;  // the base's weight, which it was trained beside
  bool embedding = false;                 // `a` is [R, V] in PEFT directories, [V, R] in GGUF files
  double scale = 0;                       // of B A
};

// Whether the scale is a finite number in float32, in which it is used.
bool HasFiniteScale(const LoraModule& module);

struct LoraFile {
  std::string path;
  Container container = Container::kSafetensors;
  std::string architecture;  // GGUF: general.architecture; "" for a PEFT directory
  std::vector<LoraModule> modules;
  TensorIndex tensors;
  std::vector<std::shared_ptr<MappedFile>> files;
};

// Whether the path is an adapter and no model: a directory with adapter_config.json, or a GGUF file
// whose general.type says so.
bool IsLora(const std::string& path);

// Throws kNotFound, kCorrupt (every problem in one message), and kUnsupported, naming the option,
// for what changes the result in a way that is not implemented: another peft_type, biases, fused
// experts (target_parameters), initialisations that rewrite the base, unknown keys.
LoraFile OpenLora(const std::string& path);

}  // namespace tael
