// What a user writes to name a model on a hub.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace tael {

enum class HubKind { kHuggingFace, kModelScope };
// "huggingface", "modelscope".
const char* HubName(HubKind hub);

// [hf:|ms:]ORG/REPO[@REVISION][:QUANT], or the URL of a GGUF file.
struct ModelReference {
  HubKind hub = HubKind::kHuggingFace;
  std::string repo = {};      // "ORG/REPO"; empty for a URL
  std::string revision = {};  // branch, tag or commit; "" = the hub's default branch
  std::string quant = {};     // "Q4_K_M", or the name of one file without ".gguf"; "" = none given
  std::string url = {};       // empty for a repository
};

// nullopt: `text` has not the form of a reference (no slash in it, ...). Throws kInvalidArgument
// when it has, but a part of it is none: names the part. Addresses of a repository's pages at
// huggingface.co and modelscope.cn become references to that repository.
std::optional<ModelReference> ParseModelReference(const std::string& text, HubKind default_hub);

// The name in the model store: "ORG/REPO[@REVISION][:QUANT]"; of a URL the file's name without
// ".gguf" and without its place in a split set.
std::string StoreName(const ModelReference& reference);

// Throws kCorrupt unless `path`, as a hub lists it, can be a file below a folder on any system:
// components that are not "." or "..", no \ : * ? " < > | or control characters, no names of DOS
// devices, not too long, valid UTF-8. `where` names the repository.
void CheckRemotePath(std::string_view path, std::string_view where);

// "x" of "x-00002-of-00003" with its place; count is 1 for other names. The name is without
// ".gguf".
struct SplitName {
  std::string stem = {};
  int number = 1, count = 1;
};
SplitName ParseSplitName(std::string_view name);

// The quantisation in a file's name without ".gguf", in capitals: "Q4_K_M", "UD-Q4_K_XL", "BF16";
// "" when there is none.
std::string QuantOfName(std::string_view name);

}  // namespace tael
