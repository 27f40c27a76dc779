// Kept weights have the bytes and the results of a copy; whatever is wrong with a file or its
// folder is said, and a copy is made.
#include "engine/weight_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "engine/memory_plan.h"
#include "engine/model_runner.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

constexpr int64_t kGiB = int64_t{1} << 30;
using From = PackedWeights::From;

TEST(JudgeWeightCache, AFilePaysWhereFileAndCopyDoNotBothFitIntoMemory) {
  const WeightCacheOptions options{.directory = "/x"};
  const auto judge = [&](int64_t bytes, int64_t memory) {
    return JudgeWeightCache({bytes, memory, 500 * kGiB, 1e9}, options);
  };
  EXPECT_EQ(judge(10 * kGiB, 24 * kGiB), WeightCacheVerdict::kPays);
  EXPECT_EQ(judge(10 * kGiB, 64 * kGiB), WeightCacheVerdict::kCopyIsQuick);
  EXPECT_EQ(judge(10 * kGiB, 0), WeightCacheVerdict::kPays) << "memory that nobody knows";
  EXPECT_EQ(judge(kGiB / 2, kGiB), WeightCacheVerdict::kCopyIsQuick) << "small";
  EXPECT_EQ(judge(60 * kGiB, 64 * kGiB), WeightCacheVerdict::kDiskSlow) << "a minute and more";
}

TEST(JudgeWeightCache, DisksStayFree) {
  WeightCacheOptions options{.directory = "/x"};
  const auto judge = [&](int64_t bytes, int64_t disk, double rate) {
    return JudgeWeightCache({bytes, 24 * kGiB, disk, rate}, options);
  };
  EXPECT_EQ(judge(10 * kGiB, 20 * kGiB, 0), WeightCacheVerdict::kPays);
  EXPECT_EQ(judge(10 * kGiB, 20 * kGiB - 1, 0), WeightCacheVerdict::kDiskFull);
  EXPECT_EQ(judge(65 * kGiB, 900 * kGiB, 9e9), WeightCacheVerdict::kTooLarge);
  EXPECT_EQ(judge(10 * kGiB, 900 * kGiB, 1e8), WeightCacheVerdict::kDiskSlow);
  options.always = true;
  EXPECT_EQ(judge(10 * kGiB, 900 * kGiB, 1e8), WeightCacheVerdict::kPays);
  EXPECT_EQ(judge(1, 900 * kGiB, 0), WeightCacheVerdict::kPays);
  EXPECT_EQ(judge(1, kGiB, 0), WeightCacheVerdict::kDiskFull);
}

TEST(MakeRoom, TheLongestUnusedLeave) {
  const std::vector<KeptWeights> kept = {
      {"new", "", 10, 30}, {"old", "", 10, 10}, {"middle", "", 10, 20}};
  const auto leaving = [&](int64_t bytes, int64_t most) {
    std::string names;
    for (const KeptWeights& one : MakeRoom(kept, bytes, most)) names += one.path + " ";
    return names;
  };
  EXPECT_EQ(leaving(10, 40), "");
  EXPECT_EQ(leaving(11, 40), "old ");
  EXPECT_EQ(leaving(30, 40), "old middle ");
  EXPECT_EQ(leaving(40, 40), "old middle new ");
}

TEST(WeightChecksum, SeesChangesZerosAndSwaps) {
  std::vector<uint8_t> bytes(1000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i * 7);
  const uint64_t sum = WeightChecksum(bytes);
  for (size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] ^= 1;
    EXPECT_NE(WeightChecksum(bytes), sum) << i;
    bytes[i] ^= 1;
  }
  std::swap_ranges(bytes.begin(), bytes.begin() + 64, bytes.begin() + 64);
  EXPECT_NE(WeightChecksum(bytes), sum);
  std::swap_ranges(bytes.begin(), bytes.begin() + 64, bytes.begin() + 64);
  bytes[3] ^= 0x80;  // two flips of a highest bit, which sums of words do not see
  bytes[131] ^= 0x80;
  EXPECT_NE(WeightChecksum(bytes), sum);
  EXPECT_NE(WeightChecksum(std::vector<uint8_t>(64)), WeightChecksum(std::vector<uint8_t>(128)));
  EXPECT_NE(WeightChecksum({}), 0u);
}

class WeightCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/tael_weights." + std::to_string(getpid());
    std::filesystem::create_directories(folder_);
    file_ = folder_ + "/model.gguf";
    std::filesystem::copy_file(SourceRoot() + "/tests/golden/quant/gguf/pure_Q4_K.gguf", file_,
                               std::filesystem::copy_options::overwrite_existing);
    auto options = std::make_shared<WeightCacheOptions>();
    options->directory = folder_ + "/cache";
    options->always = true;
    options->keep_free = 1;
    options->note = [this](const std::string& text) { notes_ += text + "\n"; };
    options_ = options;
    if (Start(nullptr).from == From::kNothing) GTEST_SKIP() << "these kernels read the file's rows";
  }
  void TearDown() override {
    chmod((folder_ + "/cache").c_str(), 0700);
    std::filesystem::remove_all(folder_);
  }

  // Starts a runner, keeps what it says and what it computes.
  PackedWeights Start(const std::shared_ptr<const WeightCacheOptions>& cache) {
    notes_.clear();
    const auto model = LoadModel(file_);
    RunnerOptions options{.threads = 2};
    options.repack = repack_;
    options.weight_cache = cache;
    ModelRunner runner(*model, options, {.context = 64, .rows = 8, .kv_blocks = 1});
    Batch batch;
    batch.tokens = {1, 5, 9};
    batch.positions = {0, 1, 2};
    batch.logit_rows = {2};
    batch.sequences.push_back({.first_row = 0, .count = 3, .begin = 0, .blocks = {0}});
    const MatrixView<const float> logits = runner.Forward(batch);
    logits_.assign(logits.data, logits.data + model->spec.vocab_size);
    return runner.packed();
  }
  std::string KeptFile() {
    const std::vector<KeptWeights> kept = ListKeptWeights(options_->directory);
    return kept.size() == 1 ? kept[0].path : "";
  }
  void FlipByteAt(const std::string& path, int64_t offset) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(offset);
    const auto byte = static_cast<char>(file.get() ^ 0x40);
    file.seekp(offset);
    file.put(byte);
  }

  std::string folder_, file_, notes_;
  std::shared_ptr<WeightCacheOptions> options_;
  std::vector<float> logits_;
  bool repack_ = true;
};

