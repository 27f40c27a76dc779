// Tokenizer files from arbitrary bytes: the first byte picks the format, the rest is the file. A
// file that is accepted must also encode and decode without a crash.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "text/tokenizer.h"

namespace {

// Shared by both readers that take one; names a class whose pattern is known.
constexpr const char* kConfig =
    R"({"tokenizer_class":"Qwen2Tokenizer","eos_token":"<|im_end|>","legacy":false,)"
    R"("added_tokens_decoder":{"300":{"content":"<|im_end|>","special":true}}})";

void Use(const tael::Tokenizer& tokenizer) {
  for (const char* text :
       {"", " Hello,  world 123's\n\n", "\xE4\xBD\xA0\xE5\xA5\xBD<s>\xCC\x81x"}) {
    const auto ids =
        tokenizer.Encode(text, {.parse_added_tokens = true, .add_special_tokens = true});
    tokenizer.EncodeSpans({{"<s>", true}, {text, false}}, false);
    tokenizer.Decode(ids, true);
    tael::Detokenizer stream(tokenizer, false);
    for (const tael::TokenId id : ids) stream.Push(id);
    stream.Finish();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > (1u << 20)) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const char pick = static_cast<char>(data[0]);
  auto format = tael::TokenizerFormat::kHuggingFace;
  if (pick == 's') format = tael::TokenizerFormat::kSentencePiece;
  if (pick == 't') format = tael::TokenizerFormat::kTiktoken;
  if (pick == 'l') format = tael::TokenizerFormat::kLlama2c;
  try {
    Use(*tael::Tokenizer::FromBytes(bytes, format, kConfig, "fuzz"));
  } catch (const tael::Error&) {
  }
  return 0;
}
