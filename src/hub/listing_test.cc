#include "hub/listing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "hub/hub_client.h"

namespace tael {
namespace {

using testing::ElementsAre;

const std::string kDigest(64, 'a');

TEST(Listing, HuggingFaceTree) {
  std::vector<RemoteFile> files;
  AppendHuggingFaceTree(R"([{"type":"directory","path":"d","size":0,"oid":"1"},
      {"type":"file","path":"c.json","size":12,"oid":"1"},
      {"type":"file","path":"m.gguf","size":130,"oid":"1",
       "lfs":{"oid":")" + kDigest +
                            R"(","size":5000000000,"pointerSize":130}}])",
                        "r", &files);
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].sha256, "");
  EXPECT_EQ(files[1].size, 5'000'000'000);
  EXPECT_EQ(files[1].sha256, kDigest);
}

TEST(Listing, HuggingFaceAnswersThatAreNone) {
  for (const char* text :
       {"", "{}", "[1]", R"([{"type":"file"}])", R"([{"type":"file","path":"a","size":-1}])",
        R"([{"type":"file","path":"a","size":1.5}])", R"([{"type":"file","path":7,"size":1}])",
        R"([{"type":"file","path":"a","size":1,"lfs":{"oid":"zz","size":1}}])",
        R"([{"type":"file","path":"a","size":9223372036854775807}])"}) {
    std::vector<RemoteFile> files;
    EXPECT_THROW(AppendHuggingFaceTree(text, "r", &files), Error) << text;
  }
  EXPECT_EQ(ParseHuggingFaceCommit(R"({"sha":"0a1b"})", "r"), "0a1b");
  for (const char* text : {"{}", R"({"sha":""})", R"({"sha":"../x"})", R"({"sha":1})", "x"}) {
    EXPECT_THROW(ParseHuggingFaceCommit(text, "r"), Error) << text;
  }
}

TEST(Listing, NextPageOfALinkHeader) {
  EXPECT_EQ(NextPage(R"(<https://h/a?c=1>; rel="next")"), "https://h/a?c=1");
  EXPECT_EQ(NextPage(R"(<https://h/p>; rel="prev", <https://h/n>; rel="next")"), "https://h/n");
  for (const char* text : {"", "<", "<a", "<a>", R"(<a>; rel="prev")", "a>; rel=next"}) {
    EXPECT_EQ(NextPage(text), std::nullopt) << text;
  }
}

TEST(Listing, ModelScopeFiles) {
  const auto files = ParseModelScopeFiles(R"({"Code":200,"Data":{"Files":[
      {"Path":"d","Type":"tree","Size":0},
      {"Path":"m.gguf","Type":"blob","Size":7,"Sha256":")" +
                                              std::string(64, 'A') + R"("},
      {"Path":"c.json","Type":"blob","Size":1,"Sha256":""}]}})",
                                          "r");
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].sha256, kDigest);
  for (const char* text : {R"({"Code":404,"Message":"gone","Data":{"Files":[]}})", "{}", "[]",
                           R"({"Code":200,"Data":null})", R"({"Code":200,"Data":{"Files":{}}})"}) {
    EXPECT_THROW(ParseModelScopeFiles(text, "r"), Error) << text;
  }
}

TEST(Listing, ShardsOfAnIndex) {
  EXPECT_THAT(ShardsOfIndex(R"({"weight_map":{"b":"2","a":"1","c":"1"}})", "r"),
              ElementsAre("1", "2"));
  for (const char* text : {"{}", R"({"weight_map":{}})", R"({"weight_map":{"a":1}})"}) {
    EXPECT_THROW(ShardsOfIndex(text, "r"), Error) << text;
  }
}

TEST(ContentRange, OnlyWhatSaysWhichBytes) {
  const auto range = ParseContentRange("bytes 5-9/100");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 5);
  EXPECT_EQ(range->last, 9);
  EXPECT_EQ(range->total, 100);
  EXPECT_EQ(ParseContentRange("bytes 0-0/*")->total, -1);
  for (const char* text : {"", "bytes */100", "bytes 9-5/100", "bytes -5/100", "bytes 0-1",
                           "items 0-1/2", "bytes 0-99999999999999999999/1", "bytes 0-1/x"}) {
    EXPECT_FALSE(ParseContentRange(text)) << text;
  }
}

TEST(LinkedFields, MustAgreeWithTheListing) {
  const RemoteFile file{.path = "m", .size = 10, .sha256 = kDigest};
  HttpFields fields;
  fields.Add("x-linked-size", "10");
  fields.Add("x-linked-etag", '"' + kDigest + '"');
  fields.Add("x-repo-commit", "c1");
  EXPECT_NO_THROW(CheckLinkedFields(fields, file, "c1", "r"));
  EXPECT_THROW(CheckLinkedFields(fields, file, "c2", "r"), Error);
  for (const auto& [name, value] : {std::pair<std::string, std::string>{"x-linked-size", "11"},
                                    {"x-linked-size", "x"},
                                    {"x-linked-etag", std::string(64, 'b')}}) {
    HttpFields wrong;
    wrong.Add(name, value);
    EXPECT_THROW(CheckLinkedFields(wrong, file, "", "r"), Error) << name;
  }
}

}  // namespace
}  // namespace tael
