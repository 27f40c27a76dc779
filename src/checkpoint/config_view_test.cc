#include "checkpoint/config_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace tael {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

ConfigView View(const char* json) { return ConfigView(ParseJson(json, "test"), "dir/config.json"); }

TEST(ConfigView, ReadsEveryType) {
  const ConfigView c = View(
      R"({"i": 7, "f": 64.0, "big": 9007199254740993, "d": 1e-5, "b": true, "s": "x",
          "list": [1, 2.0], "names": ["a", "b"], "n": null})");
  EXPECT_EQ(c.Int("i"), 7);
  EXPECT_EQ(c.Int("f"), 64);
  EXPECT_EQ(c.Int64("big"), 9007199254740993);
  EXPECT_EQ(c.Double("i"), 7.0);
  EXPECT_EQ(c.Double("d"), 1e-5);
  EXPECT_TRUE(c.Bool("b"));
  EXPECT_EQ(c.String("s"), "x");
  EXPECT_THAT(c.Ints("list"), ElementsAre(1, 2));
  EXPECT_THAT(c.Ints("i"), ElementsAre(7));
  EXPECT_THAT(c.Doubles("list"), ElementsAre(1.0, 2.0));
  EXPECT_THAT(c.Strings("names"), ElementsAre("a", "b"));
  EXPECT_THAT(c.Strings("s"), ElementsAre("x"));
  EXPECT_FALSE(c.Has("n"));
  EXPECT_FALSE(c.Has("absent"));
}

TEST(ConfigView, UsesTheFallbackForAbsentAndNullOnly) {
  const ConfigView c = View(R"({"n": null, "i": 3, "s": "x"})");
  EXPECT_EQ(c.Int("n", 5), 5);
  EXPECT_EQ(c.Int("absent", 5), 5);
  EXPECT_EQ(c.Int("i", 5), 3);
  EXPECT_EQ(c.Double("absent", 0.5), 0.5);
  EXPECT_TRUE(c.Bool("absent", true));
  EXPECT_EQ(c.String("absent", "y"), "y");
  EXPECT_THROW(c.Int("s", 5), Error);
  EXPECT_THROW(c.Bool("i", false), Error);
}

TEST(ConfigView, RefusesOtherTypesAndSizesWithAMessage) {
  const ConfigView c = View(
      R"({"half": 1.5, "big": 3000000000, "huge": 1e300, "s": "text", "o": {"x": 1}, "l": [1, "a"]})");
  for (const char* key : {"half", "big", "huge", "s", "o", "l", "absent"}) {
    EXPECT_THROW(c.Int(key), Error) << key;
  }
  EXPECT_THROW(c.Int64("huge"), Error);
  EXPECT_THROW(c.Ints("l"), Error);
  EXPECT_THROW(c.Doubles("l"), Error);
  EXPECT_THROW(c.Strings("l"), Error);
  EXPECT_THROW(c.Object("s"), Error);
  try {
    c.Int("s");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
    EXPECT_THAT(error.what(), HasSubstr("dir/config.json: key 's' is string \"text\""));
    EXPECT_THAT(error.what(), HasSubstr("needed a 32-bit integer"));
  }
  EXPECT_THROW(View("[]"), Error);
}

TEST(ConfigView, ListsTheKeysNobodyRead) {
  const ConfigView c = View(
      R"({"a": 1, "b": 2, "c": null, "rope": {"type": "x", "new": 1, "in": {"y": 1}}, "shut": {"z": 1}})");
  EXPECT_THAT(c.UnreadKeys(), UnorderedElementsAre("a", "b", "rope", "shut"));
  c.Int("a");
  EXPECT_TRUE(c.Has("b"));  // looking is not reading
  {
    const std::optional<ConfigView> rope = c.Object("rope");
    ASSERT_TRUE(rope);
    EXPECT_EQ(rope->String("type"), "x");
    const std::optional<ConfigView> inner = rope->Object("in");
    EXPECT_EQ(inner->Int("y"), 1);
    EXPECT_FALSE(rope->Object("absent"));
  }
  EXPECT_THAT(c.UnreadKeys(), UnorderedElementsAre("b", "rope.new", "shut"));
  c.Ignore("b");
  c.Ignore("shut");
  c.Object("rope")->Ignore("new");
  EXPECT_THAT(c.UnreadKeys(), IsEmpty());
}

TEST(ConfigView, NamesTheNestedPlaceInMessages) {
  const ConfigView c = View(R"({"rope": {"factor": "four"}})");
  try {
    c.Object("rope")->Double("factor");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("'rope.factor'"));
  }
}

}  // namespace
}  // namespace tael
