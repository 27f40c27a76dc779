#include "hub/model_reference.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "hub/http_client.h"

namespace tael {
namespace {

ModelReference Parse(const std::string& text) {
  return ParseModelReference(text, HubKind::kHuggingFace).value();
}

TEST(ModelReference, PartsOfAName) {
  const ModelReference full = Parse("ms:Org/Repo.1@v1.0:Q4_K_M");
  EXPECT_EQ(full.hub, HubKind::kModelScope);
  EXPECT_EQ(full.repo, "Org/Repo.1");
  EXPECT_EQ(full.revision, "v1.0");
  EXPECT_EQ(full.quant, "Q4_K_M");
  EXPECT_EQ(StoreName(full), "Org/Repo.1@v1.0:Q4_K_M");
  EXPECT_EQ(Parse("a/b@refs/pr/3").revision, "refs/pr/3");
  EXPECT_EQ(ParseModelReference("a/b", HubKind::kModelScope)->hub, HubKind::kModelScope);
  EXPECT_EQ(ParseModelReference("hf:a/b", HubKind::kModelScope)->hub, HubKind::kHuggingFace);
}

TEST(ModelReference, WhatIsNoReference) {
  for (const char* text : {"llama", "/a/b", "./a/b", "../a/b", ""}) {
    EXPECT_FALSE(ParseModelReference(text, HubKind::kHuggingFace)) << text;
  }
  for (const char* text : {"a/b/c", "a/..", "a/b:", "a/b:x y", "a/b@", "a/b@../x", "a/b@x//y",
                           "hf:a", "a/-b", "a/b@-x", "a/b\n", "a b/c", "hf:/b", "a/b:../x"}) {
    EXPECT_THROW(ParseModelReference(text, HubKind::kHuggingFace), Error) << text;
  }
}

TEST(ModelReference, PagesOfHubsAreTheirRepositories) {
  EXPECT_EQ(Parse("https://huggingface.co/Org/Repo").repo, "Org/Repo");
  EXPECT_EQ(Parse("https://modelscope.cn/models/Org/Repo").hub, HubKind::kModelScope);
  const ModelReference file =
      Parse("https://huggingface.co/a/b/blob/v2/sub/m-Q4_0-00001-of-00002.gguf?x=y");
  EXPECT_EQ(file.repo, "a/b");
  EXPECT_EQ(file.revision, "v2");
  EXPECT_EQ(file.quant, "m-Q4_0");
  const ModelReference other = Parse("https://example.com/a/m-Q4_0-00001-of-00002.gguf?x=y");
  EXPECT_TRUE(other.repo.empty());
  EXPECT_EQ(StoreName(other), "m-Q4_0");
}

TEST(ModelReference, QuantisationsInNames) {
  EXPECT_EQ(QuantOfName("Qwen3-0.6B-Q4_K_M"), "Q4_K_M");
  EXPECT_EQ(QuantOfName("model.q8_0"), "Q8_0");
  EXPECT_EQ(QuantOfName("X-UD-IQ2_XXS"), "UD-IQ2_XXS");
  EXPECT_EQ(QuantOfName("m-BF16"), "BF16");
  EXPECT_EQ(QuantOfName("gpt-oss-20b-mxfp4"), "MXFP4");
  EXPECT_EQ(QuantOfName("model_Q5_1"), "Q5_1");
  EXPECT_EQ(QuantOfName("Q4_K_M-GGUF/x"), "Q4_K_M");
  EXPECT_EQ(QuantOfName("FAQ4-model"), "");
  EXPECT_EQ(QuantOfName("Qwen3"), "");
  EXPECT_EQ(QuantOfName(""), "");
}

TEST(ModelReference, SplitNames) {
  EXPECT_EQ(ParseSplitName("m-00002-of-00003").stem, "m");
  EXPECT_EQ(ParseSplitName("m-00002-of-00003").number, 2);
  for (const char* name :
       {"m-00004-of-00003", "m-00000-of-00003", "m-0002-of-00003", "-of-", "m"}) {
    EXPECT_EQ(ParseSplitName(name).count, 1) << name;
    EXPECT_EQ(ParseSplitName(name).stem, name);
  }
}

TEST(RemotePath, OnlyWhatIsAFileBelowAFolderEverywhere) {
  for (const char* path : {"a.gguf", "a/b/c.json", "a b.txt", ".gitattributes", "con-sole"}) {
    EXPECT_NO_THROW(CheckRemotePath(path, "r")) << path;
  }
  for (const char* path :
       {"", "/a", "a/", "a//b", "../a", "a/..", ".", "a\\b", "C:x", "nul", "aux.txt", "lpt1.gguf",
        "x.", "x ", "a\nb", "tael-model.json", "a/.tael-x", "a*b"}) {
    EXPECT_THROW(CheckRemotePath(path, "r"), Error) << path;
  }
  EXPECT_THROW(CheckRemotePath(std::string(201, 'a'), "r"), Error);
}

TEST(Url, PartsAndRefusals) {
  const UrlParts parts = SplitUrl("https://Host.example/a/b%20c.gguf?x=1", "t");
  EXPECT_EQ(parts.Origin(), "https://Host.example:443");
  EXPECT_EQ(UrlFileName("https://h/a/b%20c.gguf?x=1"), "b c.gguf");
  EXPECT_EQ(ResolveUrl("https://h/a/b", "../c?d"), "https://h/c?d");
  EXPECT_EQ(ResolveUrl("https://h/a/b", "http://o/x"), "http://o/x");
  EXPECT_EQ(UrlEncode("a/b c+\xc3\xa9"), "a%2Fb%20c%2B%C3%A9");
  EXPECT_EQ(UrlEncode("a/b", true), "a/b");
  for (const char* url : {"ftp://h/a", "file:///etc/passwd", "https://u:p@h/a", "https://u@h/", "h",
                          "", "https://h/a b", "https://h/\n"}) {
    EXPECT_THROW(SplitUrl(url, "t"), Error) << url;
  }
  EXPECT_TRUE(IsLoopbackHost("127.0.0.1"));
  EXPECT_FALSE(IsLoopbackHost("127.evil.example"));
}

}  // namespace
}  // namespace tael
