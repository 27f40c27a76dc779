// Both writers: what they write is what the readers read, byte for byte the same every time, and an
// error leaves nothing behind.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>

#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/write_gguf.h"
#include "checkpoint/write_safetensors.h"
#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

class WritersTest : public testing::Test {
 protected:
  // A tensor with bytes that differ from place to place, given in uneven pieces.
  void Add(const std::string& name, DType dtype, const std::vector<int64_t>& shape) {
    TensorSource tensor{.name = name, .dtype = dtype, .shape = shape, .produce = {}};
    const auto salt = static_cast<uint8_t>(tensors_.size() * 7 + 1);
    tensor.produce = [bytes = tensor.bytes(), salt](const ByteSink& sink) {
      std::vector<uint8_t> all(static_cast<size_t>(bytes));
      for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<uint8_t>(i * 31 + salt);
      const size_t cut = all.size() / 3;
      sink(std::span(all).first(cut));
      sink(std::span(all).subspan(cut));
    };
    tensors_.push_back(std::move(tensor));
  }

  void ExpectSame(const TensorIndex& found) const {
    ASSERT_EQ(found.all().size(), tensors_.size());
    for (const TensorSource& tensor : tensors_) {
      const TensorInfo* info = found.Find(tensor.name);
      ASSERT_NE(info, nullptr) << tensor.name;
      EXPECT_EQ(info->dtype, tensor.dtype);
      EXPECT_EQ(info->shape, tensor.shape);
      std::vector<uint8_t> want;
      tensor.produce([&](auto piece) { want.insert(want.end(), piece.begin(), piece.end()); });
      EXPECT_TRUE(std::equal(want.begin(), want.end(), info->bytes.begin(), info->bytes.end()));
    }
  }

  std::string Path(const std::string& name) const { return JoinPath(folder_.path(), name); }
  std::vector<std::string> Files() const { return ListDirectory(folder_.path()); }

  TemporaryFolder folder_;
  std::vector<TensorSource> tensors_;
};

GgufEntries Metadata() {
  GgufValue u64;
  u64.type = GgufType::kU64;
  u64.integer = -2;  // keeps its bits
  GgufValue f64;
  f64.type = GgufType::kF64;
  f64.number = 0.1;
  GgufValue nested;
  nested.type = GgufType::kArray;
  nested.element = GgufType::kArray;
  nested.arrays = {GgufInts(GgufType::kI8, {-1, 2}), GgufTexts({"", "b"})};
  return {{"general.architecture", GgufText("llama")},
          {"z", GgufU32(4000000000u)},
          {"a", GgufI32(-5)},
          {"flag", GgufBool(true)},
          {"half", GgufF32(0.5f)},
          {"wide", u64},
          {"double", f64},
          {"texts", GgufTexts({"x", "\xC3\xA4"})},
          {"floats", GgufFloats({1.0f, -2.5f})},
          {"nested", nested}};
}

TEST_F(WritersTest, GgufKeepsMetadataInOrderAndTensorsAligned) {
  Add("b", DType::kBF16, {3, 5});
  Add("a", DType::kQ8_0, {2, 3, 64});
  Add("c", DType::kF32, {7});
  const std::vector<std::string> paths = WriteGguf(Path("m.gguf"), Metadata(), tensors_);
  ASSERT_EQ(paths, std::vector<std::string>{Path("m.gguf")});
  EXPECT_EQ(Files(), std::vector<std::string>{"m.gguf"});
  const Gguf opened = OpenGguf(paths[0]);
  ExpectSame(opened.tensors);
  const GgufEntries wanted = Metadata();
  ASSERT_EQ(opened.metadata.entries.size(), wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    const auto& [key, value] = opened.metadata.entries[i];
    EXPECT_EQ(key, wanted[i].first);
    EXPECT_EQ(value.type, wanted[i].second.type) << key;
    EXPECT_EQ(value.integer, wanted[i].second.integer) << key;
    EXPECT_EQ(value.number, wanted[i].second.number) << key;
    EXPECT_EQ(value.text, wanted[i].second.text) << key;
    EXPECT_EQ(value.strings, wanted[i].second.strings) << key;
    EXPECT_EQ(value.numbers, wanted[i].second.numbers) << key;
    EXPECT_EQ(value.arrays.size(), wanted[i].second.arrays.size()) << key;
  }
  const uint8_t* begin = opened.files[0]->bytes().data();
  for (const TensorInfo& tensor : opened.tensors.all()) {
    EXPECT_EQ((tensor.bytes.data() - begin) % 32, 0) << tensor.name;
  }
  WriteGguf(Path("again.gguf"), Metadata(), tensors_);
  EXPECT_EQ(ReadFile(Path("m.gguf")), ReadFile(Path("again.gguf")));
}

TEST_F(WritersTest, GgufSplitsBySizeAndOpensAsOne) {
  for (int i = 0; i < 5; ++i) Add("t" + std::to_string(i), DType::kF32, {10, 10 + i});
  GgufEntries metadata = Metadata();
  metadata.emplace_back("general.alignment", GgufU32(64));
  const auto paths = WriteGguf(Path("m.gguf"), metadata, tensors_, {.max_shard_bytes = 1000});
  ASSERT_EQ(paths.size(), 3u);
  EXPECT_EQ(BaseName(paths[0]), "m-00001-of-00003.gguf");
  const Gguf opened = OpenGguf(paths[0]);
  ExpectSame(opened.tensors);
  EXPECT_EQ(opened.metadata.alignment, 64u);
}

