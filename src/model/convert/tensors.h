// A model's tensors under the names and in the layout of the other container.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/gguf_keys.h"
#include "checkpoint/tensor_source.h"
#include "model/families.h"
#include "model/model.h"

namespace tael {

class DecodedTensors;

// What is converted. `matrices`: the type that matrices get, rounded where they must be; none: each
// keeps its own. `decoders`: matrices in packed forms without GGUF's blocks become F32, decoded one
// at a time; null: they are refused.
struct ConversionSource {
  const Model& model;
  const Family& family;
  std::optional<DType> matrices = std::nullopt;
  const PackedDecoders* decoders = nullptr;
};

struct ConvertedTensors {
  std::vector<TensorSource> tensors;                  // borrow the model
  std::vector<std::string> dropped;                   // names of tensors that nobody needs
  std::shared_ptr<DecodedTensors> decoded = nullptr;  // borrowed by `tensors` too
};

// Hugging Face tensors of a model, "NAME TYPE SHAPE" each: what tael.source_tensors of a GGUF file
// keeps, so that it can be turned back into what it was.
std::vector<std::string> ListTensors(const Model& model);

// The tensors that the network reads.
class UsedTensors {
 public:
  explicit UsedTensors(const Model& model);
  bool Has(const TensorInfo& tensor) const { return starts_.count(tensor.bytes.data()) > 0; }

 private:
  std::set<const uint8_t*> starts_;  // where their bytes begin
};

// Whether a tensor belongs to a block behind the model's layers (multi-token prediction), which
// conversions leave out.
bool IsBehindLayers(std::string_view name, const Model& model);

// Safetensors to GGUF: experts stacked, q and k interleaved where the architecture does so, latent
// attention and linear attention in GGUF's layouts (layouts.h), vectors and routers widened to F32,
// their numbers as GGUF has them (values.h), divisors of rope as tensors, MXFP4 blocks as they are.
// Throws kUnsupported for tensors without a GGUF name, with the list, and for packed forms without
// GGUF's blocks. REQUIRES: a model that was not loaded for a context beyond the original one, whose
// second list of divisors would stand for the first.
ConvertedTensors TensorsForGguf(const ConversionSource& source, const GgufArch& arch);

// GGUF to safetensors, all of it the other way round. `list` is what ListTensors() gave, or empty:
// then Hugging Face's usual names, experts one by one, and F32 vectors narrowed to `narrow_to`
// where their values fit exactly. Throws kUnsupported: a name without a counterpart, a block type
// without `matrices`.
ConvertedTensors TensorsForSafetensors(const ConversionSource& source,
                                       const std::vector<std::string>& list, DType narrow_to);

}  // namespace tael
