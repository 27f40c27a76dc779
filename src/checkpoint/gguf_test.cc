#include "checkpoint/gguf.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

Gguf Parse(const std::string& bytes) {
  // A copy of exactly this size, so that the address sanitizer sees any byte read beyond it.
  static std::vector<uint8_t> storage;
  storage.assign(bytes.begin(), bytes.end());
  storage.shrink_to_fit();
  return ParseGguf(storage, "test.gguf");
}

std::string Refusal(const std::string& bytes) {
  try {
    Parse(bytes);
  } catch (const Error& error) {
    EXPECT_TRUE(error.code() == ErrorCode::kCorrupt || error.code() == ErrorCode::kUnsupported);
    return error.what();
  }
  return "accepted";
}

void ExpectRefused(const std::string& bytes, const std::string& part_of_message) {
  EXPECT_NE(Refusal(bytes).find(part_of_message), std::string::npos) << Refusal(bytes);
}

TEST(Gguf, KeepsEveryTypeOfValue) {
  GgufWriter writer;
  std::string i8, u16s, nested;
  GgufWriter::Append<int8_t>(-5, i8);
  u16s = GgufWriter::ArrayHead(2, 2) + std::string("\x01\x00\xff\xff", 4);
  nested = GgufWriter::ArrayHead(9, 2) + u16s + GgufWriter::ArrayHead(8, 0);
  writer.U8("u8", 200).U16("u16", 65535).U32("u32", 4000000000u).I32("i32", -7);
  writer.U64("u64", UINT64_MAX).F32("f32", 0.5f).F64("f64", 0.1).Bool("bool", true);
  writer.String("string", "text").Strings("strings", {"", "b"}).F32s("floats", {1.0f, 2.5f});
  writer.Raw("i8", 1, i8).Raw("u16s", 9, u16s).Raw("nested", 9, nested);
  const GgufMetadata metadata = Parse(writer.Bytes()).metadata;
  EXPECT_EQ(metadata.version, 3);
  EXPECT_EQ(metadata.entries.front().first, "u8");
  EXPECT_EQ(metadata.Integer("u8", 0), 200);
  EXPECT_EQ(metadata.Integer("i8", 0), -5);
  EXPECT_EQ(metadata.Integer("u16", 0), 65535);
  EXPECT_EQ(metadata.Integer("u32", 0), 4000000000);
  EXPECT_EQ(metadata.Integer("i32", 0), -7);
  EXPECT_EQ(metadata.Find("u64")->integer, -1);  // the bits
  EXPECT_EQ(metadata.Number("f32", 0), 0.5);
  EXPECT_EQ(metadata.Number("f64", 0), 0.1);
  EXPECT_TRUE(metadata.Boolean("bool", false));
  EXPECT_EQ(metadata.Text("string", ""), "text");
  EXPECT_EQ(metadata.Find("strings")->strings, (std::vector<std::string>{"", "b"}));
  EXPECT_EQ(metadata.Find("floats")->numbers, (std::vector<double>{1.0, 2.5}));
  EXPECT_EQ(metadata.Find("u16s")->integers, (std::vector<int64_t>{1, 65535}));
  ASSERT_EQ(metadata.Find("nested")->arrays.size(), 2u);
  EXPECT_EQ(metadata.Find("nested")->arrays[0].integers, (std::vector<int64_t>{1, 65535}));
  EXPECT_EQ(metadata.Find("nested")->arrays[1].element, GgufType::kString);
}

TEST(Gguf, LookUpsNameKeyAndNeededTypeWhenTheTypeIsAnother) {
  const GgufMetadata metadata =
      Parse(GgufWriter().String("text", "x").U64("huge", UINT64_MAX).Bool("flag", true).Bytes())
          .metadata;
  EXPECT_EQ(metadata.Integer("absent", 7), 7);
  EXPECT_THROW(metadata.Integer("text", 0), Error);
  EXPECT_THROW(metadata.Integer("huge", 0), Error);
  EXPECT_THROW(metadata.Integer("flag", 0), Error);
  EXPECT_THROW(metadata.Number("text", 0), Error);
  EXPECT_THROW(metadata.Boolean("text", false), Error);
  EXPECT_THROW(metadata.Text("flag", ""), Error);
}

TEST(Gguf, PlacesTensorsInReversedDimensionOrder) {
  const std::string q8(34 * 2, 'q');
  const Gguf gguf = Parse(GgufWriter()
                              .F32Tensor("a", {3})
                              .Tensor("b", 8, {2, 32}, q8)
                              .F32Tensor("c", {2, 3, 4})
                              .Bytes());
  ASSERT_EQ(gguf.tensors.all().size(), 3u);
  const TensorInfo* b = gguf.tensors.Find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->dtype, DType::kQ8_0);
  EXPECT_EQ(b->shape, (std::vector<int64_t>{2, 32}));
  EXPECT_EQ(std::string(b->bytes.begin(), b->bytes.end()), q8);
  EXPECT_EQ(gguf.tensors.Find("c")->shape, (std::vector<int64_t>{2, 3, 4}));
  EXPECT_EQ(gguf.tensors.Find("nobody"), nullptr);
}

