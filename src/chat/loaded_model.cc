#include "chat/loaded_model.h"

#include <fmt/format.h>

#include <set>

#include "base/error.h"
#include "base/file.h"

namespace tael {

void CheckVocabulary(const Model& model, const Tokenizer& tokenizer) {
  const int rows = model.spec.vocab_size, ids = tokenizer.vocab_size();
  // Files that carry a tokenizer.json have no padded vocabulary.
  const bool gguf = model.checkpoint.gguf != nullptr &&
                    model.checkpoint.gguf->Find("tokenizer.ggml.tokens") != nullptr;
  if (ids > rows || (gguf && ids != rows)) {
    Fail(ErrorCode::kCorrupt,
         "{}: the tokenizer has {} tokens, but the embedding has {} rows. "
         "Hint: tokenizer and weights may come from different models",
         model.checkpoint.path, ids, rows);
  }
}

std::optional<std::string> Llama2cTokenizerOf(const Checkpoint& checkpoint) {
  if (checkpoint.container != Container::kLlama2c) return std::nullopt;
  for (const std::string& name : {fmt::format("tok{}.bin", checkpoint.config.Int("vocab_size")),
                                  std::string("tokenizer.bin")}) {
    std::string path = JoinPath(checkpoint.directory, name);
    if (FileExists(path)) return path;
  }
  return std::nullopt;
}

namespace {

std::unique_ptr<Tokenizer> OpenTokenizer(const Model& model) {
  if (const auto file = Llama2cTokenizerOf(model.checkpoint)) return Tokenizer::FromPath(*file);
  return Tokenizer::FromCheckpoint(model.checkpoint);
}

}  // namespace

bool HasTokenizer(const Checkpoint& checkpoint) {
  if (checkpoint.gguf != nullptr) return checkpoint.gguf->Find("tokenizer.ggml.model") != nullptr;
  if (Llama2cTokenizerOf(checkpoint)) return true;
  for (const std::string& name : ListDirectory(checkpoint.directory)) {
    if (name == "tokenizer.json" || name == "tokenizer.json.gz" || name == "tokenizer.model" ||
        name == "tokenizer.bin" || name.ends_with(".tiktoken") || name == "tiktoken.model") {
      return true;
    }
  }
  return false;
}

LoadedModel LoadWithText(const std::string& path, LoadOptions options, LoadFor purpose) {
  LoadedModel loaded;
  loaded.path = path;
  options.headers_only = purpose == LoadFor::kPlanning;
  loaded.model = LoadModel(path, options);
  std::set<TokenId> stops;
  if (purpose == LoadFor::kText || HasTokenizer(loaded.model->checkpoint)) {
    loaded.tokenizer = OpenTokenizer(*loaded.model);
    CheckVocabulary(*loaded.model, *loaded.tokenizer);
    const auto& ends = loaded.tokenizer->end_of_generation();
    stops.insert(ends.begin(), ends.end());
  }
  for (const int64_t id : loaded.model->checkpoint.eos_token_ids) {
    if (id >= 0 && id < loaded.model->spec.vocab_size) stops.insert(static_cast<TokenId>(id));
  }
  loaded.stop_tokens.assign(stops.begin(), stops.end());
  return loaded;
}

}  // namespace tael
