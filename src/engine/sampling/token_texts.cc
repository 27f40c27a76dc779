#include "engine/sampling/token_texts.h"

#include <algorithm>

namespace tael {

TokenTexts::TokenTexts(const Tokenizer& tokenizer) {
  std::string text;
  for (TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
    text.clear();
    if (!tokenizer.IsSpecial(id)) tokenizer.AppendTokenBytes(id, /*first=*/false, text);
    Append(text);
  }
}

TokenTexts::TokenTexts(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) Append(text);
}

void TokenTexts::Append(std::string_view text) {
  bytes_ += text;
  begins_.push_back(static_cast<uint32_t>(bytes_.size()));
}

std::string_view TokenTexts::operator[](TokenId id) const {
  if (id < 0 || id >= size()) return {};
  const auto i = static_cast<size_t>(id);
  return std::string_view(bytes_).substr(begins_[i], begins_[i + 1] - begins_[i]);
}

std::vector<std::vector<TokenId>> BreakerSequences(const std::vector<std::string>& strings,
                                                   const TokenTexts& texts,
                                                   const Tokenizer& tokenizer) {
  std::vector<std::vector<TokenId>> sequences;
  for (const std::string& string : strings) {
    for (TokenId id = 0; id < texts.size(); ++id) {
      if (texts[id].find(string) != std::string_view::npos) sequences.push_back({id});
    }
    std::vector<TokenId> own = tokenizer.Encode(string, {.parse_added_tokens = false});
    if (own.size() > 1) sequences.push_back(std::move(own));
  }
  std::sort(sequences.begin(), sequences.end());
  sequences.erase(std::unique(sequences.begin(), sequences.end()), sequences.end());
  return sequences;
}

}  // namespace tael
