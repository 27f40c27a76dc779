// Tokens that each owner of requests was served, in a form that says whose turn it is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>

namespace tael {

using OwnerId = uint64_t;

// Deficit round robin with charges that are known only afterwards: whoever was served least per
// weight comes next. `used` of an owner grows by tokens / weight. Beside it runs a clock, which
// grows by tokens / (weights of all active owners): what each would have been served had they all
// been served alike. An owner is active while it has a sequence. One that becomes active starts at
// the clock: being away earns nothing, and of what it was ahead it keeps at most `slack`, so that a
// bounded memory suffices and nobody pays for having been alone. Not thread-safe.
class OwnerAccounts {
 public:
  // Tokens per weight that are remembered of an owner that is away, or has all it wants. REQUIRES:
  // >= 0.
  explicit OwnerAccounts(double slack) : slack_(slack) {}

  // The owner has one more sequence. Its weight is the last one given. REQUIRES: weight > 0 and
  // finite.
  void Enter(OwnerId owner, double weight);
  // One less. REQUIRES: it has one.
  void Leave(OwnerId owner);
  // Tokens that were computed for the owner. REQUIRES: it is active.
  void Charge(OwnerId owner, int64_t tokens);
  // Nothing of the owner waits: that it is served little is its own choice and earns nothing.
  // REQUIRES: it is active.
  void Settle(OwnerId owner);

  int active() const { return active_; }
  // Served tokens per weight. REQUIRES: the owner is active.
  double used(OwnerId owner) const { return At(owner).used; }
  // Its part of everything, 0 to 1. REQUIRES: the owner is active.
  double share(OwnerId owner) const { return At(owner).weight / weights_; }
  // Owners that are remembered, active or not.
  size_t remembered() const { return accounts_.size(); }

 private:
  struct Account {
    int sequences = 0;
    double weight = 1;
    double used = 0;
  };
  const Account& At(OwnerId owner) const;
  Account& At(OwnerId owner);
  void SumWeights();

  double slack_;
  double clock_ = 0;
  double weights_ = 0;  // of the active owners
  int active_ = 0;
  std::map<OwnerId, Account> accounts_;  // active ones, and those that are ahead of the clock
};

}  // namespace tael
