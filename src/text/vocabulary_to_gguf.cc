// Byte-level BPE with a pre-tokenizer that GGUF has a name for can be expressed; everything else is
// carried along as it is.
#include "text/vocabulary_to_gguf.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/carried.h"
#include "text/formats.h"
#include "text/gguf_pre_tokenizers.h"
#include "text/scanner.h"

namespace tael {
namespace {

const Json* Member(const Json* object, std::string_view key) {
  return object == nullptr ? nullptr : object->Find(key);
}

std::string TypeOf(const Json* part) {
  const Json* type = Member(part, "type");
  return type != nullptr && type->is_string() ? type->as_string() : "";
}

bool Flag(const Json* object, std::string_view key, bool fallback) {
  const Json* value = Member(object, key);
  return value != nullptr && value->is_bool() ? value->as_bool() : fallback;
}

// The expressions of a byte-level pre-tokenizer, in their order; false when it has other parts.
bool CollectSplits(const Json* part, std::vector<std::string>* splits, bool* byte_level) {
  const std::string type = TypeOf(part);
  if (type == "Sequence") {
    const Json* list = Member(part, "pretokenizers");
    return list != nullptr && list->is_array() &&
           std::all_of(list->as_array().begin(), list->as_array().end(),
                       [&](const Json& step) { return CollectSplits(&step, splits, byte_level); });
  }
  if (type == "ByteLevel") {
    *byte_level = true;
    if (Flag(part, "use_regex", true)) splits->emplace_back(patterns::kGpt2);
    return !Flag(part, "add_prefix_space", true);
  }
  if (type == "Digits") {
    splits->emplace_back(patterns::kDigit);
    return Flag(part, "individual_digits", false);
  }
  const Json* regex = Member(Member(part, "pattern"), "Regex");
  const Json* behavior = Member(part, "behavior");
  if (type != "Split" || *byte_level || regex == nullptr || !regex->is_string() ||
      behavior == nullptr || *behavior != Json("Isolated") || Flag(part, "invert", false)) {
    return false;
  }
  splits->push_back(regex->as_string());
  return true;
}

// Whether the normalizer is nothing, or NFC.
bool ReadNormalizer(const Json* normalizer, bool* nfc) {
  if (normalizer == nullptr || normalizer->is_null()) return true;
  *nfc = TypeOf(normalizer) == "NFC";
  return *nfc;
}

// Of rows that no token has.
std::string UnusedName(int id) { return fmt::format("[PAD{}]", id); }

std::vector<std::string> Merges(const Json* list) {
  std::vector<std::string> merges;
  for (const Json& merge : list->as_array()) {
    merges.push_back(merge.is_string()
                         ? merge.as_string()
                         : merge.as_array()[0].as_string() + " " + merge.as_array()[1].as_string());
  }
  return merges;
}

class Expression {
 public:
  Expression(const Json& json, const Tokenizer& tokenizer, int rows)
      : json_(json), tokenizer_(tokenizer), rows_(rows) {}

  // "" or why not.
  std::string Write(GgufEntries* entries) {
    const Json* model = json_.Find("model");
    const Json* merges = Member(model, "merges");
    if (TypeOf(model) != "BPE" || merges == nullptr || !merges->is_array()) {
      return "its model is no BPE";
    }
    bool byte_level = false, nfc = false;
    std::vector<std::string> splits;
    if (!CollectSplits(json_.Find("pre_tokenizer"), &splits, &byte_level) || !byte_level) {
      return "its pre-tokenizer is not the byte-level one";
    }
    if (!ReadNormalizer(json_.Find("normalizer"), &nfc)) return "of its normalizer";
    const std::string name = NameGgufPreTokenizer(splits, Flag(model, "ignore_merges", false), nfc);
    if (name.empty()) return "GGUF has no name for its pre-tokenizer";
    entries->emplace_back("tokenizer.ggml.model", GgufText("gpt2"));
    entries->emplace_back("tokenizer.ggml.pre", GgufText(name));
    AddTokens(entries);
    entries->emplace_back("tokenizer.ggml.merges", GgufTexts(Merges(merges)));
    if (const auto bos = tokenizer_.bos()) AddId("bos", *bos, entries);
    if (const auto eos = tokenizer_.eos()) AddId("eos", *eos, entries);
    entries->emplace_back("tokenizer.ggml.add_bos_token", GgufBool(tokenizer_.adds_bos()));
    return Difference(*entries);
  }

 private:
  static void AddId(const std::string& name, TokenId id, GgufEntries* entries) {
    entries->emplace_back("tokenizer.ggml." + name + "_token_id",
                          GgufU32(static_cast<uint32_t>(id)));
  }

