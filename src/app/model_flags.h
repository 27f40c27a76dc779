// Options that several subcommands share: which model, and how it is computed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/command_line.h"
#include "app/settings.h"
#include "engine/session.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace tael {

// Filled by the parser; what is not given comes from the settings.
struct ModelFlags {
  std::string model;
  std::vector<std::string> allowed_keys, loras;
  std::optional<int> ctx, threads;
  std::optional<std::string> matmul, kv, memory, mla;
  bool lazy = false, no_repack = false, no_pin = false, no_weight_cache = false;
};
void AddModelFlags(CommandParser& command, ModelFlags& flags);
// `--kv` alone, one of CacheTypeNames().
void AddCacheOption(CommandParser& command, std::optional<std::string>* kv);
// `--mla` alone.
void AddLatentOption(CommandParser& command, std::optional<std::string>* mla);

RunnerOptions MakeRunnerOptions(const ModelFlags& flags, const RunSettings& run);
// As asked; app/memory.h decides whether it fits and what context 0 becomes.
SessionOptions MakeSessionOptions(const ModelFlags& flags, const RunSettings& run);

// "integer" or "float", as MatmulName() gives them.
MatmulMode MatmulFromName(const std::string& name);
// "auto", "f32", "f16", "bf16", "q8_0".
OneOf CacheTypeNames();
// The type of one of these names; "auto" is f16, and f32 with float matmul.
DType CacheType(const std::string& name, MatmulMode matmul);

const char* MatmulName(MatmulMode mode);

// A model with its text side.
struct LoadedModel {
  std::string path;
  std::unique_ptr<Model> model;
  std::unique_ptr<Tokenizer> tokenizer;  // null only where LoadFor allows it
  std::vector<TokenId> stop_tokens;      // of the tokenizer and the checkpoint, sorted
};
enum class LoadFor {
  kText,      // all of it; the tokenizer must be there
  kTokenIds,  // a model without a tokenizer will do
  kPlanning,  // the same, and no weights are read: the model cannot run
};
// Resolves the name, loads and checks that tokenizer and embedding fit. Throws.
LoadedModel LoadNamedModel(const ModelFlags& flags, const Settings& settings,
                           LoadFor purpose = LoadFor::kText);

// The tokenizer file beside a llama2.c model: named after the vocabulary's size (tok512.bin) or
// tokenizer.bin; nullopt for other models and when there is none.
std::optional<std::string> Llama2cTokenizerOf(const Checkpoint& checkpoint);

// Whether the checkpoint comes with a file or metadata that a tokenizer could be read from.
bool HasTokenizer(const Checkpoint& checkpoint);

// Throws kCorrupt when the tokenizer has ids outside the embedding, or (GGUF, where the vocabulary
// is padded) another count than the embedding has rows.
void CheckVocabulary(const Model& model, const Tokenizer& tokenizer);

}  // namespace tael
