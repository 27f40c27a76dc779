// Streaming detokenisation: holds back the bytes of a character until it is complete.
#include <algorithm>
#include <utility>

#include "base/utf8.h"
#include "text/tokenizer.h"

namespace tael {

Detokenizer::Detokenizer(const Tokenizer& tokenizer, bool skip_special, std::vector<TokenId> shown)
    : tokenizer_(tokenizer), skip_special_(skip_special), shown_(std::move(shown)) {}

std::string Detokenizer::Push(TokenId id) {
  if (skip_special_ && tokenizer_.IsSpecial(id) &&
      std::find(shown_.begin(), shown_.end(), id) == shown_.end()) {
    return "";
  }
  const size_t before = pending_.size();
  tokenizer_.AppendTokenBytes(id, first_, pending_);
  // A token that gave nothing (a lone space that was stripped) still was the first one.
  if (pending_.size() > before || tokenizer_.TokenText(id)) first_ = false;
  const auto held = static_cast<size_t>(IncompleteUtf8Suffix(pending_));
  std::string ready =
      ReplaceInvalidUtf8(std::string_view(pending_).substr(0, pending_.size() - held));
  pending_.erase(0, pending_.size() - held);
  return ready;
}

std::string Detokenizer::Finish() {
  std::string rest = ReplaceInvalidUtf8(pending_);
  pending_.clear();
  first_ = true;
  return rest;
}

}  // namespace tael
