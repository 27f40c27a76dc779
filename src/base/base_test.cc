// JSON, UTF-8, files and the counter-based random numbers.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "base/utf8.h"

namespace tael {
namespace {

TEST(Json, KeepsOrderAndTellsIntegersFromFloats) {
  const Json value =
      ParseJson(R"({"b":1,"a":[1.5,null,true,"x\u00e9"],"c":18446744073709551615})", "t");
  EXPECT_EQ(value.as_object()[0].first, "b");
  EXPECT_TRUE(value.Find("b")->is_int());
  EXPECT_TRUE(value.Find("a")->as_array()[0].is_float());
  EXPECT_TRUE(value.Find("c")->is_float());
  EXPECT_EQ(DumpJson(*value.Find("a")), "[1.5,null,true,\"x\xC3\xA9\"]");
  EXPECT_EQ(value.Find("missing"), nullptr);
}

TEST(Json, RefusesWhatTheStandardRefuses) {
  for (const char* text : {"", "{", "[1,]", "{\"a\":1,}", "NaN", "01", "'a'", "{\"a\":1 \"b\":2}",
                           "\"\xff\"", "[1] x", "{\"a\":1,\"a\":2}", "1e999"}) {
    EXPECT_THROW(ParseJson(text, "t"), Error) << text;
  }
  EXPECT_THROW(ParseJson(std::string(100000, '['), "t"), Error);
}

TEST(Json, RoundTripsThroughText) {
  const std::string text = R"({"a":[{},[],"\n\"\\",-0.5,1e+300,9007199254740993],"é":false})";
  EXPECT_EQ(ParseJson(DumpJson(ParseJson(text, "t")), "t"), ParseJson(text, "t"));
  EXPECT_EQ(ParseJson(DumpJsonPretty(ParseJson(text, "t")), "t"), ParseJson(text, "t"));
}

TEST(Utf8, ReplacesInvalidSequencesAndFindsCutOnes) {
  EXPECT_EQ(ReplaceInvalidUtf8("a\xC3(\xE2\x82"
                               "b"),
            "a\xEF\xBF\xBD(\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(IncompleteUtf8Suffix("x\xE2\x82"), 2);
  EXPECT_EQ(IncompleteUtf8Suffix("x\xE2\x82\xAC"), 0);
  EXPECT_EQ(IncompleteUtf8Suffix("\xF0\x9F\x98"), 3);
  EXPECT_EQ(IncompleteUtf8Suffix("\x82"), 0);
  EXPECT_FALSE(IsValidUtf8("\xED\xA0\x80"));  // a surrogate
  std::string out;
  AppendUtf8(0x1F600, out);
  EXPECT_EQ(DecodeUtf8(out, 0).value, char32_t{0x1F600});
}

TEST(File, WritesAtomicallyAndMaps) {
  const auto dir =
      std::filesystem::temp_directory_path() / ("tael_base_" + std::to_string(getpid()));
  MakeDirectories(dir / "a/b");
  const std::string path = dir / "a/b/file";
  WriteFileAtomically(path, "one");
  WriteFileAtomically(path, "two");
  EXPECT_EQ(ReadFile(path), "two");
  EXPECT_EQ(ListDirectory(dir / "a/b"), std::vector<std::string>{"file"});
  const MappedFile map(path);
  EXPECT_EQ(map.bytes().size(), 3u);
  EXPECT_THROW(ReadFile(dir.string()), Error);  // a directory
  EXPECT_THROW(ReadFile(path, 2), Error);       // larger than allowed
  EXPECT_THROW(MappedFile(path + ".missing"), Error);
  EXPECT_THROW(Gunzip("no gzip at all", "t", 100), Error);
  std::filesystem::remove_all(dir);
}

TEST(Rng, DependsOnKeyAndIndexOnlyAndIsUniform) {
  EXPECT_EQ(RandomBitsAt(1, 2), RandomBitsAt(1, 2));
  EXPECT_NE(RandomBitsAt(1, 2), RandomBitsAt(2, 1));
  double sum = 0, squares = 0;
  for (uint64_t i = 0; i < 100000; ++i) {
    const double u = UniformAt(42, i);
    EXPECT_TRUE(u >= 0 && u < 1);
    sum += u;
    squares += u * u;
  }
  EXPECT_NEAR(sum / 100000, 0.5, 0.005);
  EXPECT_NEAR(squares / 100000, 1.0 / 3, 0.005);
  EXPECT_NE(StreamKey(1, 0), StreamKey(1, 1));
  EXPECT_NE(StreamKey(1, 0), StreamKey(0, 1));
  EXPECT_NE(StreamKey(1, 0), RandomBitsAt(1, 0));
}

}  // namespace
}  // namespace tael
