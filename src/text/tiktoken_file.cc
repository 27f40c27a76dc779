// Reads tiktoken files: lines "base64 rank". Merging takes the pair whose joined bytes have the
// lowest rank; the pre-tokenizer and special tokens depend on the family.
#include <charconv>

#include "base/error.h"
#include "text/bpe.h"
#include "text/byte_alphabet.h"
#include "text/formats.h"
#include "text/scanner.h"

namespace tael {
namespace {

// Families whose pattern is known, by a part of tokenizer_config.json's tokenizer_class.
struct Family {
  std::string_view name;
  const char* pattern;
};
const Family kFamilies[] = {
    {"TikTokenTokenizer", patterns::kKimiK2},
    {"Kimi", patterns::kKimiK2},
    {"HYTokenizer", patterns::kQwen2},
    {"Hunyuan", patterns::kQwen2},
    {"QWenTokenizer", patterns::kQwen2},
    {"Qwen", patterns::kQwen2},
    {"Llama", patterns::kLlama3},
    {"Gpt4o", patterns::kGpt4o},
    {"GptOss", patterns::kGpt4o},
};

int Base64Digit(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

// False when `text` is no base64.
bool DecodeBase64(std::string_view text, std::string& out) {
  out.clear();
  if (text.size() % 4 != 0) return false;
  while (text.ends_with('=')) text.remove_suffix(1);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int digit = Base64Digit(c);
    if (digit < 0) return false;
    bits = (bits << 6 | static_cast<uint32_t>(digit)) & 0xFFFFFF;
    count += 6;
    if (count >= 8) {
      count -= 8;
      out.push_back(static_cast<char>(bits >> count & 0xFF));
    }
  }
  return !out.empty();
}

const char* PatternOf(const Json& config, std::string_view where) {
  const Json* name = config.Find("tokenizer_class");
  const std::string found = name != nullptr && name->is_string() ? name->as_string() : "(none)";
  for (const Family& family : kFamilies) {
    if (found.find(family.name) != std::string::npos) return family.pattern;
  }
  std::string known;
  for (const Family& family : kFamilies)
    known += (known.empty() ? "" : ", ") + std::string(family.name);
  Fail(ErrorCode::kUnsupported,
       "{}: a tiktoken file does not say how text is cut; tokenizer_class '{}' in "
       "tokenizer_config.json is none of the known: {}",
       where, found.substr(0, 100), known);
}

void ReadLine(std::string_view line, size_t number, std::string_view where, Vocabulary& raw) {
  const size_t space = line.find(' ');
  std::string bytes;
  TokenId rank = -1;
  if (space != std::string_view::npos && DecodeBase64(line.substr(0, space), bytes)) {
    const char* end = line.data() + line.size();
    const auto result = std::from_chars(line.data() + space + 1, end, rank);
    if (result.ec != std::errc() || result.ptr != end) rank = -1;
  }
  if (rank < 0) Fail(ErrorCode::kCorrupt, "{}: line {} is not \"base64 rank\"", where, number);
  if (raw.Find(bytes)) {
    Fail(ErrorCode::kCorrupt, "{}: line {} repeats the bytes of another token", where, number);
  }
  raw.Set(rank, bytes, where);
}

void ReadRanks(std::string_view file, std::string_view where, Vocabulary& raw) {
  raw.Reserve(file.size() / 16, file.size() / 2);
  size_t number = 0;
  while (!file.empty()) {
    const size_t end = std::min(file.find('\n'), file.size());
    std::string_view line = file.substr(0, end);
    file.remove_prefix(std::min(end + 1, file.size()));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty()) ReadLine(line, number, where, raw);
  }
  for (int byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    if (!raw.Find(std::string_view(&text, 1))) {
      Fail(ErrorCode::kCorrupt, "{}: no token for byte {}; needed all 256", where, byte);
    }
  }
}

// added_tokens_decoder: {"151643": {"content": ..., "special": true, ...}, ...}
std::vector<AddedToken> ReadAddedTokens(const Json& config, std::string_view where) {
  std::vector<AddedToken> tokens;
  const Json* decoder = config.Find("added_tokens_decoder");
  if (decoder == nullptr || !decoder->is_object()) return tokens;
  for (const auto& [key, value] : decoder->as_object()) {
    AddedToken token;
    const auto result = std::from_chars(key.data(), key.data() + key.size(), token.id);
    const Json* content = value.Find("content");
    if (result.ec != std::errc() || content == nullptr || !content->is_string()) {
      Fail(ErrorCode::kCorrupt, "{}: added_tokens_decoder has a malformed entry '{}'", where,
           key.substr(0, 40));
    }
    token.content = content->as_string();
    const auto flag = [&](std::string_view name) {
      const Json* found = value.Find(name);
      return found != nullptr && found->is_bool() && found->as_bool();
    };
    token.special = flag("special");
    token.lstrip = flag("lstrip");
    token.rstrip = flag("rstrip");
    token.single_word = flag("single_word");
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace

TokenizerParts ReadTiktoken(std::string_view bytes, const Json& config, std::string_view where) {
  TokenizerParts parts;
  parts.where = where;
  parts.pre_tokenizer.steps.push_back(MakeIsolatedSplit(PatternOf(config, where), where));
  parts.pre_tokenizer.byte_level = true;
  Vocabulary raw;  // texts as bytes
  ReadRanks(bytes, where, raw);
  parts.vocabulary->Reserve(static_cast<size_t>(raw.size()), bytes.size());
  RankedVocabulary ranked{raw, {}, /*split_bytes=*/true};
  for (TokenId id = 0; id < raw.size(); ++id) {
    ranked.ranks.push_back(raw.Has(id) ? static_cast<uint32_t>(id) : UINT32_MAX);
    if (raw.Has(id)) parts.vocabulary->Set(id, MapBytes(raw.Text(id)), where);
  }
  BpeOptions options;
  options.byte_level = true;
  options.ignore_merges = true;  // tiktoken looks a whole pre-token up first
  SymbolTable symbols(*parts.vocabulary, true);
  MergeTable merges = MergesFromRanks(ranked, symbols);
  parts.model =
      std::make_unique<BpeModel>(*parts.vocabulary, std::move(symbols), std::move(merges), options);
  parts.decoder = MakeByteLevelDecoder();
  parts.added = AddedTokens(ReadAddedTokens(config, where), parts.normalizer, where);
  ApplyTokenizerConfig(config, parts);
  return parts;
}

}  // namespace tael
