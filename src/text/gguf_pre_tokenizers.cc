// The table of names; the patterns are those of the models' own tokenizer.json files.
#include "text/gguf_pre_tokenizers.h"

#include <algorithm>

#include "base/error.h"
#include "text/scanner.h"

namespace tael {
namespace {

using patterns::kDigit;
using patterns::kGpt2;

const char* const kFalconPunctuation = R"re([\p{P}\$\+<=>\^~\|`]+)re";
const char* const kFalconDigits = "[0-9][0-9][0-9]";
const char* const kCoderCjk = "[一-龥ࠀ-一가-퟿]+";

struct Entry {
  const char* names;  // separated by spaces
  GgufPreTokenizer value;
};

const std::vector<Entry>& Entries() {
  static const std::vector<Entry> entries = {
      {"llama3 llama-v3 llama-bpe falcon3 falcon-h1 pixtral midm-2.0 lfm2",
       {{patterns::kLlama3}, true, true, false}},
      {"dbrx smaug-bpe glm4 chatglm-bpe", {{patterns::kLlama3}, false, false, false}},
      {"qwen2 deepseek-r1-qwen megrez stablelm2", {{patterns::kQwen2}, false, false, true}},
      {"hunyuan", {{patterns::kQwen2}, false, false, false}},
      {"qwen35", {{patterns::kQwen35}, false, false, true}},
      {"gpt-4o minimax-m2 llama4", {{patterns::kGpt4o}, false, false, false}},
      {"tekken", {{patterns::kTekken}, true, true, false}},
      {"kimi-k2", {{patterns::kKimiK2}, false, false, false}},
      {"deepseek-v3 hunyuan-dense joyai-llm",
       {{patterns::kUpTo3Digits, patterns::kDeepSeekCjk, patterns::kDeepSeekV3},
        false,
        false,
        false}},
      {"deepseek-coder",
       {{"[\r\n]", R"re(\s?\p{L}+)re", R"re(\s?\p{P}+)re", kCoderCjk, kDigit},
        false,
        false,
        false}},
      {"smollm starcoder refact command-r codeshell exaone minerva-7b",
       {{kDigit, kGpt2}, false, false, false}},
      {"gpt-2 mpt olmo phi-2 jina-es jina-de gigachat a.x-4.0 mellum",
       {{kGpt2}, false, false, false}},
      {"falcon",
       {{kFalconPunctuation, kGpt2}, false, false, false, {patterns::kDigits, kFalconDigits}}},
  };
  return entries;
}

bool HasName(std::string_view names, std::string_view name) {
  while (!names.empty()) {
    const size_t end = std::min(names.find(' '), names.size());
    if (names.substr(0, end) == name) return true;
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return false;
}

bool IsSameSplit(std::string_view a, std::string_view b) {
  bool covers_all = false;
  const SplitFunction scanner = FindScanner(a, &covers_all);
  return a == b || (scanner != nullptr && scanner == FindScanner(b, &covers_all));
}

}  // namespace

std::string NameGgufPreTokenizer(const std::vector<std::string>& splits, bool ignore_merges,
                                 bool nfc) {
  for (const Entry& entry : Entries()) {
    const GgufPreTokenizer& value = entry.value;
    if (!value.mapped_splits.empty() || value.ignore_merges != ignore_merges || value.nfc != nfc ||
        !std::equal(value.splits.begin(), value.splits.end(), splits.begin(), splits.end(),
                    IsSameSplit)) {
      continue;
    }
    const std::string_view names = entry.names;
    return std::string(names.substr(0, names.find(' ')));
  }
  return "";
}

GgufPreTokenizer FindGgufPreTokenizer(std::string_view name, std::string_view where) {
  std::string known;
  for (const Entry& entry : Entries()) {
    if (HasName(entry.names, name)) return entry.value;
    known += (known.empty() ? "" : " ") + std::string(entry.names);
  }
  Fail(ErrorCode::kUnsupported,
       "{}: tokenizer.ggml.pre is '{}', a pre-tokenizer Tael does not know. Known: {}", where,
       name.substr(0, 100), known);
}

}  // namespace tael
