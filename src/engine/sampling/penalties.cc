#include "engine/sampling/penalties.h"

namespace tael {

Penalties::Penalties(const SamplingParams& params)
    : repeat_(params.repeat_penalty),
      frequency_(params.frequency_penalty),
      presence_(params.presence_penalty),
      last_n_(params.repeat_last_n),
      active_(last_n_ != 0 && (repeat_ != 1.0f || frequency_ != 0.0f || presence_ != 0.0f)) {}

void Penalties::Push(TokenId id, bool generated) {
  if (!active_) return;
  Counts& counts = counts_[id];
  ++counts.all;
  counts.generated += generated ? 1 : 0;
  if (last_n_ < 0) return;
  window_.emplace_back(id, generated);
  if (window_.size() <= static_cast<size_t>(last_n_)) return;
  const auto [old_id, old_generated] = window_.front();
  window_.pop_front();
  const auto entry = counts_.find(old_id);
  entry->second.generated -= old_generated ? 1 : 0;
  if (--entry->second.all == 0) counts_.erase(entry);
}

void Penalties::Apply(std::span<float> logits) const {
  for (const auto& [id, counts] : counts_) {
    float& logit = logits[static_cast<size_t>(id)];
    logit = logit > 0 ? logit / repeat_ : logit * repeat_;
    if (counts.generated > 0) {
      logit -= frequency_ * static_cast<float>(counts.generated) + presence_;
    }
  }
}

}  // namespace tael
