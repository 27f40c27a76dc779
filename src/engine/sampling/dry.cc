#include "engine/sampling/dry.h"

#include <algorithm>

#include "base/exact_math.h"
#include "engine/sampling/bans.h"

namespace tael {
namespace {

// z[i] for i > 0: how many tokens before the one i places from the end equal, one by one going
// back, those at the end: the longest common suffix of `window` and of it without its last i
// tokens. The Z algorithm (Gusfield 1997, section 1.3) on the reversed window.
std::vector<size_t> CommonSuffixes(std::span<const TokenId> window) {
  const size_t n = window.size();
  const auto reversed = [&](size_t i) { return window[n - 1 - i]; };
  std::vector<size_t> z(n, 0);
  size_t begin = 0, end = 0;  // [begin, end) equals a prefix of the reversed window; largest end
  for (size_t i = 1; i < n; ++i) {
    if (i < end) z[i] = std::min(end - i, z[i - begin]);
    while (i + z[i] < n && reversed(z[i]) == reversed(i + z[i])) ++z[i];
    if (i + z[i] > end) {
      begin = i;
      end = i + z[i];
    }
  }
  return z;
}

}  // namespace

Dry::Dry(const SamplingParams& params)
    : multiplier_(static_cast<double>(params.dry_multiplier)),
      base_(static_cast<double>(params.dry_base)),
      allowed_length_(params.dry_allowed_length),
      last_n_(params.dry_penalty_last_n) {
  if (!active()) return;
  for (const std::vector<TokenId>& breaker : params.dry_breakers) {
    breakers_.emplace(breaker.back(), std::vector<TokenId>(breaker.begin(), breaker.end() - 1));
  }
}

bool Dry::CompletesBreaker(std::span<const TokenId> history, TokenId id) const {
  const auto [begin, end] = breakers_.equal_range(id);
  return std::any_of(begin, end, [&](const auto& b) { return EndsWith(history, b.second); });
}

void Dry::Push(std::span<const TokenId> history, TokenId id) {
  if (active()) unbroken_ = CompletesBreaker(history, id) ? 0 : unbroken_ + 1;
}

void Dry::Apply(std::span<const TokenId> history, std::span<float> logits) const {
  constexpr double kLargestPenalty = 1e6;  // never infinite: a penalty is not a ban
  if (!active()) return;
  const auto allowed = static_cast<size_t>(allowed_length_);
  const size_t size =
      last_n_ < 0 ? history.size() : std::min(history.size(), static_cast<size_t>(last_n_));
  const std::span<const TokenId> window = history.last(size);
  if (unbroken_ < allowed || size <= allowed) return;
  const std::vector<size_t> common = CommonSuffixes(window);
  std::unordered_map<TokenId, size_t> longest;
  for (size_t i = 1; i < size; ++i) {
    const size_t length = std::min(common[i], unbroken_);
    if (length < allowed) continue;
    size_t& best = longest[window[size - i]];  // the token after the earlier occurrence
    best = std::max(best, length);
  }
  for (const auto& [id, length] : longest) {
    if (CompletesBreaker(history, id)) continue;
    const double penalty = multiplier_ * ExactPow(base_, static_cast<double>(length - allowed));
    logits[static_cast<size_t>(id)] -= static_cast<float>(std::min(penalty, kLargestPenalty));
  }
}

}  // namespace tael
