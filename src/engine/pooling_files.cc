// What the files of a model say about embeddings.
// Source: the JSON files that sentence-transformers saves; llama.cpp's enumeration for GGUF.
#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "engine/pooling.h"

namespace tael {
namespace {

constexpr const char* kHint = "Hint: name the pooling in the request";

Json ReadJson(const std::string& path) {
  constexpr int64_t kLargest = 1 << 20;
  return ParseJson(ReadFile(path, kLargest), path);
}

std::string TextOf(const Json& object, const char* key, const std::string& where) {
  const Json* value = object.Find(key);
  if (value != nullptr && value->is_string()) return value->as_string();
  Fail(ErrorCode::kCorrupt, "{}: a module has no text '{}'", where, key);
}

struct ModeKey {
  const char* key;
  std::optional<PoolingKind> kind;  // nullopt: not done here
};
constexpr ModeKey kModes[] = {
    {"pooling_mode_cls_token", PoolingKind::kCls},
    {"pooling_mode_mean_tokens", PoolingKind::kMean},
    {"pooling_mode_lasttoken", PoolingKind::kLast},
    {"pooling_mode_max_tokens", std::nullopt},
    {"pooling_mode_mean_sqrt_len_tokens", std::nullopt},
    {"pooling_mode_weightedmean_tokens", std::nullopt},
};

// The configuration of a Pooling module.
PoolingKind ReadKind(const std::string& path, int hidden_size) {
  const Json config = ReadJson(path);
  if (!config.is_object()) Fail(ErrorCode::kCorrupt, "{}: needed an object", path);
  std::vector<std::string> on;
  std::optional<PoolingKind> kind;
  bool include_prompt = true;
  for (const auto& [key, value] : config.as_object()) {
    const auto* mode = std::find_if(std::begin(kModes), std::end(kModes),
                                    [&](const ModeKey& known) { return key == known.key; });
    if (mode != std::end(kModes) && value.is_bool()) {
      if (!value.as_bool()) continue;
      on.push_back(key);
      kind = mode->kind;
    } else if (key == "include_prompt" && value.is_bool()) {
      include_prompt = value.as_bool();
    } else if (key == "word_embedding_dimension" && value.is_int()) {
      if (value.as_int() == hidden_size) continue;
      Fail(ErrorCode::kCorrupt, "{}: {} is {}, but the model's hidden states have {} numbers", path,
           key, value.as_int(), hidden_size);
    } else {
      Fail(ErrorCode::kUnsupported, "{}: '{}' ({}) is not known. {}", path, key, value.type_name(),
           kHint);
    }
  }
  if (on.size() != 1) {
    Fail(ErrorCode::kUnsupported, "{}: {} ways of pooling are on, needed one. {}", path, on.size(),
         kHint);
  }
  if (!kind) {
    Fail(ErrorCode::kUnsupported, "{}: '{}' is not supported, but cls, mean and last are. {}", path,
         on[0], kHint);
  }
  // Which tokens are the prompt is not known here; where the result is one token's it is the same.
  if (!include_prompt && *kind != PoolingKind::kLast) {
    Fail(ErrorCode::kUnsupported,
         "{}: include_prompt is false with {} pooling, which is not supported. {}", path,
         PoolingName(*kind), kHint);
  }
  return *kind;
}

Pooling ReadModules(const Checkpoint& checkpoint, int hidden_size) {
  const std::string path = checkpoint.directory + "/modules.json";
  if (!FileExists(path)) {
    Fail(ErrorCode::kUnsupported,
         "{}: there is no modules.json that says how hidden states become an embedding. {}",
         checkpoint.path, kHint);
  }
  const Json modules = ReadJson(path);
  if (!modules.is_array()) Fail(ErrorCode::kCorrupt, "{}: needed an array of modules", path);
  std::optional<PoolingKind> kind;
  bool normalize = false;
  for (const Json& module : modules.as_array()) {
    const std::string type = TextOf(module, "type", path);
    const std::string name = type.substr(type.rfind('.') + 1);
    if (name == "Pooling" && !kind) {
      const std::string folder = TextOf(module, "path", path);
      if (folder.find_first_of("/\\") != std::string::npos || folder == "..") {
        Fail(ErrorCode::kCorrupt, "{}: the path '{}' is no folder beside the model", path, folder);
      }
      kind = ReadKind(checkpoint.directory + "/" + folder + "/config.json", hidden_size);
    } else if (name == "Normalize" && kind) {
      normalize = true;
    } else if (name != "Transformer" || kind) {
      Fail(ErrorCode::kUnsupported,
           "{}: the module {} is not supported, needed are Transformer, Pooling and perhaps "
           "Normalize, in this order. {}",
           path, type, kHint);
    }
  }
  if (!kind) Fail(ErrorCode::kUnsupported, "{}: there is no Pooling module. {}", path, kHint);
  return {*kind, normalize};
}

Pooling ReadGguf(const Checkpoint& checkpoint) {
  const GgufMetadata& metadata = *checkpoint.gguf;
  const std::string key = metadata.Text("general.architecture", "") + ".pooling_type";
  if (metadata.Find(key) == nullptr) {
    Fail(ErrorCode::kUnsupported,
         "{}: there is no {} that says how hidden states become an embedding. {}", checkpoint.path,
         key, kHint);
  }
  switch (const int64_t type = metadata.Integer(key, -1); type) {
    case 0:
      return {PoolingKind::kNone, false};
    case 1:
      return {PoolingKind::kMean, true};
    case 2:
      return {PoolingKind::kCls, true};
    case 3:
      return {PoolingKind::kLast, true};
    default:
      Fail(ErrorCode::kUnsupported,
           "{}: {} is {}, supported are 0 to 3 (none, mean, cls, last). {}", checkpoint.path, key,
           type, kHint);
  }
}

}  // namespace

Pooling ReadPooling(const Checkpoint& checkpoint, int hidden_size) {
  return checkpoint.container == Container::kGguf ? ReadGguf(checkpoint)
                                                  : ReadModules(checkpoint, hidden_size);
}

}  // namespace tael
