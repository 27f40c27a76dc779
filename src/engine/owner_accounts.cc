#include "engine/owner_accounts.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace tael {

const OwnerAccounts::Account& OwnerAccounts::At(OwnerId owner) const {
  const auto found = accounts_.find(owner);
  TAEL_CHECK(found != accounts_.end() && found->second.sequences > 0);
  return found->second;
}

OwnerAccounts::Account& OwnerAccounts::At(OwnerId owner) {
  return const_cast<Account&>(std::as_const(*this).At(owner));
}

// Summed anew each time: adding and subtracting would drift.
void OwnerAccounts::SumWeights() {
  weights_ = 0;
  for (const auto& [owner, account] : accounts_) {
    if (account.sequences > 0) weights_ += account.weight;
  }
}

void OwnerAccounts::Enter(OwnerId owner, double weight) {
  Account& account = accounts_.try_emplace(owner).first->second;
  if (account.sequences++ == 0) {
    ++active_;
    account.used = std::clamp(account.used, clock_, clock_ + slack_);
  }
  account.weight = weight;
  SumWeights();
}

void OwnerAccounts::Leave(OwnerId owner) {
  if (--At(owner).sequences > 0) return;
  --active_;
  // Who is not ahead starts at the clock anyway; with nobody left there is no one to be ahead of.
  std::erase_if(accounts_, [&](const auto& entry) {
    const Account& account = entry.second;
    return account.sequences == 0 && (active_ == 0 || account.used <= clock_);
  });
  SumWeights();
}

void OwnerAccounts::Charge(OwnerId owner, int64_t tokens) {
  Account& account = At(owner);
  account.used += static_cast<double>(tokens) / account.weight;
  clock_ += static_cast<double>(tokens) / weights_;
}

void OwnerAccounts::Settle(OwnerId owner) {
  Account& account = At(owner);
  account.used = std::max(account.used, clock_ - slack_);
}

}  // namespace tael