TEST_F(WeightCacheTest, ASecondStartMapsWhatTheFirstWrote) {
  const std::vector<float> expected = (Start(nullptr), logits_);
  const PackedWeights first = Start(options_);
  EXPECT_EQ(first.from, From::kNewFile);
  EXPECT_EQ(logits_, expected);
  EXPECT_NE(notes_.find(first.file), std::string::npos);
  const PackedWeights second = Start(options_);
  EXPECT_EQ(second.from, From::kFile);
  EXPECT_EQ(second.file, first.file);
  EXPECT_EQ(second.file_bytes, FileSize(second.file));
  EXPECT_EQ(logits_, expected);
  EXPECT_EQ(notes_, "");
  EXPECT_EQ(ListKeptWeights(options_->directory).at(0).model, file_);
  repack_ = false;
  EXPECT_EQ(Start(options_).from, From::kNothing);
  EXPECT_EQ(logits_, expected) << "rows as the file has them";
}

TEST_F(WeightCacheTest, DamageAnywhereIsSeenAndTheFileIsWrittenAnew) {
  Start(options_);
  const std::vector<float> expected = logits_;
  const std::string kept = KeptFile();
  ASSERT_NE(kept, "");
  const WeightFileHeader header = ReadWeightFileHeader(MappedFile(kept));
  for (const int64_t offset : {int64_t{0}, int64_t{9}, int64_t{30}, header.data_offset,
                               header.data_offset + header.data_bytes - 1}) {
    FlipByteAt(kept, offset);
    EXPECT_EQ(Start(options_).from, From::kNewFile) << offset;
    EXPECT_NE(notes_.find("packed anew"), std::string::npos) << notes_;
    EXPECT_EQ(logits_, expected);
  }
  for (const int64_t size : {int64_t{0}, int64_t{20}, header.data_offset, FileSize(kept) - 1}) {
    ASSERT_EQ(truncate(kept.c_str(), size), 0);
    EXPECT_EQ(Start(options_).from, From::kNewFile) << size;
    EXPECT_EQ(logits_, expected);
  }
  EXPECT_EQ(Start(options_).from, From::kFile);
}

TEST_F(WeightCacheTest, AModelThatChangedIsPackedAnew) {
  Start(options_);
  const std::string kept = KeptFile();
  FlipByteAt(file_, FileSize(file_) / 2);  // in a tensor
  Start(nullptr);
  const std::vector<float> expected = logits_;
  EXPECT_EQ(Start(options_).from, From::kNewFile);
  EXPECT_NE(notes_.find("another state"), std::string::npos) << notes_;
  EXPECT_EQ(KeptFile(), kept) << "in the place of the old one";
  EXPECT_EQ(logits_, expected);
}

TEST_F(WeightCacheTest, WithoutSpaceOrRightsACopyIsMadeAndSaid) {
  options_->keep_free = int64_t{1} << 60;
  EXPECT_EQ(Start(options_).from, From::kCopy);
  EXPECT_NE(notes_.find("stay free"), std::string::npos) << notes_;
  EXPECT_FALSE(DirectoryExists(options_->directory));
  options_->keep_free = 1;
  WriteFileAtomically(options_->directory, "in the way");
  EXPECT_EQ(Start(options_).from, From::kCopy);
  EXPECT_NE(notes_.find("--no-weight-cache"), std::string::npos) << notes_;
}

TEST_F(WeightCacheTest, OneOfTwoProcessesWrites) {
  const std::string kept = Start(options_).file;
  unlink(kept.c_str());
  const int other = open((kept + ".part").c_str(), O_RDWR | O_CREAT, 0600);
  ASSERT_EQ(flock(other, LOCK_EX), 0);
  EXPECT_EQ(Start(options_).from, From::kCopy);
  EXPECT_EQ(notes_, "");
  close(other);  // it was killed: what it left behind is written over
  EXPECT_EQ(Start(options_).from, From::kNewFile);
  EXPECT_FALSE(FileExists(kept + ".part"));
}

TEST_F(WeightCacheTest, ASourceThatCannotBeReadIsNoMatterOfTheCache) {
  const auto model = LoadModel(file_);
  InterleavedWeights weights = PlanInterleaved(*model, {});
  WorkerPool pool(2);
  const auto read = [](std::span<const uint8_t>, uint8_t*) -> const uint8_t* {
    throw Error(ErrorCode::kUnavailable, "the model's disk is gone");
  };
  EXPECT_THROW(PackWeights(*model, weights, pool, read, options_.get()), Error);
  EXPECT_TRUE(ListKeptWeights(options_->directory).empty());
}

}  // namespace
}  // namespace tael
