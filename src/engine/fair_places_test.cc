// Accounts of owners and the rule of claims, by hand-made numbers.
#include "engine/fair_places.h"

#include <gtest/gtest.h>

#include "engine/owner_accounts.h"

namespace tael {
namespace {

TEST(OwnerAccounts, ChargesByWeight) {
  OwnerAccounts accounts(0);
  accounts.Enter(1, 1);
  accounts.Enter(2, 3);
  EXPECT_EQ(accounts.share(1), 0.25);
  EXPECT_EQ(accounts.share(2), 0.75);
  accounts.Charge(1, 30);
  accounts.Charge(2, 30);
  EXPECT_EQ(accounts.used(1), 30);
  EXPECT_EQ(accounts.used(2), 10);
}

TEST(OwnerAccounts, BeingAwayEarnsNothingAndBeingAloneCostsNothing) {
  OwnerAccounts accounts(10);
  accounts.Enter(1, 1);
  accounts.Charge(1, 1000);
  accounts.Enter(2, 1);
  EXPECT_EQ(accounts.used(2), accounts.used(1));
  // Owner 1 goes on while 2 does nothing: 2 is behind the clock, but not after a break.
  accounts.Charge(1, 100);
  EXPECT_EQ(accounts.used(2), 1000);
  accounts.Leave(2);
  accounts.Enter(2, 1);
  EXPECT_EQ(accounts.used(2), 1050);
  // What 2 takes in advance is remembered up to 10 tokens.
  accounts.Charge(2, 500);
  accounts.Leave(2);
  accounts.Enter(2, 1);
  EXPECT_EQ(accounts.used(2), 1300 + 10);
}

TEST(OwnerAccounts, WhoHasAllItWantsSavesNothingUp) {
  OwnerAccounts accounts(10);
  accounts.Enter(1, 1);
  accounts.Enter(2, 1);
  accounts.Charge(1, 1000);
  accounts.Settle(2);
  EXPECT_EQ(accounts.used(2), 490);
  accounts.Settle(1);
  EXPECT_EQ(accounts.used(1), 1000);
}

TEST(OwnerAccounts, ForgetsOwnersThatAreGone) {
  OwnerAccounts accounts(100);
  accounts.Enter(0, 1);
  for (OwnerId owner = 1; owner <= 10'000; ++owner) {
    accounts.Enter(owner, 1);
    accounts.Charge(owner, 100);
    accounts.Leave(owner);
    accounts.Charge(0, 10);
  }
  EXPECT_LE(accounts.remembered(), 5u);
  accounts.Leave(0);
  EXPECT_EQ(accounts.remembered(), 0u);
}

constexpr Shortage kNoPlace{.all_places = 8, .all_blocks = 100, .places = 1, .margin = 64};
constexpr Shortage kNoBlocks{
    .all_places = 8, .all_blocks = 100, .blocks = 10, .wanted_blocks = 20, .margin = 64};

TEST(ClaimOf, AShareIsClaimedFromWhoHasMore) {
  const OwnerUse newcomer{.used = 100, .share = 0.5};
  EXPECT_EQ(ClaimOf(newcomer, {.used = 100, .share = 0.5, .places = 8}, kNoPlace), Claim::kShare);
  EXPECT_EQ(ClaimOf(newcomer, {.used = 99, .share = 0.5, .places = 8}, kNoPlace), Claim::kNone);
  const OwnerUse half{.used = 100, .share = 0.5, .places = 3};
  EXPECT_EQ(ClaimOf(half, {.used = 163, .share = 0.5, .places = 5}, kNoPlace), Claim::kNone);
  EXPECT_EQ(ClaimOf(half, {.used = 164, .share = 0.5, .places = 5}, kNoPlace), Claim::kShare);
  const OwnerUse full{.used = 100, .share = 0.5, .places = 4};
  EXPECT_EQ(ClaimOf(full, {.used = 900, .share = 0.5, .places = 4}, kNoPlace), Claim::kNone);
}

TEST(ClaimOf, BlocksAreSharedLikePlaces) {
  const OwnerUse large{.used = 100, .share = 0.5, .places = 1, .blocks = 80};
  EXPECT_EQ(ClaimOf({.used = 100, .share = 0.5}, large, kNoBlocks), Claim::kShare);
  OwnerUse wants{.used = 0, .share = 0.5, .places = 1, .blocks = 30};
  EXPECT_EQ(ClaimOf(wants, large, kNoBlocks), Claim::kShare);
  wants.blocks = 31;  // with the 20 it would hold more than half
  EXPECT_EQ(ClaimOf(wants, large, kNoBlocks), Claim::kNone);
}

TEST(ClaimOf, MoreOwnersThanPlacesTakeTurns) {
  const OwnerUse nothing{.used = 100, .share = 0.05};
  EXPECT_EQ(ClaimOf(nothing, {.used = 101, .share = 0.05, .places = 1}, kNoPlace), Claim::kTurn);
  EXPECT_EQ(ClaimOf(nothing, {.used = 100, .share = 0.05, .places = 1}, kNoPlace), Claim::kNone);
  EXPECT_EQ(ClaimOf(nothing, {.used = 500, .share = 0.05, .places = 0}, kNoPlace), Claim::kNone);
}

}  // namespace
}  // namespace tael
