#include "engine/sampling/bans.h"

#include <algorithm>

#include "base/error.h"

namespace tael {

bool EndsWith(std::span<const TokenId> text, std::span<const TokenId> end) {
  return text.size() >= end.size() &&
         std::equal(end.begin(), end.end(), text.last(end.size()).begin());
}

void ApplyLogitBias(std::span<const LogitBias> biases, std::span<float> logits) {
  for (const LogitBias& bias : biases) {
    float& logit = logits[static_cast<size_t>(bias.id)];
    logit = bias.value == kBanned ? kBanned : logit + bias.value;
  }
}

void BanSequences(std::span<const std::vector<TokenId>> sequences, std::span<const TokenId> history,
                  std::span<float> logits) {
  for (const std::vector<TokenId>& sequence : sequences) {
    if (EndsWith(history, std::span(sequence).first(sequence.size() - 1))) {
      logits[static_cast<size_t>(sequence.back())] = kBanned;
    }
  }
}

BannedStrings::BannedStrings(const std::vector<std::string>& strings,
                             std::shared_ptr<const TokenTexts> texts)
    : texts_(std::move(texts)) {
  for (const std::string& text : strings) {
    TAEL_CHECK(texts_ != nullptr);
    Entry entry{text, std::vector<std::vector<TokenId>>(text.size())};
    for (TokenId id = 0; id < texts_->size(); ++id) {
      const std::string_view token = (*texts_)[id];
      if (token.find(text) != std::string_view::npos) {
        always_.push_back(id);
        continue;
      }
      for (size_t n = 1; n < text.size() && n <= token.size(); ++n) {
        const std::string_view ending = std::string_view(text).substr(text.size() - n);
        if (token.starts_with(ending)) entry.endings[n].push_back(id);
      }
    }
    tail_size_ = std::max(tail_size_, text.size() - 1);
    entries_.push_back(std::move(entry));
  }
}

void BannedStrings::Push(TokenId id) {
  if (entries_.empty()) return;
  tail_ += (*texts_)[id];
  if (tail_.size() > tail_size_) tail_.erase(0, tail_.size() - tail_size_);
}

void BannedStrings::Apply(std::span<float> logits) const {
  for (const TokenId id : always_) logits[static_cast<size_t>(id)] = kBanned;
  for (const Entry& entry : entries_) {
    for (size_t n = 1; n < entry.text.size(); ++n) {
      if (!tail_.ends_with(std::string_view(entry.text).substr(0, entry.text.size() - n))) continue;
      for (const TokenId id : entry.endings[n]) logits[static_cast<size_t>(id)] = kBanned;
    }
  }
}

}  // namespace tael
