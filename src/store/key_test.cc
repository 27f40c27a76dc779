#include "store/key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "base/sha256.h"

namespace tael {
namespace {

TEST(Key, ATextHasAnIdAndASecretThatOnlyItsHashKeeps) {
  const KeyText made = MakeKeyText();
  EXPECT_THAT(made.text, testing::MatchesRegex("tael_[0-9a-f]+_[0-9a-f]+"));
  EXPECT_EQ(made.text.size(), 5u + 16 + 1 + 64);
  EXPECT_EQ(KeyIdOf(made.text), made.id);
  EXPECT_EQ(made.hash, Sha256Hex(made.text));
  KeyRecord record;
  record.hash = made.hash;
  EXPECT_TRUE(Matches(record, made.text));
  std::string wrong = made.text;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  EXPECT_FALSE(Matches(record, wrong));
  EXPECT_FALSE(Matches(record, ""));
  EXPECT_FALSE(Matches(KeyRecord{}, made.text));
  std::set<std::string> texts;
  for (int i = 0; i < 100; ++i) texts.insert(MakeKeyText().text);
  EXPECT_EQ(texts.size(), 100u);
}

TEST(Key, OtherTextsHaveNoId) {
  const std::string text = MakeKeyText().text;
  for (const std::string& other :
       {std::string(), std::string("tael_"), "Tael" + text.substr(4), text + "0",
        text.substr(0, text.size() - 1), text.substr(0, 21) + "-" + text.substr(22),
        text.substr(0, text.size() - 1) + "G", std::string(text.size(), '_')}) {
    EXPECT_FALSE(KeyIdOf(other).has_value()) << other;
  }
}

TEST(Key, ARecordSaysWhatItMayDo) {
  KeyRecord key;
  key.scopes = {"use", "metrics"};
  EXPECT_TRUE(key.HasScope("metrics"));
  EXPECT_FALSE(key.HasScope("admin"));
  EXPECT_TRUE(key.MayUse("any"));
  key.models = {"a", "b"};
  EXPECT_TRUE(key.MayUse("b"));
  EXPECT_FALSE(key.MayUse("c"));
  EXPECT_TRUE(key.IsValid(1000));
  key.expires_ms = 1000;
  EXPECT_TRUE(key.IsValid(999));
  EXPECT_FALSE(key.IsValid(1000));
  key.expires_ms = 0;
  key.revoked_ms = 5;
  EXPECT_FALSE(key.IsValid(4));
}

TEST(Key, WhatMakesNoSenseIsRefused) {
  KeySpec good;
  good.name = "ci";
  RequireValid(good);
  std::vector<KeySpec> wrong(7, good);
  wrong[0].name = "";
  wrong[1].name = "a\nb";
  wrong[2].scopes = {};
  wrong[3].scopes = {"root"};
  wrong[4].limits.concurrent = -1;
  wrong[5].priority = 101;
  wrong[6].sharing_group = std::string(201, 'x');
  for (const KeySpec& spec : wrong) EXPECT_THROW(RequireValid(spec), Error);
}

}  // namespace
}  // namespace tael
