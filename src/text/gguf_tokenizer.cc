// Reads the vocabulary inside a GGUF file.
#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"
#include "checkpoint/carried.h"
#include "checkpoint/gguf.h"
#include "text/bpe.h"
#include "text/byte_alphabet.h"
#include "text/formats.h"
#include "text/gguf_pre_tokenizers.h"

namespace tael {
namespace {

const std::vector<std::string>& Tokens(const GgufMetadata& metadata) {
  const GgufValue* value = metadata.Find("tokenizer.ggml.tokens");
  if (value == nullptr || value->strings.empty()) {
    Fail(ErrorCode::kCorrupt, "{}: no tokenizer.ggml.tokens. Hint: this file has no vocabulary",
         metadata.where);
  }
  return value->strings;
}

// Types by id; all normal when the key is absent.
std::vector<PieceType> TokenTypes(const GgufMetadata& metadata, size_t count) {
  std::vector<PieceType> types(count, PieceType::kNormal);
  const GgufValue* value = metadata.Find("tokenizer.ggml.token_type");
  if (value == nullptr) return types;
  if (value->integers.size() != count) {
    Fail(ErrorCode::kCorrupt, "{}: {} tokens but {} token types", metadata.where, count,
         value->integers.size());
  }
  for (size_t i = 0; i < count; ++i) {
    const int64_t type = value->integers[i];
    if (type < 0 || type > 6) {
      Fail(ErrorCode::kUnsupported, "{}: token {} has type {}, known are 1 to 6", metadata.where, i,
           type);
    }
    if (type != 0) types[i] = static_cast<PieceType>(type);
  }
  return types;
}

std::optional<TokenId> TokenKey(const GgufMetadata& metadata, std::string_view key, size_t count) {
  const int64_t id = metadata.Integer(key, -1);
  if (id < 0 || id > Vocabulary::kMaxId) return std::nullopt;  // 2^32 - 1 stands for none
  if (static_cast<size_t>(id) >= count) {
    Fail(ErrorCode::kCorrupt, "{}: {} is {}, but there are {} tokens", metadata.where, key, id,
         count);
  }
  return static_cast<TokenId>(id);
}

void ReadSpecialIds(const GgufMetadata& metadata, size_t count, bool default_bos,
                    TokenizerParts& parts) {
  parts.bos = TokenKey(metadata, "tokenizer.ggml.bos_token_id", count);
  parts.eos = TokenKey(metadata, "tokenizer.ggml.eos_token_id", count);
  for (const char* key : {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    if (const auto id = TokenKey(metadata, key, count)) parts.more_ends.push_back(*id);
  }
  if (parts.bos && metadata.Boolean("tokenizer.ggml.add_bos_token", default_bos)) {
    parts.prefix.push_back(*parts.bos);
  }
  if (parts.eos && metadata.Boolean("tokenizer.ggml.add_eos_token", false)) {
    parts.suffix.push_back(*parts.eos);
  }
}

void CheckText(const std::string& text, size_t id, std::string_view where) {
  if (!IsValidUtf8(text)) Fail(ErrorCode::kCorrupt, "{}: token {} is not UTF-8", where, id);
}

// Merges whose tokens are not all in the vocabulary cannot happen and are left out.
MergeTable ReadMerges(const GgufMetadata& metadata, const Vocabulary& vocabulary) {
  MergeTable merges;
  const GgufValue* list = metadata.Find("tokenizer.ggml.merges");
  if (list == nullptr) {
    Fail(ErrorCode::kUnsupported,
         "{}: a gpt2 vocabulary without tokenizer.ggml.merges. Hint: use the model's own "
         "tokenizer files",
         metadata.where);
  }
  merges.Reserve(list->strings.size());
  std::string joined;
  for (size_t i = 0; i < list->strings.size(); ++i) {
    const std::string_view text = list->strings[i];
    const size_t space = text.find(' ', 1);  // a token may begin with a space, not a merge
    if (space == std::string_view::npos) {
      Fail(ErrorCode::kCorrupt, "{}: merge {} is '{}', needed \"a b\"", metadata.where, i,
           text.substr(0, 100));
    }
    const std::string_view left = text.substr(0, space), right = text.substr(space + 1);
    const auto left_id = vocabulary.Find(left), right_id = vocabulary.Find(right);
    joined.assign(left).append(right);
    const auto result = vocabulary.Find(joined);
    if (!left_id || !right_id || !result) continue;
    if (merges.Find(*left_id, *right_id).result >= 0) continue;  // the first one counts
    merges.Add(*left_id, *right_id, {static_cast<uint32_t>(i), *result});
  }
  return merges;
}

TokenizerParts ReadByteLevel(const GgufMetadata& metadata) {
  TokenizerParts parts;
  parts.where = metadata.where;
  const std::vector<std::string>& tokens = Tokens(metadata);
  const std::vector<PieceType> types = TokenTypes(metadata, tokens.size());
  const GgufPreTokenizer pre =
      FindGgufPreTokenizer(metadata.Text("tokenizer.ggml.pre", "(absent)"), metadata.where);
  for (const std::string_view split : pre.splits) {
    parts.pre_tokenizer.steps.push_back(MakeIsolatedSplit(split, metadata.where));
  }
  parts.pre_tokenizer.byte_level = pre.mapped_splits.empty();
  if (!parts.pre_tokenizer.byte_level) parts.pre_tokenizer.steps.push_back(MakeByteMapping());
  for (const std::string_view split : pre.mapped_splits) {
    parts.pre_tokenizer.steps.push_back(MakeIsolatedSplit(split, metadata.where));
  }
  if (pre.nfc) parts.normalizer.push_back(MakeUnicodeStep(unicode::NormalForm::kNfc));
  parts.vocabulary->Reserve(tokens.size(), tokens.size() * 8);
  std::vector<AddedToken> added;
  BpeOptions options;
  for (size_t i = 0; i < tokens.size(); ++i) {
    CheckText(tokens[i], i, metadata.where);
    const auto id = static_cast<TokenId>(std::min<size_t>(i, Vocabulary::kMaxId + 1));
    parts.vocabulary->Set(id, tokens[i], metadata.where);
    if (types[i] != PieceType::kControl && types[i] != PieceType::kUserDefined &&
        types[i] != PieceType::kUnknown) {
      continue;
    }
    AddedToken token;
    token.id = id;
    token.content = tokens[i];
    token.special = types[i] != PieceType::kUserDefined;
    token.harmless = !token.special && IsHarmlessToken(token.content);
    options.never_whole.push_back(id);
    added.push_back(std::move(token));
  }
  options.byte_level = parts.pre_tokenizer.byte_level;
  options.ignore_merges = pre.ignore_merges;
  parts.model = std::make_unique<BpeModel>(*parts.vocabulary,
                                           SymbolTable(*parts.vocabulary, options.byte_level),
                                           ReadMerges(metadata, *parts.vocabulary), options);
  parts.decoder = MakeByteLevelDecoder();
  parts.added = AddedTokens(std::move(added), parts.normalizer, metadata.where);
  ReadSpecialIds(metadata, tokens.size(), pre.adds_bos, parts);
  return parts;
}

TokenizerParts ReadPieces(const GgufMetadata& metadata, bool unigram) {
  SentencePieces pieces;
  pieces.unigram = unigram;
  pieces.texts = Tokens(metadata);
  const size_t count = pieces.texts.size();
  for (size_t i = 0; i < count; ++i) CheckText(pieces.texts[i], i, metadata.where);
  pieces.types = TokenTypes(metadata, count);
  const GgufValue* scores = metadata.Find("tokenizer.ggml.scores");
  if (scores == nullptr || scores->numbers.size() != count) {
    Fail(ErrorCode::kCorrupt, "{}: {} tokens but {} scores", metadata.where, count,
         scores == nullptr ? 0 : scores->numbers.size());
  }
  pieces.scores = scores->numbers;
  pieces.add_dummy_prefix = metadata.Boolean("tokenizer.ggml.add_space_prefix", true);
  pieces.remove_extra_whitespaces =
      metadata.Boolean("tokenizer.ggml.remove_extra_whitespaces", false);
  if (const GgufValue* map = metadata.Find("tokenizer.ggml.precompiled_charsmap")) {
    for (const int64_t byte : map->integers) pieces.charsmap.push_back(static_cast<char>(byte));
  }
  TokenizerParts parts = PartsFromPieces(std::move(pieces), metadata.where);
  ReadSpecialIds(metadata, count, !unigram, parts);
  return parts;
}

}  // namespace

TokenizerParts ReadGgufTokenizer(const GgufMetadata& metadata) {
  const std::string model = metadata.Text("tokenizer.ggml.model", "(absent)");
  if (model == "gpt2") return ReadByteLevel(metadata);
  if (model == "llama") return ReadPieces(metadata, /*unigram=*/false);
  if (model == "t5") return ReadPieces(metadata, /*unigram=*/true);
  if (model == "none" && metadata.Find(carried::kTokenizer) != nullptr) {
    const std::string config = metadata.Text(carried::kTokenizerConfig, "");
    const std::string where = metadata.where + " " + carried::kTokenizer;
    return ReadHfTokenizer(metadata.Text(carried::kTokenizer, ""),
                           config.empty() ? Json() : ParseJson(config, where), where);
  }
  Fail(ErrorCode::kUnsupported,
       "{}: tokenizer.ggml.model is '{}'. Known: gpt2 (byte-level BPE), llama (SentencePiece BPE), "
       "t5 (unigram)",
       metadata.where, model.substr(0, 100));
}

}  // namespace tael
