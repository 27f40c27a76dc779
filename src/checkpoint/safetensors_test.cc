#include "checkpoint/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

using testing::HasSubstr;

// A file of this header and `data_bytes` bytes of data.
std::string FileOf(const std::string& header, size_t data_bytes) {
  const uint64_t length = header.size();
  std::string out(sizeof(length), '\0');
  std::memcpy(out.data(), &length, sizeof(length));
  return out + header + std::string(data_bytes, 'd');
}

Safetensors Parse(const std::string& bytes) {
  static std::vector<uint8_t> storage;  // of exactly this size, for the address sanitizer
  storage.assign(bytes.begin(), bytes.end());
  storage.shrink_to_fit();
  return ParseSafetensors(storage, "test.safetensors");
}

std::string Refusal(const std::string& bytes) {
  try {
    Parse(bytes);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

std::string Tensor(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return R"({"t":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets +
         "}}";
}

TEST(Safetensors, ReadsWhatItWrote) {
  const std::vector<uint8_t> a = {1, 2, 3, 4, 5, 6, 7, 8}, b = {9, 10};
  const std::string bytes = SerializeSafetensors({
      {.name = "first", .dtype = DType::kF16, .shape = {2, 2}, .bytes = a, .file = 0},
      {.name = "sca\"lar", .dtype = DType::kBF16, .shape = {}, .bytes = b, .file = 0},
      {.name = "empty", .dtype = DType::kI64, .shape = {0, 3}, .bytes = {}, .file = 0},
  });
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof(length));
  EXPECT_EQ(length % 8, 0u);
  const Safetensors opened = Parse(bytes);
  ASSERT_EQ(opened.tensors.all().size(), 3u);
  const TensorInfo* first = opened.tensors.Find("first");
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(first->dtype, DType::kF16);
  EXPECT_EQ(first->shape, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(std::vector<uint8_t>(first->bytes.begin(), first->bytes.end()), a);
  EXPECT_TRUE(opened.tensors.Find("sca\"lar")->shape.empty());
  EXPECT_TRUE(opened.tensors.Find("empty")->bytes.empty());
}

TEST(Safetensors, KnowsEveryTypeOfTheFormat) {
  const struct {
    const char* name;
    int bits;
  } types[] = {{"BOOL", 8},        {"U8", 8},         {"I8", 8},      {"U16", 16},
               {"I16", 16},        {"U32", 32},       {"I32", 32},    {"U64", 64},
               {"I64", 64},        {"F16", 16},       {"BF16", 16},   {"F32", 32},
               {"F64", 64},        {"C64", 64},       {"F4", 4},      {"F6_E2M3", 6},
               {"F6_E3M2", 6},     {"F8_E4M3", 8},    {"F8_E5M2", 8}, {"F8_E8M0", 8},
               {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}};
  for (const auto& type : types) {
    SCOPED_TRACE(type.name);
    const int size = 4 * type.bits / 8;
    const std::string offsets = fmt::format("[0,{}]", size);
    EXPECT_EQ(Refusal(FileOf(Tensor(type.name, "[4]", offsets), static_cast<size_t>(size))),
              "accepted");
  }
  EXPECT_THAT(Refusal(FileOf(Tensor("F4", "[3]", "[0,2]"), 2)), HasSubstr("not the 2 bytes"));
  EXPECT_THAT(Refusal(FileOf(Tensor("Q4_K", "[256]", "[0,144]"), 144)), HasSubstr("unknown dtype"));
}

TEST(Safetensors, RefusesBadHeaders) {
  EXPECT_THAT(Refusal("1234567"), HasSubstr("needed at least 8"));
  EXPECT_THAT(Refusal(std::string(8, '\xff') + "{}"), HasSubstr("header length"));
  EXPECT_THAT(Refusal(std::string(8, '\0') + "{}"), HasSubstr("header length"));
  EXPECT_THAT(Refusal(FileOf(" {}", 0)), HasSubstr("begin with '{'"));
  EXPECT_THAT(Refusal(FileOf(std::string("{}\0", 3), 0)), HasSubstr("padded only with spaces"));
  EXPECT_THAT(Refusal(FileOf("{}\n", 0)), HasSubstr("padded only with spaces"));
  EXPECT_EQ(Refusal(FileOf("{}   ", 0)), "accepted");
  EXPECT_THAT(Refusal(FileOf("{} }", 0)), HasSubstr("not valid JSON"));
  EXPECT_THAT(Refusal(FileOf(R"({"t":[[[[[]]]]]})", 0)), HasSubstr("nested deeper"));
  EXPECT_THAT(Refusal(FileOf(R"({"__metadata__":{"a":1}})", 0)), HasSubstr("needed a string"));
  EXPECT_THAT(Refusal(FileOf(R"({"__metadata__":[]})", 0)), HasSubstr("object of strings"));
  const std::string one = Tensor("U8", "[1]", "[0,1]");
  const std::string twice = one.substr(0, one.size() - 1) + "," + one.substr(1);
  EXPECT_THAT(Refusal(FileOf(twice, 1)), HasSubstr("twice"));
}

TEST(Safetensors, RefusesBadTensors) {
  for (const char* shape :
       {"[-1]", "[1.0]", "\"1\"", "[true]", "[4611686018427387904,4]", "[9223372036854775808]"}) {
    EXPECT_THAT(Refusal(FileOf(Tensor("U8", shape, "[0,1]"), 1)), HasSubstr("shape")) << shape;
  }
  for (const char* offsets : {"[0]", "[0,1,2]", "[1,0]", "[-1,0]", "[0,1.5]", "{}", "[0,\"1\"]"}) {
    EXPECT_THAT(Refusal(FileOf(Tensor("U8", "[1]", offsets), 1)), HasSubstr("data_offsets"))
        << offsets;
  }
  EXPECT_THAT(Refusal(FileOf(Tensor("F64", "[2305843009213693952]", "[0,0]"), 0)),
              HasSubstr("which is not"));
  EXPECT_THAT(Refusal(FileOf(R"({"t":{"shape":[1],"data_offsets":[0,1]}})", 1)),
              HasSubstr("needs a dtype"));
  EXPECT_THAT(Refusal(FileOf(R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":1}})", 1)),
              HasSubstr("only"));
  EXPECT_THAT(Refusal(FileOf(R"({"t":7})", 0)), HasSubstr("needs an object"));
}

TEST(Safetensors, DemandsThatTensorsCoverTheDataExactly) {
  const auto two = [](const char* second) {
    return R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
           R"("b":{"dtype":"U8","shape":[4],"data_offsets":)" +
           std::string(second) + "}}";
  };
  EXPECT_EQ(Refusal(FileOf(two("[4,8]"), 8)), "accepted");
  EXPECT_THAT(Refusal(FileOf(two("[5,9]"), 9)), HasSubstr("holes"));
  EXPECT_THAT(Refusal(FileOf(two("[3,7]"), 7)), HasSubstr("overlap"));
  EXPECT_THAT(Refusal(FileOf(two("[0,4]"), 4)), HasSubstr("overlap"));
  EXPECT_THAT(Refusal(FileOf(two("[4,8]"), 7)), HasSubstr("there are only 7"));
  EXPECT_THAT(Refusal(FileOf(two("[4,8]"), 9)), HasSubstr("follow the last tensor"));
}

std::string OneTensor(const std::string& name) {
  static const std::vector<uint8_t> bytes(4, 7);
  return SerializeSafetensors(
      {{.name = name, .dtype = DType::kF32, .shape = {1}, .bytes = bytes, .file = 0}});
}

TEST(Safetensors, FollowsTheIndexOfAShardedSet) {
  const TemporaryFolder folder;
  const auto index = [&](const char* map) {
    return folder.Write("model.safetensors.index.json",
                        R"({"metadata":{"total_size":8},"weight_map":)" + std::string(map) + "}");
  };
  folder.Write("one.safetensors", OneTensor("a"));
  const std::string path = index(R"({"a":"one.safetensors","b":"two.safetensors"})");
  EXPECT_THROW(OpenSafetensorsIndex(path), Error);  // the second file is missing
  folder.Write("two.safetensors", OneTensor("b"));
  const Safetensors opened = OpenSafetensorsIndex(path);
  EXPECT_EQ(opened.files.size(), 2u);
  EXPECT_EQ(opened.tensors.Find("b")->file, 1);

  for (const char* wrong :
       {R"({"a":"one.safetensors"})", R"({"a":"one.safetensors","b":"one.safetensors"})",
        R"({"a":"one.safetensors","b":"two.safetensors","c":"two.safetensors"})",
        R"({"b":"one.safetensors","a":"two.safetensors"})", R"({"a":"../one.safetensors"})",
        R"({"a":7})", R"([])"}) {
    SCOPED_TRACE(wrong);
    const std::string bad = index(wrong);
    const bool complete_for_its_files = std::string(wrong) == R"({"a":"one.safetensors"})";
    if (complete_for_its_files) {
      EXPECT_EQ(OpenSafetensorsIndex(bad).tensors.all().size(), 1u);
    } else {
      EXPECT_THROW(OpenSafetensorsIndex(bad), Error);
    }
  }
}

}  // namespace
}  // namespace tael