  void AddTokens(GgufEntries* entries) const {
    std::vector<std::string> tokens;
    std::vector<int64_t> types;
    for (TokenId id = 0; id < rows_; ++id) {
      const auto text = tokenizer_.TokenText(id);
      tokens.push_back(text ? *text : UnusedName(id));
      types.push_back(static_cast<int64_t>(text ? PieceType::kNormal : PieceType::kUnused));
    }
    const Json* added = json_.Find("added_tokens");
    if (added != nullptr && added->is_array()) {
      for (const Json& token : added->as_array()) {
        const Json* id = token.Find("id");
        if (id == nullptr || !id->is_int() || id->as_int() < 0 || id->as_int() >= rows_) continue;
        types[static_cast<size_t>(id->as_int())] = static_cast<int64_t>(
            Flag(&token, "special", false) ? PieceType::kControl : PieceType::kUserDefined);
      }
    }
    entries->emplace_back("tokenizer.ggml.tokens", GgufTexts(std::move(tokens)));
    entries->emplace_back("tokenizer.ggml.token_type", GgufInts(GgufType::kI32, std::move(types)));
  }

  // Reads the keys back and tries both.
  std::string Difference(const GgufEntries& entries) const {
    GgufMetadata metadata;
    metadata.where = "the keys made of tokenizer.json";
    metadata.entries = entries;
    const std::unique_ptr<Tokenizer> other = Tokenizer::FromGguf(metadata);
    for (const std::string& probe : TokenizerProbes()) {
      for (const bool special : {false, true}) {
        const EncodeOptions options{.parse_added_tokens = special, .add_special_tokens = special};
        if (other->Encode(probe, options) != tokenizer_.Encode(probe, options)) {
          return "the keys would give other ids for some texts";
        }
      }
    }
    return "";
  }

  const Json& json_;
  const Tokenizer& tokenizer_;
  int rows_;
};

}  // namespace

const std::vector<std::string>& TokenizerProbes() {
  static const std::vector<std::string> probes = {
      "Hello, world! It's 2024; we'd pay $1,234.56 (or 7%).",
      "  leading, double  and trailing spaces  \n\n\ttabs\r\nlines \n x",
      "don't DON'T I'LL can't've snake_case CamelCase HTTPServer x=y*2;//",
      "0 12 345 6789 1234567890 ½ ² ①",
      "Zażółć gęślą jaźń, naïve café, cafe\xCC\x81, Straße",
      "Привет, мир! Съешь ещё этих мягких французских булок.",
      "中文分词测试，你好世界。日本語のテキストです。한국어 문장입니다.",
      "مرحبا بالعالم नमस्ते दुनिया ไทย",
      "emoji 😀👩‍👩‍👧‍👦🏳️‍🌈 zero\xE2\x80\x8Bwidth",
      "<|im_start|>user\n<s>[INST] <bos> </s><|endoftext|>",
  };
  return probes;
}

GgufVocabulary VocabularyToGguf(const std::string& json, const std::string& config_json, int rows) {
  const std::unique_ptr<Tokenizer> tokenizer =
      Tokenizer::FromBytes(json, TokenizerFormat::kHuggingFace, config_json, "tokenizer.json");
  const Json file = ParseJson(json, "tokenizer.json");
  GgufVocabulary out;
  out.not_expressed = Expression(file, *tokenizer, rows).Write(&out.entries);
  if (!out.not_expressed.empty()) {
    out.entries.clear();
    out.entries.emplace_back("tokenizer.ggml.model", GgufText("none"));
  }
  out.entries.emplace_back(carried::kTokenizer, GgufText(json));
  if (!config_json.empty())
    out.entries.emplace_back(carried::kTokenizerConfig, GgufText(config_json));
  return out;
}

GgufEntries Llama2cVocabularyToGguf(std::string_view bytes, const std::string& where, int rows) {
  SentencePieces pieces = ReadLlama2cPieces(bytes, where);
  std::vector<float> scores(pieces.scores.begin(), pieces.scores.end());
  std::vector<int64_t> types;
  types.reserve(pieces.types.size());
  for (const PieceType type : pieces.types) types.push_back(static_cast<int64_t>(type));
  for (auto id = static_cast<int>(types.size()); id < rows; ++id) {
    pieces.texts.push_back(UnusedName(id));
    scores.push_back(0);
    types.push_back(static_cast<int64_t>(PieceType::kUnused));
  }
  return {{"tokenizer.ggml.model", GgufText("llama")},
          {"tokenizer.ggml.tokens", GgufTexts(std::move(pieces.texts))},
          {"tokenizer.ggml.scores", GgufFloats(std::move(scores))},
          {"tokenizer.ggml.token_type", GgufInts(GgufType::kI32, std::move(types))},
          {"tokenizer.ggml.bos_token_id", GgufU32(1)},
          {"tokenizer.ggml.eos_token_id", GgufU32(2)},
          {"tokenizer.ggml.add_bos_token", GgufBool(true)},
          {"tokenizer.ggml.add_space_prefix", GgufBool(pieces.add_dummy_prefix)}};
}

}  // namespace tael