TEST(Gguf, HonoursItsAlignment) {
  const Gguf gguf = Parse(GgufWriter()
                              .Align(64)
                              .U32("general.alignment", 64)
                              .F32Tensor("a", {3})
                              .F32Tensor("b", {3})
                              .Bytes());
  EXPECT_EQ(gguf.metadata.alignment, 64u);
  EXPECT_EQ(gguf.tensors.Find("b")->bytes.data() - gguf.tensors.Find("a")->bytes.data(), 64);
  for (const uint32_t wrong : {0u, 1u, 24u, 1u << 30}) {
    ExpectRefused(GgufWriter().U32("general.alignment", wrong).Bytes(), "power of two");
  }
  ExpectRefused(GgufWriter().U64("general.alignment", 32).Bytes(), "power of two");
}

TEST(Gguf, RefusesOtherVersionsAndByteOrder) {
  EXPECT_EQ(Parse(GgufWriter().Version(2).Bytes()).metadata.version, 2);
  for (const uint32_t version : {0u, 1u, 4u, 99u}) {
    ExpectRefused(GgufWriter().Version(version).Bytes(), "needed 2 or 3");
  }
  ExpectRefused(GgufWriter().Version(0x03000000).Bytes(), "big-endian");
  ExpectRefused("gguf" + GgufWriter().Bytes().substr(4), "not a GGUF file");
}

TEST(Gguf, RefusesEveryTruncation) {
  const std::string whole = TinyLlama().Bytes();
  for (size_t size = 0; size < whole.size(); ++size) {
    // The padding behind the last tensor may be missing: it holds nothing.
    if (whole.size() - size < 32) break;
    SCOPED_TRACE(size);
    ASSERT_NE(Refusal(whole.substr(0, size)), "accepted");
  }
}

TEST(Gguf, RefusesRemovedForeignAndUnknownTensorTypes) {
  for (const uint32_t type : {4u, 5u, 31u, 32u, 33u, 36u, 37u, 38u}) {
    ExpectRefused(GgufWriter().TensorAt("t", type, {32}, 0).Bytes(), "removed");
  }
  ExpectRefused(GgufWriter().TensorAt("t", 137, {256}, 0).Bytes(), "ik_llama.cpp");
  ExpectRefused(GgufWriter().TensorAt("t", 43, {256}, 0).Bytes(), "not known");
}

TEST(Gguf, RefusesTensorsThatDoNotFit) {
  const std::string kb(1024, '\0');
  ExpectRefused(GgufWriter().TensorAt("t", 0, {1 << 20}, 0).Bytes() + kb, "only");
  ExpectRefused(GgufWriter().TensorAt("t", 0, {8}, ~uint64_t{31}).Bytes() + kb, "only");
  ExpectRefused(GgufWriter().TensorAt("t", 0, {8}, 8).Bytes() + kb, "multiple of 32");
  ExpectRefused(GgufWriter().TensorAt("t", 8, {33}, 0).Bytes() + kb, "multiple of 32");
  ExpectRefused(GgufWriter().TensorAt("t", 0, {int64_t{1} << 62, 4}, 0).Bytes() + kb, "2^63");
  ExpectRefused(GgufWriter().TensorAt("t", 28, {int64_t{1} << 61}, 0).Bytes() + kb, "2^63");
  ExpectRefused(GgufWriter().TensorAt("t", 0, {0}, 0).Bytes() + kb, "positive");
  ExpectRefused(GgufWriter().TensorAt("t", 0, {-1}, 0).Bytes() + kb, "positive");
  ExpectRefused(GgufWriter().TensorAt("t", 0, {}, 0).Bytes() + kb, "dimensions");
  ExpectRefused(GgufWriter().TensorAt("t", 0, {1, 1, 1, 1, 1}, 0).Bytes() + kb, "dimensions");
  ExpectRefused(GgufWriter().TensorAt("a", 0, {16}, 0).TensorAt("b", 0, {8}, 32).Bytes() + kb,
                "overlap");
}

TEST(Gguf, RefusesBadNames) {
  ExpectRefused(GgufWriter().F32Tensor("t", {1}).F32Tensor("t", {1}).Bytes(), "twice");
  ExpectRefused(GgufWriter().F32Tensor(std::string(65, 'x'), {1}).Bytes(), "64 bytes");
  ExpectRefused(GgufWriter().F32Tensor("", {1}).Bytes(), "tensor name");
  ExpectRefused(GgufWriter().F32Tensor("\xff", {1}).Bytes(), "UTF-8");
  ExpectRefused(GgufWriter().U32("k", 1).U32("k", 1).Bytes(), "twice");
  ExpectRefused(GgufWriter().U32("", 1).U32("k", 1).Bytes(), "metadata key");
  ExpectRefused(GgufWriter().U32(std::string("a\0b", 3), 1).Bytes(), "NUL");
}

