// A model from safetensors, or of llama2.c, as the keys and tensors of a GGUF file, for commands
// that write one.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "checkpoint/write_gguf.h"
#include "model/convert/tensors.h"
#include "model/families.h"
#include "model/model.h"

namespace tael {

const Family& FamilyOf(const Model& model);

struct GgufFormOptions {
  std::optional<DType> matrices = std::nullopt;  // as in ConversionSource
  const PackedDecoders* decoders = nullptr;      // as in ConversionSource
  bool no_tokenizer = false;
};

struct GgufForm {
  GgufEntries entries;  // of the network
  ConvertedTensors converted;
  // What follows general.file_type: the way back, and the tokenizer.
  GgufEntries more;
};

// Notes on stderr what is not taken along. Throws kUnsupported.
GgufForm MakeGgufForm(const Model& model, const GgufFormOptions& options);

// The entries with the file's type between them.
GgufEntries Joined(GgufForm& form, const GgufEntries& between);

void Note(const std::string& text);
void ReportDropped(const std::vector<std::string>& dropped);

}  // namespace tael