TEST_F(WritersTest, SafetensorsAlignsEveryTensorToItsElements) {
  Add("bytes", DType::kU8, {3});
  Add("halves", DType::kBF16, {3, 3});
  Add("floats", DType::kF32, {5});
  Add("ids", DType::kI64, {2});
  Add("empty", DType::kF32, {0});
  Add("scalar", DType::kF32, {});
  const auto paths =
      WriteSafetensors(folder_.path(), tensors_, {.metadata = {{"format", "pt"}, {"k", "v"}}});
  EXPECT_EQ(Files(), std::vector<std::string>{"model.safetensors"});
  const Safetensors opened = OpenSafetensorsFile(paths[0]);
  ExpectSame(opened.tensors);
  EXPECT_EQ(opened.metadata.size(), 2u);
  const uint8_t* begin = opened.files[0]->bytes().data();
  for (const TensorInfo& tensor : opened.tensors.all()) {
    EXPECT_EQ((tensor.bytes.data() - begin) % (Info(tensor.dtype).bits / 8), 0) << tensor.name;
  }
}

TEST_F(WritersTest, SafetensorsShardsComeWithAnIndexAndAreByteStable) {
  for (int i = 0; i < 6; ++i) Add("t" + std::to_string(i), DType::kBF16, {4, 50 + i});
  const SafetensorsOptions options{.metadata = {}, .max_shard_bytes = 900};
  const auto paths = WriteSafetensors(folder_.path(), tensors_, options);
  ASSERT_EQ(paths.size(), 4u);
  EXPECT_EQ(BaseName(paths[0]), "model-00001-of-00003.safetensors");
  EXPECT_EQ(BaseName(paths[3]), "model.safetensors.index.json");
  ExpectSame(OpenSafetensorsIndex(paths[3]).tensors);
  TemporaryFolder other;
  WriteSafetensors(other.path(), tensors_, options);
  for (const std::string& name : Files()) {
    EXPECT_EQ(ReadFile(Path(name)), ReadFile(JoinPath(other.path(), name))) << name;
  }
}

TEST_F(WritersTest, WhatAFormatCannotHoldIsRefusedBeforeAnythingIsWritten) {
  Add("q", DType::kQ4_K, {2, 256});
  EXPECT_THROW(WriteSafetensors(folder_.path(), tensors_), Error);
  tensors_.clear();
  Add("f8", DType::kF8E4M3, {4});
  EXPECT_THROW(WriteGguf(Path("m.gguf"), {}, tensors_), Error);
  tensors_.clear();
  Add("number", DType::kF32, {});
  try {
    WriteGguf(Path("m.gguf"), {}, tensors_);
    ADD_FAILURE() << "was written";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("has 0 dimensions, the format holds 1 to 4"),
              std::string::npos)
        << error.what();
  }
  tensors_.clear();
  Add("a", DType::kF32, {4});
  EXPECT_THROW(WriteGguf(Path("m.gguf"), {{"k", GgufU32(1)}, {"k", GgufU32(1)}}, tensors_), Error);
  EXPECT_THROW(WriteGguf(Path("m.gguf"), {{"split.no", GgufU16(0)}}, tensors_), Error);
  Add("a", DType::kF32, {4});
  EXPECT_THROW(WriteSafetensors(folder_.path(), tensors_), Error);
  EXPECT_TRUE(Files().empty());
}

// A limit on the size of files stands for a full disk: write() fails in the middle.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &old_);
    rlimit now = old_;
    now.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit old_{};
  void (*handler_)(int);
};

TEST_F(WritersTest, AFullDiskLeavesNothingBehindAndTheOldFileAlone) {
  Add("a", DType::kF32, {100});
  Add("big", DType::kF32, {700, 1000});
  folder_.Write("m.gguf", "old");
  {
    const FileSizeLimit limit(1 << 20);
    for (const int64_t shard : {0, 4000}) {
      EXPECT_THROW(WriteGguf(Path("m.gguf"), {}, tensors_, {.max_shard_bytes = shard}), Error);
      EXPECT_THROW(WriteSafetensors(folder_.path(), tensors_, {.max_shard_bytes = shard}), Error);
    }
  }
  EXPECT_EQ(Files(), std::vector<std::string>{"m.gguf"});
  EXPECT_EQ(ReadFile(Path("m.gguf")), "old");
}

TEST_F(WritersTest, AnErrorInTheMiddleOfATensorLeavesNothingBehind) {
  Add("a", DType::kF32, {100});
  Add("b", DType::kF32, {100});
  tensors_[1].produce = [](const ByteSink&) { Fail(ErrorCode::kUnavailable, "lost"); };
  EXPECT_THROW(WriteGguf(Path("m.gguf"), {}, tensors_, {.max_shard_bytes = 400}), Error);
  EXPECT_THROW(WriteSafetensors(folder_.path(), tensors_, {.max_shard_bytes = 400}), Error);
  EXPECT_TRUE(Files().empty());
}

}  // namespace
}  // namespace tael
