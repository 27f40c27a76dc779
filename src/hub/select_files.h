// Which files of a repository are a model that can run.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hub/listing.h"

namespace tael {

// Files to download, and the one that a model is opened by.
struct FileSelection {
  std::vector<RemoteFile> files = {};  // small ones first
  std::string entry = {};              // path of a GGUF file; "" = the folder (safetensors)
  std::string quant = {};              // of a GGUF model: what to name it by; "" for the only one
};

// What a model in GGUF consists of, one or many files.
struct GgufChoice {
  std::string label = {};              // "Q4_K_M", or the name when it says no quantisation
  std::string stem = {};               // of the file, without folder and place in a split set
  std::vector<RemoteFile> files = {};  // in order
  int64_t bytes = 0;
  bool complete = true;  // every part of the split set is listed
};
// Models in GGUF, by path. Projectors of images (mmproj...) are none.
std::vector<GgufChoice> GgufChoices(const std::vector<RemoteFile>& files);

// Whether the repository's own form is safetensors with an index, whose text Select() then needs.
inline constexpr const char* kSafetensorsIndex = "model.safetensors.index.json";
bool NeedsIndex(const std::vector<RemoteFile>& files, std::string_view quant);

// `quant` chooses a GGUF model by its quantisation or its file's name, whatever the case of
// letters; without it a repository of safetensors gives configuration, tokenizer, template and the
// weights that its index names, and one that has a single GGUF model gives that. Throws kNotFound
// or kInvalidArgument with a list of what there is, kUnsupported (only weights in forms that are
// not read, such as pickles), kCorrupt (unsafe or colliding names, a part that is not there).
FileSelection SelectFiles(const std::vector<RemoteFile>& files, std::string_view quant,
                          std::string_view index_text, std::string_view where);

}  // namespace tael
