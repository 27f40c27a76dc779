// Binding a LoRA adapter to a model: every module of it finds its matrix, every shape is checked.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "checkpoint/lora.h"
#include "model/decoder.h"
#include "model/families.h"
#include "spec/decoder_spec.h"
#include "tensor/adapter.h"

namespace tael {

// An adapter to load with a model, and the name by which requests choose it.
struct AdapterSource {
  std::string name, path;
};

// One of a request's adapters and what its effect is multiplied by.
struct AdapterChoice {
  std::string name;
  float weight = 1;
};

// What an adapter is bound to.
struct AdapterBase {
  const DecoderSpec& spec;
  const DecoderWeights& weights;
  const Family& family;
  const Checkpoint& checkpoint;
  bool headers_only = false;  // then the gains of DoRA, which need the weights, are left out
};

// The weights must outlive the result. Throws kCorrupt with every module that does not fit the
// model and kUnsupported for what cannot be adapted, both with the list.
std::unique_ptr<Adapter> BindAdapter(const LoraFile& file, const std::string& name,
                                     const AdapterBase& base);

// The adapters that a request names, in its order. Throws kNotFound (with the names there are) and
// kInvalidArgument: a weight that is no finite number, one named twice, or something beside or
// weighted that is no plain sum.
std::vector<AdapterUse> ChooseAdapters(const std::vector<std::unique_ptr<Adapter>>& adapters,
                                       const std::vector<AdapterChoice>& choices);

}  // namespace tael
