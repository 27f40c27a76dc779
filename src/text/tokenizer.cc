// Finds and opens the tokenizer of a path, a checkpoint or a GGUF file.
#include "text/tokenizer.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/gguf.h"
#include "checkpoint/open.h"
#include "text/formats.h"

namespace tael {
namespace {

constexpr int64_t kMaxFileBytes = int64_t{1} << 28;
constexpr const char* kKnownNames =
    "tokenizer.json, tokenizer.model, tiktoken.model, *.tiktoken, tokenizer.bin";

std::unique_ptr<Tokenizer> Finished(TokenizerParts parts) {
  return std::make_unique<PipelineTokenizer>(std::move(parts));
}

// tokenizer_config.json beside a tokenizer file: with the same prefix if the file has one
// ("qwen3.tokenizer.json.gz" goes with "qwen3.tokenizer_config.json"). Null when there is none.
Json ConfigBeside(const std::string& path) {
  const std::string name = BaseName(path);
  const size_t at = name.find("tokenizer.");
  const std::string prefix = at == std::string::npos ? "" : name.substr(0, at);
  const std::string config = JoinPath(DirName(path), prefix + "tokenizer_config.json");
  if (!FileExists(config)) return {};
  return ParseJson(ReadFile(config, kMaxFileBytes), config);
}

// The tokenizer file of a directory.
std::string FileOfDirectory(const std::string& directory) {
  for (const char* name :
       {"tokenizer.json", "tokenizer.json.gz", "tokenizer.model", "tiktoken.model"}) {
    const std::string path = JoinPath(directory, name);
    if (FileExists(path)) return path;
  }
  for (const std::string& name : ListDirectory(directory)) {
    if (name.ends_with(".tiktoken")) return JoinPath(directory, name);
  }
  const std::string binary = JoinPath(directory, "tokenizer.bin");
  if (FileExists(binary)) return binary;
  Fail(ErrorCode::kNotFound, "{}: no tokenizer file. Looked for {}", directory, kKnownNames);
}

// The first line of a tiktoken file is "base64 rank"; a SentencePiece model begins with a message.
bool LooksLikeTiktoken(std::string_view bytes) {
  const std::string_view line = bytes.substr(0, std::min<size_t>(bytes.find('\n'), 512));
  const size_t space = line.find(' ');
  return space != std::string_view::npos && space > 0 &&
         std::all_of(line.begin(), line.end(), [](char c) { return c >= 0x20 || c == '\r'; });
}

}  // namespace

std::unique_ptr<Tokenizer> Tokenizer::FromBytes(std::string_view bytes, TokenizerFormat format,
                                                std::string_view config_json,
                                                const std::string& where) {
  Json config;
  if (!config_json.empty()) config = ParseJson(config_json, where + " (tokenizer_config.json)");
  switch (format) {
    case TokenizerFormat::kHuggingFace:
      return Finished(ReadHfTokenizer(bytes, config, where));
    case TokenizerFormat::kSentencePiece:
      return Finished(ReadSentencePiece(bytes, config, where));
    case TokenizerFormat::kTiktoken:
      return Finished(ReadTiktoken(bytes, config, where));
    case TokenizerFormat::kLlama2c:
      return Finished(ReadLlama2cTokenizer(bytes, where));
  }
  Fail(ErrorCode::kInvalidArgument, "{}: no such tokenizer format", where);
}

std::unique_ptr<Tokenizer> Tokenizer::FromPath(const std::string& path) {
  const std::string file = DirectoryExists(path) ? FileOfDirectory(path) : path;
  if (file.ends_with(".gguf")) return FromGguf(OpenGguf(file).metadata);
  const std::string bytes = ReadMaybeGzip(file, kMaxFileBytes);
  std::string name = BaseName(file);
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  if (name.ends_with(".json")) return Finished(ReadHfTokenizer(bytes, ConfigBeside(file), file));
  if (name.ends_with(".bin")) return Finished(ReadLlama2cTokenizer(bytes, file));
  if (name.ends_with(".tiktoken") || (name.ends_with(".model") && LooksLikeTiktoken(bytes))) {
    return Finished(ReadTiktoken(bytes, ConfigBeside(file), file));
  }
  if (name.ends_with(".model")) return Finished(ReadSentencePiece(bytes, ConfigBeside(file), file));
  Fail(ErrorCode::kUnsupported, "{}: not a name of a tokenizer file. Known: {}", file, kKnownNames);
}

std::unique_ptr<Tokenizer> Tokenizer::FromGguf(const GgufMetadata& metadata) {
  return Finished(ReadGgufTokenizer(metadata));
}

std::unique_ptr<Tokenizer> Tokenizer::FromCheckpoint(const Checkpoint& checkpoint) {
  TokenizerParts parts;
  if (checkpoint.gguf) {
    parts = ReadGgufTokenizer(*checkpoint.gguf);
  } else {
    const std::string file = FileOfDirectory(checkpoint.directory);
    const std::string bytes = ReadMaybeGzip(file, kMaxFileBytes);
    const Json config = ConfigBeside(file);
    const bool is_tiktoken =
        file.ends_with(".tiktoken") || (file.ends_with(".model") && LooksLikeTiktoken(bytes));
    if (file.ends_with(".bin")) {
      parts = ReadLlama2cTokenizer(bytes, file);
    } else if (is_tiktoken) {
      parts = ReadTiktoken(bytes, config, file);
    } else if (file.ends_with(".model")) {
      parts = ReadSentencePiece(bytes, config, file);
    } else {
      parts = ReadHfTokenizer(bytes, config, file);
    }
  }
  for (const int64_t id : checkpoint.eos_token_ids) {
    if (id >= 0 && id <= Vocabulary::kMaxId) parts.more_ends.push_back(static_cast<TokenId>(id));
  }
  if (!parts.eos && !parts.more_ends.empty()) parts.eos = parts.more_ends.front();
  return Finished(std::move(parts));
}

}  // namespace tael
