// Reads tokenizer.json.
#include <algorithm>

#include "base/error.h"
#include "text/bpe.h"
#include "text/formats.h"
#include "text/json_fields.h"
#include "text/unigram.h"
#include "text/word_level.h"

namespace tael {
namespace {

TokenId ReadId(const Json& value, std::string_view where, std::string_view token) {
  if (!value.is_int() || value.as_int() < 0 || value.as_int() > Vocabulary::kMaxId) {
    Fail(ErrorCode::kCorrupt, "{}: the id of token '{}' is {}, needed an integer 0..{}", where,
         token.substr(0, 100), DumpJson(value).substr(0, 40), Vocabulary::kMaxId);
  }
  return static_cast<TokenId>(value.as_int());
}

void ReadVocabulary(const JsonFields& model, Vocabulary& vocabulary) {
  const Json& vocab = model.Required("vocab");
  if (!vocab.is_object()) {
    Fail(ErrorCode::kCorrupt, "{}: the vocab of {} is no object", model.where(), model.what());
  }
  const JsonObject& members = vocab.as_object();
  vocabulary.Reserve(members.size(), members.size() * 8);
  for (const auto& [text, id] : members) {
    vocabulary.Set(ReadId(id, model.where(), text), text, model.where());
  }
}

TokenId TokenOfMerge(const Vocabulary& vocabulary, std::string_view text, const JsonFields& model,
                     size_t line) {
  const auto id = vocabulary.Find(text);
  if (!id) {
    Fail(ErrorCode::kCorrupt, "{}: merge {} needs token '{}', which is not in the vocabulary",
         model.where(), line, text.substr(0, 100));
  }
  return *id;
}

MergeTable ReadMerges(const JsonFields& model, const Vocabulary& vocabulary) {
  const JsonArray& list = model.Array("merges");
  MergeTable merges;
  merges.Reserve(list.size());
  std::string joined;
  for (size_t i = 0; i < list.size(); ++i) {
    std::string_view left, right;
    const Json& merge = list[i];
    if (merge.is_string()) {
      const std::string_view text = merge.as_string();
      const size_t space = text.find(' ');
      if (space != std::string_view::npos && text.find(' ', space + 1) == std::string_view::npos) {
        left = text.substr(0, space);
        right = text.substr(space + 1);
      }
    } else if (merge.is_array() && merge.as_array().size() == 2 &&
               merge.as_array()[0].is_string() && merge.as_array()[1].is_string()) {
      left = merge.as_array()[0].as_string();
      right = merge.as_array()[1].as_string();
    }
    if (left.empty() || right.empty()) {
      Fail(ErrorCode::kCorrupt, "{}: merge {} is neither \"a b\" nor [\"a\", \"b\"]", model.where(),
           i);
    }
    joined.assign(left).append(right);
    merges.Add(TokenOfMerge(vocabulary, left, model, i), TokenOfMerge(vocabulary, right, model, i),
               {static_cast<uint32_t>(i), TokenOfMerge(vocabulary, joined, model, i)});
  }
  return merges;
}

std::optional<TokenId> ReadUnknownToken(const JsonFields& model, const Vocabulary& vocabulary,
                                        const AddedTokens& added) {
  if (model.Optional("unk_token") == nullptr) return std::nullopt;
  const std::string text = model.Text("unk_token");
  if (const auto id = vocabulary.Find(text)) return id;
  if (const AddedToken* token = added.ByContent(text)) return token->id;
  Fail(ErrorCode::kCorrupt, "{}: unk_token '{}' is not in the vocabulary", model.where(),
       text.substr(0, 100));
}

void RefuseAffix(const JsonFields& model, std::string_view key) {
  if (model.Optional(key) != nullptr && !model.Text(key).empty()) {
    Fail(ErrorCode::kUnsupported, "{}: {} with '{}' = '{}' is not implemented", model.where(),
         model.what(), key, model.Text(key).substr(0, 100));
  }
}

std::unique_ptr<TokenModel> ReadBpe(const JsonFields& model, const TokenizerParts& parts) {
  model.AllowOnly({"dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix",
                   "fuse_unk", "byte_fallback", "ignore_merges", "vocab", "merges"});
  RefuseAffix(model, "continuing_subword_prefix");
  RefuseAffix(model, "end_of_word_suffix");
  const Json* dropout = model.Optional("dropout");
  if (dropout != nullptr && !(dropout->is_number() && dropout->as_double() == 0)) {
    Fail(ErrorCode::kUnsupported, "{}: BPE with dropout makes encoding random", model.where());
  }
  const Vocabulary& vocabulary = *parts.vocabulary;
  BpeOptions options;
  options.byte_level = parts.pre_tokenizer.byte_level;
  options.byte_fallback = model.Flag("byte_fallback", false);
  options.fuse_unk = model.Flag("fuse_unk", false);
  options.ignore_merges = model.Flag("ignore_merges", false);
  options.unk = ReadUnknownToken(model, vocabulary, parts.added);
  for (const AddedToken& token : parts.added.all()) {
    if (token.special) options.never_whole.push_back(token.id);
  }
  return std::make_unique<BpeModel>(vocabulary, SymbolTable(vocabulary, options.byte_level),
                                    ReadMerges(model, vocabulary), options);
}

void ReadUnigramVocabulary(const JsonFields& model, Vocabulary& vocabulary,
                           std::vector<double>& scores) {
  const JsonArray& list = model.Array("vocab");
  vocabulary.Reserve(list.size(), list.size() * 8);
  for (size_t i = 0; i < list.size(); ++i) {
    const bool pair = list[i].is_array() && list[i].as_array().size() == 2 &&
                      list[i].as_array()[0].is_string() && list[i].as_array()[1].is_number();
    if (!pair) {
      Fail(ErrorCode::kCorrupt, "{}: vocab entry {} of {} is no [piece, score] pair", model.where(),
           i, model.what());
    }
    vocabulary.Set(static_cast<TokenId>(std::min<size_t>(i, Vocabulary::kMaxId + 1)),
                   list[i].as_array()[0].as_string(), model.where());
    scores.push_back(list[i].as_array()[1].as_double());
  }
}

std::unique_ptr<TokenModel> ReadUnigram(const JsonFields& model, const TokenizerParts& parts) {
  model.AllowOnly({"vocab", "unk_id", "byte_fallback"});
  UnigramOptions options;
  ReadUnigramVocabulary(model, *parts.vocabulary, options.scores);
  options.byte_fallback = model.Flag("byte_fallback", false);
  if (model.Optional("unk_id") != nullptr) {
    const int64_t id = model.Integer("unk_id", 0);
    if (id < 0 || id >= parts.vocabulary->size()) {
      Fail(ErrorCode::kCorrupt, "{}: unk_id {} is not in the vocabulary", model.where(), id);
    }
    options.unk = static_cast<TokenId>(id);
  }
  return std::make_unique<UnigramModel>(*parts.vocabulary, std::move(options));
}

// Files of before 2020 have no "type": the members tell.
std::string ModelType(const Json& model, std::string_view where) {
  if (model.Find("type") != nullptr) return ComponentType(model, where, "model");
  if (model.Find("merges") != nullptr) return "BPE";
  if (model.Find("unk_id") != nullptr) return "Unigram";
  return ComponentType(model, where, "model");
}

void ReadModel(const Json& value, TokenizerParts& parts) {
  const std::string type = ModelType(value, parts.where);
  const JsonFields model(value, parts.where, "model '" + type + "'");
  if (type == "BPE") {
    ReadVocabulary(model, *parts.vocabulary);
    parts.model = ReadBpe(model, parts);
  } else if (type == "Unigram") {
    parts.model = ReadUnigram(model, parts);
  } else if (type == "WordLevel") {
    model.AllowOnly({"vocab", "unk_token"});
    ReadVocabulary(model, *parts.vocabulary);
    parts.model = std::make_unique<WordLevelModel>(
        *parts.vocabulary, ReadUnknownToken(model, *parts.vocabulary, parts.added));
  } else {
    FailUnknownComponent(parts.where, "model", type, "BPE, Unigram, WordLevel");
  }
}

std::vector<AddedToken> ReadAddedTokens(const JsonFields& root) {
  std::vector<AddedToken> tokens;
  if (root.Optional("added_tokens") == nullptr) return tokens;
  for (const Json& each : root.Array("added_tokens")) {
    const JsonFields fields(each, root.where(), "an added token");
    fields.AllowOnly({"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
    AddedToken token;
    token.content = fields.Text("content");
    token.id = ReadId(fields.Required("id"), root.where(), token.content);
    token.single_word = fields.Flag("single_word", false);
    token.lstrip = fields.Flag("lstrip", false);
    token.rstrip = fields.Flag("rstrip", false);
    token.special = fields.Flag("special", false);
    token.normalized = fields.Flag("normalized", !token.special);
    token.harmless = false;
    tokens.push_back(std::move(token));
  }
  return tokens;
}

// The ids a TemplateProcessing puts for one of its special tokens.
void AppendTemplateToken(const JsonFields& processor, const Json& piece,
                         std::vector<TokenId>& out) {
  const Json* id = piece.Find("id");
  const Json* table = processor.Optional("special_tokens");
  const Json* entry =
      id != nullptr && id->is_string() && table != nullptr ? table->Find(id->as_string()) : nullptr;
  const Json* ids = entry != nullptr ? entry->Find("ids") : nullptr;
  if (ids == nullptr || !ids->is_array()) {
    Fail(ErrorCode::kCorrupt, "{}: {} uses a special token it does not define", processor.where(),
         processor.what());
  }
  for (const Json& each : ids->as_array()) {
    out.push_back(ReadId(each, processor.where(), id->as_string()));
  }
}

void ReadTemplate(const JsonFields& processor, TokenizerParts& parts) {
  bool after_text = false;
  for (const Json& each : processor.Array("single")) {
    if (const Json* token = each.Find("SpecialToken")) {
      AppendTemplateToken(processor, *token, after_text ? parts.suffix : parts.prefix);
    } else if (each.Find("Sequence") != nullptr && !after_text) {
      after_text = true;
    } else {
      Fail(ErrorCode::kUnsupported, "{}: a template must hold the text once and special tokens",
           processor.where());
    }
  }
}

void ReadPostProcessor(const Json& value, int depth, TokenizerParts& parts) {
  if (value.is_null()) return;
  const std::string type = ComponentType(value, parts.where, "post-processor");
  const JsonFields fields(value, parts.where, "post-processor '" + type + "'");
  if (type == "Sequence") {
    if (depth >= 16) Fail(ErrorCode::kCorrupt, "{}: post-processors nest too deep", parts.where);
    for (const Json& each : fields.Array("processors")) ReadPostProcessor(each, depth + 1, parts);
  } else if (type == "TemplateProcessing") {
    ReadTemplate(fields, parts);
  } else if (type != "ByteLevel") {  // ByteLevel moves offsets only
    FailUnknownComponent(parts.where, "post-processor", type,
                         "Sequence, TemplateProcessing, ByteLevel");
  }
}

// Only Llama's classes rebuild the post-processor from add_bos_token and add_eos_token.
void ApplyLlamaConfig(const Json& config, TokenizerParts& parts) {
  const Json* name = config.Find("tokenizer_class");
  if (name == nullptr || !name->is_string() || !name->as_string().starts_with("Llama")) return;
  const auto apply = [&](std::string_view key, std::optional<TokenId> id,
                         std::vector<TokenId>& ids) {
    const Json* flag = config.Find(key);
    if (flag == nullptr || !flag->is_bool()) return;
    ids.clear();
    if (flag->as_bool() && id) ids.push_back(*id);
  };
  apply("add_bos_token", parts.bos, parts.prefix);
  apply("add_eos_token", parts.eos, parts.suffix);
}

}  // namespace

void ApplyTokenizerConfig(const Json& config, TokenizerParts& parts) {
  const auto find = [&](std::string_view key) -> std::optional<TokenId> {
    const Json* value = config.Find(key);
    if (value != nullptr && value->is_object()) value = value->Find("content");
    if (value == nullptr || !value->is_string()) return std::nullopt;
    if (const AddedToken* token = parts.added.ByContent(value->as_string())) return token->id;
    return parts.vocabulary->Find(value->as_string());
  };
  if (const auto id = find("bos_token")) parts.bos = id;
  if (const auto id = find("eos_token")) parts.eos = id;
}

TokenizerParts ReadHfTokenizer(std::string_view bytes, const Json& config, std::string_view where) {
  const Json file = ParseJson(bytes, where);
  TokenizerParts parts;
  parts.where = where;
  const JsonFields root(file, parts.where, "the file");
  root.AllowOnly({"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer",
                  "post_processor", "decoder", "model"});
  const Json null;
  const auto part = [&](std::string_view key) -> const Json& {
    const Json* value = root.Optional(key);
    return value != nullptr ? *value : null;
  };
  parts.normalizer = NormalizerFromJson(part("normalizer"), where);
  parts.pre_tokenizer = PreTokenizerFromJson(part("pre_tokenizer"), where);
  parts.decoder = DecoderFromJson(part("decoder"), where);
  parts.added = AddedTokens(ReadAddedTokens(root), parts.normalizer, where);
  ReadModel(root.Required("model"), parts);
  ReadPostProcessor(part("post_processor"), 0, parts);
  ApplyTokenizerConfig(config, parts);
  ApplyLlamaConfig(config, parts);
  if (!parts.bos && !parts.prefix.empty()) parts.bos = parts.prefix.front();
  return parts;
}

}  // namespace tael
