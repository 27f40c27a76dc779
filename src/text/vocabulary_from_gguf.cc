#include "text/vocabulary_from_gguf.h"

#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/carried.h"
#include "text/formats.h"
#include "text/gguf_pre_tokenizers.h"
#include "text/tokenizer.h"
#include "text/vocabulary_to_gguf.h"

namespace tael {
namespace {

Json Object(std::initializer_list<JsonMember> members) { return JsonObject(members); }

Json ByteLevel() {
  return Object({{"type", "ByteLevel"},
                 {"add_prefix_space", false},
                 {"trim_offsets", false},
                 {"use_regex", false}});
}

PieceType TypeOf(const GgufMetadata& metadata, size_t id) {
  const GgufValue* types = metadata.Find("tokenizer.ggml.token_type");
  if (types == nullptr || id >= types->integers.size()) return PieceType::kNormal;
  return static_cast<PieceType>(types->integers[id]);
}

Json Model(const GgufMetadata& metadata, bool ignore_merges) {
  JsonObject vocabulary;
  const std::vector<std::string>& tokens = metadata.Find("tokenizer.ggml.tokens")->strings;
  for (size_t id = 0; id < tokens.size(); ++id) {
    const PieceType type = TypeOf(metadata, id);
    if (type == PieceType::kNormal || type == PieceType::kByte) {
      vocabulary.emplace_back(tokens[id], static_cast<int64_t>(id));
    }
  }
  Json merges{JsonArray{}};
  for (const std::string& merge : metadata.Find("tokenizer.ggml.merges")->strings) {
    const size_t space = merge.find(' ', 1);
    merges.Append(JsonArray{Json(merge.substr(0, space)), Json(merge.substr(space + 1))});
  }
  return Object({{"type", "BPE"},
                 {"dropout", nullptr},
                 {"unk_token", nullptr},
                 {"continuing_subword_prefix", nullptr},
                 {"end_of_word_suffix", nullptr},
                 {"fuse_unk", false},
                 {"byte_fallback", false},
                 {"ignore_merges", ignore_merges},
                 {"vocab", Json(std::move(vocabulary))},
                 {"merges", std::move(merges)}});
}

Json AddedTokenList(const GgufMetadata& metadata) {
  Json list{JsonArray{}};
  const std::vector<std::string>& tokens = metadata.Find("tokenizer.ggml.tokens")->strings;
  for (size_t id = 0; id < tokens.size(); ++id) {
    const PieceType type = TypeOf(metadata, id);
    if (type != PieceType::kControl && type != PieceType::kUserDefined &&
        type != PieceType::kUnknown) {
      continue;
    }
    list.Append(Object({{"id", static_cast<int64_t>(id)},
                        {"content", tokens[id]},
                        {"single_word", false},
                        {"lstrip", false},
                        {"rstrip", false},
                        {"normalized", false},
                        {"special", type != PieceType::kUserDefined}}));
  }
  return list;
}

Json PreTokenizerSteps(const GgufPreTokenizer& pre) {
  Json steps{JsonArray{}};
  for (const std::string_view split : pre.splits) {
    steps.Append(Object({{"type", "Split"},
                         {"pattern", Object({{"Regex", split}})},
                         {"behavior", "Isolated"},
                         {"invert", false}}));
  }
  steps.Append(ByteLevel());
  return Object({{"type", "Sequence"}, {"pretokenizers", std::move(steps)}});
}

// Puts the beginning-of-text token in front.
Json PostProcessor(const std::string& bos, TokenId id) {
  const auto token = [&] {
    return Object({{"SpecialToken", Object({{"id", bos}, {"type_id", 0}})}});
  };
  const auto sequence = [](const char* name, int type) {
    return Object({{"Sequence", Object({{"id", name}, {"type_id", type}})}});
  };
  Json special{JsonObject{}};
  special.Set(bos, Object({{"id", bos},
                           {"ids", JsonArray{Json(static_cast<int64_t>(id))}},
                           {"tokens", JsonArray{Json(bos)}}}));
  return Object({{"type", "TemplateProcessing"},
                 {"single", JsonArray{token(), sequence("A", 0)}},
                 {"pair", JsonArray{token(), sequence("A", 0), token(), sequence("B", 1)}},
                 {"special_tokens", std::move(special)}});
}

std::string Config(const GgufMetadata& metadata, const Tokenizer& tokenizer) {
  Json config{JsonObject{}};
  config.Set("tokenizer_class", "PreTrainedTokenizerFast");
  config.Set("add_bos_token", tokenizer.adds_bos());
  for (const auto& [name, id] :
       {std::pair{"bos_token", tokenizer.bos()}, {"eos_token", tokenizer.eos()}}) {
    const auto text = id ? tokenizer.TokenText(*id) : std::nullopt;
    if (text) config.Set(name, *text);
  }
  const std::string chat = metadata.Text("tokenizer.chat_template", "");
  if (!chat.empty()) config.Set("chat_template", chat);
  return DumpJsonPretty(config) + "\n";
}

void CheckSame(const Tokenizer& tokenizer, const HfTokenizerFiles& files,
               const std::string& where) {
  const auto other = Tokenizer::FromBytes(files.tokenizer_json, TokenizerFormat::kHuggingFace,
                                          files.tokenizer_config_json, where);
  for (const std::string& probe : TokenizerProbes()) {
    for (const bool special : {false, true}) {
      const EncodeOptions options{.parse_added_tokens = special, .add_special_tokens = special};
      if (other->Encode(probe, options) == tokenizer.Encode(probe, options)) continue;
      Fail(
          ErrorCode::kUnsupported,
          "{}: a tokenizer.json made of this vocabulary would give other ids for some texts. Hint: "
          "use the model's own tokenizer files and --no-tokenizer",
          where);
    }
  }
}

}  // namespace

HfTokenizerFiles VocabularyFromGguf(const GgufMetadata& metadata) {
  if (metadata.Find(carried::kTokenizer) != nullptr) {
    return {metadata.Text(carried::kTokenizer, ""), metadata.Text(carried::kTokenizerConfig, "")};
  }
  const std::string model = metadata.Text("tokenizer.ggml.model", "(absent)");
  const auto tokenizer = Tokenizer::FromGguf(metadata);
  const GgufPreTokenizer pre =
      model == "gpt2"
          ? FindGgufPreTokenizer(metadata.Text("tokenizer.ggml.pre", ""), metadata.where)
          : GgufPreTokenizer();
  if (model != "gpt2" || !pre.mapped_splits.empty()) {
    Fail(ErrorCode::kUnsupported,
         "{}: a vocabulary of kind '{}' ({}) cannot be written as tokenizer.json. Hint: use the "
         "model's own tokenizer files and --no-tokenizer",
         metadata.where, model, metadata.Text("tokenizer.ggml.pre", "no pre-tokenizer"));
  }
  Json post = nullptr;
  const auto bos = tokenizer->bos();
  if (tokenizer->adds_bos() && bos) {
    post = PostProcessor(tokenizer->TokenText(*bos).value_or(""), *bos);
  }
  const Json json = Object({{"version", "1.0"},
                            {"truncation", nullptr},
                            {"padding", nullptr},
                            {"added_tokens", AddedTokenList(metadata)},
                            {"normalizer", pre.nfc ? Object({{"type", "NFC"}}) : Json()},
                            {"pre_tokenizer", PreTokenizerSteps(pre)},
                            {"post_processor", std::move(post)},
                            {"decoder", ByteLevel()},
                            {"model", Model(metadata, pre.ignore_merges)}});
  HfTokenizerFiles files{DumpJsonPretty(json) + "\n", Config(metadata, *tokenizer)};
  CheckSame(*tokenizer, files, metadata.where);
  return files;
}

}  // namespace tael