TEST(Gguf, RefusesBadValuesWithoutAllocating) {
  const std::string pad(64, '\0');
  ExpectRefused(GgufWriter().Raw("k", 13, pad).Bytes(), "needed 0 to 12");
  ExpectRefused(GgufWriter().Raw("k", 9, GgufWriter::ArrayHead(77, 1)).Bytes() + pad, "0 to 12");
  for (const uint64_t count : {uint64_t{1} << 30, uint64_t{1} << 61, UINT64_MAX}) {
    for (const uint32_t type : {0u, 4u, 8u, 9u, 10u}) {
      ExpectRefused(GgufWriter().Raw("k", 9, GgufWriter::ArrayHead(type, count)).Bytes() + pad,
                    "the length of an array");
    }
  }
  ExpectRefused(GgufWriter().Raw("k", 7, "\x02").Bytes() + pad, "boolean");
  std::string deep;
  for (int i = 0; i < 5000; ++i) deep += GgufWriter::ArrayHead(9, 1);
  ExpectRefused(GgufWriter().Raw("k", 9, deep).Bytes() + pad, "nested deeper");
}

GgufWriter Part(uint16_t number, uint16_t count, int32_t num_tensors) {
  GgufWriter writer;
  writer.U16("split.no", number).U16("split.count", count).I32("split.tensors.count", num_tensors);
  return writer;
}

TEST(Gguf, OpensASplitSetByItsFirstFile) {
  const TemporaryFolder folder;
  const std::string first =
      folder.Write("m-00001-of-00002.gguf", Part(0, 2, 2).U32("x", 5).F32Tensor("a", {4}).Bytes());
  try {
    OpenGguf(first);
    FAIL() << "the second file is missing";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_NE(std::string(error.what()).find("m-00002-of-00002.gguf"), std::string::npos);
  }
  const std::string second =
      folder.Write("m-00002-of-00002.gguf", Part(1, 2, 2).F32Tensor("b", {8}).Bytes());
  const Gguf gguf = OpenGguf(first);
  EXPECT_EQ(gguf.files.size(), 2u);
  EXPECT_EQ(gguf.metadata.Integer("x", 0), 5);
  EXPECT_EQ(gguf.tensors.Find("b")->file, 1);
  try {
    OpenGguf(second);
    FAIL() << "a later part alone is no model";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("open " + first), std::string::npos) << error.what();
  }
}

TEST(Gguf, RefusesSplitSetsThatDoNotAgree) {
  const TemporaryFolder folder;
  const std::string first =
      folder.Write("m-00001-of-00002.gguf", Part(0, 2, 3).F32Tensor("a", {4}).Bytes());
  folder.Write("m-00002-of-00002.gguf", Part(1, 2, 3).F32Tensor("b", {8}).Bytes());
  EXPECT_THROW(OpenGguf(first), Error);  // 2 tensors, not 3
  folder.Write("m-00002-of-00002.gguf", Part(1, 3, 3).F32Tensor("b", {8}).Bytes());
  EXPECT_THROW(OpenGguf(first), Error);  // part of another set
  folder.Write("m-00002-of-00002.gguf",
               Part(1, 2, 3).F32Tensor("a", {4}).F32Tensor("b", {8}).Bytes());
  EXPECT_THROW(OpenGguf(first), Error);  // a tensor twice
  EXPECT_THROW(OpenGguf(folder.Write("x.gguf", Part(0, 2, 1).Bytes())), Error);
  EXPECT_THROW(OpenGguf(folder.Write("y.gguf", Part(2, 2, 1).Bytes())), Error);
}

TEST(Gguf, OpensTheContainerVariantsOfTheGoldens) {
  const std::optional<std::string> root = SharedPath("goldens/quant/gguf/variants");
  if (!root) GTEST_SKIP() << "reference data not found (see TAEL_SHARED)";
  const Gguf reference = OpenGguf(JoinPath(*root, "v3.gguf"));
  ASSERT_EQ(reference.tensors.all().size(), 20u);
  for (const char* name : {"v2.gguf", "align64.gguf", "split-00001-of-00003.gguf"}) {
    SCOPED_TRACE(name);
    const Gguf other = OpenGguf(JoinPath(*root, name));
    ASSERT_EQ(other.tensors.all().size(), reference.tensors.all().size());
    for (const TensorInfo& tensor : reference.tensors.all()) {
      const TensorInfo* found = other.tensors.Find(tensor.name);
      ASSERT_NE(found, nullptr) << tensor.name;
      EXPECT_EQ(found->shape, tensor.shape);
      ASSERT_EQ(found->bytes.size(), tensor.bytes.size());
      EXPECT_EQ(std::memcmp(found->bytes.data(), tensor.bytes.data(), tensor.bytes.size()), 0);
    }
  }
  for (const char* name : {"f32.gguf", "f16.gguf", "bf16.gguf"}) {
    EXPECT_EQ(OpenGguf(JoinPath(*root, name)).tensors.all().size(), 20u) << name;
  }
  for (const char* name : {"big_endian.gguf", "v1_header_only.gguf", "split-00002-of-00003.gguf",
                           "split-00003-of-00003.gguf"}) {
    EXPECT_THROW(OpenGguf(JoinPath(*root, name)), Error) << name;
  }
}

}  // namespace
}  // namespace tael
