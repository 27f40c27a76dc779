// A model in either container as tensors and keys of a GGUF file, for `tael quantize`.
#pragma once

#include <string>
#include <vector>

#include "adapt/recipes.h"
#include "app/gguf_form.h"
#include "model/model.h"

namespace tael {

struct QuantizeSource {
  const Model* model = nullptr;
  std::vector<TensorSource> tensors;  // borrow the model
  RecipeModel facts;
  std::vector<std::string> always_kept;  // tensors that runs want in F32
  GgufForm form;                         // without its tensors

  // All entries, with `keys` in the place of those of the same name.
  GgufEntries Entries(const GgufEntries& keys) const;
  // Whether `paths` are free and `tensors` describe the same network. Throws as
  // CheckGgufTarget() and CheckGgufDescribes() do.
  void Check(const std::string& target, const std::vector<std::string>& paths,
             const std::vector<TensorSource>& tensors, bool force) const;
};

// Notes on stderr what is not taken along. Throws kInvalidArgument for a target that is no name of
// a GGUF file or is the source itself, kUnsupported.
QuantizeSource MakeQuantizeSource(const Model& model, const std::string& target,
                                  const PackedDecoders& decoders, bool no_tokenizer);

}  // namespace tael
