#include "net/http_target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tael {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(HttpTarget, EscapesAreDecodedOrRefused) {
  EXPECT_EQ(PercentDecoded("/a%2Fb%20c%c3%a9"), "/a/b c\xc3\xa9");
  EXPECT_EQ(PercentDecoded("+%25"), "+%");
  for (const char* wrong : {"%", "%4", "a%4", "%4g", "%%41", "%00", "%ff", "%c3"}) {
    EXPECT_THROW(PercentDecoded(wrong), HttpError) << wrong;
  }
}

TEST(HttpTarget, AQueryIsNamesWithValues) {
  EXPECT_THAT(ParseQuery(""), IsEmpty());
  EXPECT_THAT(ParseQuery("&a=1&b&&c=x+y%3D=&"),
              ElementsAre(Pair("a", "1"), Pair("b", ""), Pair("c", "x y==")));
  for (const char* wrong : {"a=1&a=2", "a&%61=", "a=%", "%=1"}) {
    EXPECT_THROW(ParseQuery(wrong), HttpError) << wrong;
  }
}

TEST(HttpTarget, MediaTypesHaveParameters) {
  const auto plain = ParseMediaType("Application/JSON");
  ASSERT_TRUE(plain.has_value());
  EXPECT_EQ(plain->type, "application/json");
  EXPECT_TRUE(IsJson(*plain));
  const auto full = ParseMediaType(" application/json ; Charset=\"UTF-\\8\" ;; q=1; ");
  ASSERT_TRUE(full.has_value());
  EXPECT_THAT(full->parameters, ElementsAre(Pair("charset", "UTF-8"), Pair("q", "1")));
  EXPECT_TRUE(IsJson(*full));
  EXPECT_TRUE(IsJson(*ParseMediaType("application/problem+json")));
  EXPECT_FALSE(IsJson(*ParseMediaType("application/json; charset=latin1")));
  EXPECT_FALSE(IsJson(*ParseMediaType("text/plain")));
  for (const char* wrong : {"", "json", "/json", "a/", "a/b/c", "a/b;c", "a/b;c=", "a/b;c=\"d",
                            "a/b;c=\"d\\", "a/b;c=d e", "a/b;c=d;C=d", "a b/c", "a/b, c/d"}) {
    EXPECT_FALSE(ParseMediaType(wrong).has_value()) << wrong;
  }
}

}  // namespace
}  // namespace tael
