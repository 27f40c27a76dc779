#include "store/response_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "store/schema.h"
#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class ResponseTable : public testing::Test {
 protected:
  ResponseTable() : database_(folder_.path() + "/a.db") { PrepareSchema(database_); }

  // Made at `now_`.
  void Put(const std::string& id, std::optional<std::string> parent = {},
           const std::string& owner = "me", size_t bytes = 10) {
    const StoredResponse response{id, owner, std::move(parent), now_, std::string(bytes - 1, 'i'),
                                  "o"};
    // As the store does it: what fails leaves nothing.
    database_.Transaction([&] { InsertResponse(database_, response, limits_); });
  }
  bool Has(const std::string& id, const std::string& owner = "me") {
    return SelectResponse(database_, owner, id, now_).has_value();
  }
  ErrorCode WhyNot(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& error) {
      return error.code();
    }
    return ErrorCode::kInternal;
  }

  TemporaryFolder folder_;
  SqlDatabase database_;
  ResponseLimits limits_{
      .keep_ms = 1000, .response_bytes = 100, .chain_bytes = 150, .owner_bytes = 300};
  int64_t now_ = 1'000'000;
};

TEST_F(ResponseTable, WhatIsPutIsFoundByItsOwnerOnly) {
  const StoredResponse response{
      "a", "me", std::nullopt, now_, R"({"x":"Grüße"})", std::string("a\0b", 3)};
  InsertResponse(database_, response, limits_);
  EXPECT_EQ(SelectResponse(database_, "me", "a", now_), response);
  EXPECT_FALSE(Has("a", "you"));
  EXPECT_FALSE(Has("b"));
  EXPECT_FALSE(DeleteResponse(database_, "you", "a", now_));
  EXPECT_TRUE(DeleteResponse(database_, "me", "a", now_));
  EXPECT_FALSE(DeleteResponse(database_, "me", "a", now_));
  EXPECT_FALSE(Has("a"));
}

TEST_F(ResponseTable, AParentMustBeTheOwners) {
  Put("a", {}, "you");
  EXPECT_EQ(WhyNot([&] { Put("b", "a"); }), ErrorCode::kNotFound);
  EXPECT_EQ(WhyNot([&] { Put("b", "none"); }), ErrorCode::kNotFound);
  EXPECT_FALSE(Has("b"));
}

TEST_F(ResponseTable, AChainLivesAsLongAsItsYoungest) {
  Put("a");
  Put("other");
  now_ += 900;
  Put("b", "a");
  now_ += 900;
  EXPECT_TRUE(Has("a"));
  EXPECT_FALSE(Has("other"));
  Put("c", "b");
  now_ += 900;
  EXPECT_EQ(SweepResponses(database_, now_, 100), 1);  // "other"
  const auto chain = SelectChain(database_, "me", "c", now_, limits_);
  ASSERT_THAT(chain, SizeIs(3));
  EXPECT_EQ(chain[0].id, "a");
  EXPECT_EQ(chain[2].id, "c");
  EXPECT_THAT(SelectChain(database_, "you", "c", now_, limits_), IsEmpty());
  now_ += 200;
  EXPECT_FALSE(Has("c"));
  EXPECT_EQ(SweepResponses(database_, now_, 2), 2);
  EXPECT_EQ(SweepResponses(database_, now_, 2), 1);
}

TEST_F(ResponseTable, ADeletedLinkIsSaid) {
  Put("a");
  Put("b", "a");
  Put("c", "b");
  EXPECT_TRUE(DeleteResponse(database_, "me", "b", now_));
  EXPECT_TRUE(Has("c"));
  try {
    SelectChain(database_, "me", "c", now_, limits_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.what(), HasSubstr("'b'"));
  }
}

TEST_F(ResponseTable, SizesHaveLimits) {
  EXPECT_EQ(WhyNot([&] { Put("a", {}, "me", 101); }), ErrorCode::kExhausted);
  Put("a", {}, "me", 100);
  Put("b", "a", "me", 50);
  EXPECT_EQ(WhyNot([&] { Put("c", "b", "me", 2); }), ErrorCode::kExhausted);
  EXPECT_THAT(SelectChain(database_, "me", "b", now_, limits_), SizeIs(2));
}

TEST_F(ResponseTable, AnOwnersOldestChainMakesRoom) {
  Put("you", {}, "you", 100);
  Put("a", {}, "me", 70);
  Put("b", {}, "me", 100);
  Put("aa", "a", "me", 70);  // so "a" is younger than "b"
  Put("c", {}, "me", 100);
  EXPECT_FALSE(Has("b"));
  EXPECT_TRUE(Has("a") && Has("aa") && Has("c"));
  Put("d", {}, "me", 100);
  EXPECT_FALSE(Has("a") || Has("aa"));
  EXPECT_TRUE(Has("c") && Has("d"));
  EXPECT_TRUE(Has("you", "you"));
}

TEST_F(ResponseTable, IdsAreRandom) {
  EXPECT_THAT(MakeResponseId(), testing::MatchesRegex("resp_[0-9a-f]+"));
  EXPECT_EQ(MakeResponseId().size(), 5u + 32);
  EXPECT_NE(MakeResponseId(), MakeResponseId());
}

}  // namespace
}  // namespace tael
