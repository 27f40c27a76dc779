#include "engine/memory_plan.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>

#include "base/error.h"
#include "base/memory.h"
#include "engine/model_runner.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

std::string Golden(const std::string& name) { return SourceRoot() + "/tests/golden/" + name; }

std::unique_ptr<Model> LoadHeaders(const std::string& path) {
  LoadOptions options;
  options.headers_only = true;
  return LoadModel(path, options);
}

// `rows` tokens over `sequences` sequences whose last positions are the context's.
Batch MakeBatch(const RunShape& shape, int rows, int sequences, int logit_rows) {
  Batch batch;
  for (int s = 0; s < sequences; ++s) {
    const int count = s == 0 ? rows - sequences + 1 : 1;
    BatchSequence sequence{.first_row = static_cast<int>(batch.tokens.size()),
                           .count = count,
                           .begin = shape.context - count,
                           .blocks = {},
                           .state = s};
    for (int b = 0; b < BlocksFor(shape.context); ++b) {
      sequence.blocks.push_back(s * BlocksFor(shape.context) + b);
    }
    for (int i = 0; i < count; ++i) {
      batch.tokens.push_back(i % 7);
      batch.positions.push_back(sequence.begin + i);
    }
    batch.sequences.push_back(sequence);
  }
  for (int i = 0; i < logit_rows; ++i) batch.logit_rows.push_back(i);
  return batch;
}

// Every way in which packed matrices are multiplied.
std::vector<std::string> PackedModels() {
  std::vector<std::string> found;
  for (const char* name : {"gptq_sym_actorder_g32", "gptq_sym_g128", "awq_gemm_g128", "ct_nvfp4",
                           "ct_int8_w8a8", "fp8_block_deepseek_v3", "mxfp4_gpt_oss"}) {
    if (const auto path = SharedPath(std::string("goldens/quant/hf/") + name)) {
      found.push_back(*path);
    }
  }
  return found;
}

TEST(MemoryPlan, ScratchIsExactlyWhatTheLargestStepTakes) {
  std::vector<std::string> names = {Golden("llama3"), Golden("qwen3"),
                                    Golden("quant/gguf/pure_Q4_K.gguf")};
  for (const char* shared : {"qwen3-moe", "deepseek-v3", "deepseek-v32"}) {
    if (const auto path = SharedPath(std::string("goldens/") + shared)) names.push_back(*path);
  }
  for (const std::string& packed : PackedModels()) names.push_back(packed);
  const std::string in_bf16 = Golden("deepseek-moe");
  names.push_back(in_bf16);
  for (const std::string& name : names) {
    const auto model = LoadModel(name);
    for (const MatmulMode matmul : {MatmulMode::kInteger, MatmulMode::kFloat, MatmulMode::kBf16}) {
      if (matmul == MatmulMode::kBf16 && name != in_bf16) continue;
      for (const int threads : {1, 3}) {
        const RunShape shape{
            .context = 130, .sequences = 5, .rows = 71, .logit_rows = 9, .kv_blocks = 15};
        const RunnerOptions options{.threads = threads, .matmul = matmul, .worth_a_thread = 0};
        ModelRunner runner(*model, options, shape);
        runner.Forward(MakeBatch(shape, 71, 5, 9));
        EXPECT_EQ(runner.scratch_peak(), ScratchBytes(*model, options, shape)) << name;
      }
    }
  }
}

// A mode that would change nothing is a mistake of whoever named it.
TEST(MemoryPlan, TheModeOfBf16IsRefusedWithoutSuchWeights) {
  const auto model = LoadModel(Golden("quant/gguf/pure_Q4_K.gguf"));
  const RunShape shape{.context = 64, .sequences = 1, .rows = 8, .logit_rows = 1, .kv_blocks = 1};
  const RunnerOptions options{.threads = 1, .matmul = MatmulMode::kBf16};
  try {
    ModelRunner(*model, options, shape);
    FAIL() << "nothing was refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    const std::string message = error.what();
    EXPECT_NE(message.find("pure_Q4_K.gguf"), std::string::npos) << message;
    EXPECT_NE(message.find("--matmul integer"), std::string::npos) << message;
  }
}

void ExpectNoSmallerStepTakesMoreScratch(const std::string& name) {
  const auto model = LoadModel(name);
  const RunShape shape{
      .context = 130, .sequences = 5, .rows = 71, .logit_rows = 9, .kv_blocks = 15};
  const RunnerOptions options{.threads = 2, .worth_a_thread = 1000};
  ModelRunner runner(*model, options, shape);
  std::mt19937 random(7);
  for (int i = 0; i < 40; ++i) {
    const int rows = 1 + static_cast<int>(random() % 71);
    const int sequences = 1 + static_cast<int>(random() % static_cast<unsigned>(std::min(rows, 5)));
    const int logit_rows = static_cast<int>(random() % static_cast<unsigned>(std::min(rows, 9)));
    runner.Forward(MakeBatch(shape, rows, sequences, logit_rows));
    ASSERT_LE(runner.scratch_peak(), ScratchBytes(*model, options, shape)) << name;
  }
}

TEST(MemoryPlan, NoSmallerStepTakesMoreScratch) {
  ExpectNoSmallerStepTakesMoreScratch(Golden("quant/gguf/pure_Q4_K.gguf"));
  if (const auto path = SharedPath("goldens/deepseek-v32")) {
    ExpectNoSmallerStepTakesMoreScratch(*path);
  }
  for (const std::string& packed : PackedModels()) ExpectNoSmallerStepTakesMoreScratch(packed);
}

TEST(MemoryPlan, HeadersOfPackedModelsGiveTheSamePlan) {
  const RunShape shape{.context = 128, .sequences = 2, .rows = 64, .logit_rows = 2, .kv_blocks = 8};
  for (const std::string& path : PackedModels()) {
    const auto whole = LoadModel(path), headers = LoadHeaders(path);
    const ProcessBaseline baseline = MeasureProcess(*whole);
    const MemoryPlan a = PlanMemory(*whole, {}, shape, baseline);
    const MemoryPlan b = PlanMemory(*headers, {}, shape, baseline);
    EXPECT_EQ(a.weights, b.weights) << path;
    EXPECT_EQ(a.scratch, b.scratch) << path;
    // The order of reordered inputs, which the process holds.
    ASSERT_EQ(whole->weights.packed.size(), headers->weights.packed.size()) << path;
    for (size_t i = 0; i < whole->weights.packed.size(); ++i) {
      EXPECT_EQ(whole->weights.packed[i].matrix->order.size(),
                headers->weights.packed[i].matrix->order.size());
    }
  }
}

TEST(MemoryPlan, HeadersAloneGiveTheSamePlan) {
  const auto whole = LoadModel(Golden("llama3"));
  const auto headers = LoadHeaders(Golden("llama3"));
  const RunShape shape{.context = 200, .sequences = 2, .rows = 64, .logit_rows = 2, .kv_blocks = 8};
  const ProcessBaseline baseline = MeasureProcess(*whole);
  const MemoryPlan a = PlanMemory(*whole, {}, shape, baseline);
  const MemoryPlan b = PlanMemory(*headers, {}, shape, baseline);
  EXPECT_EQ(a.weights, b.weights);
  EXPECT_EQ(a.kv_cache, b.kv_cache);
  EXPECT_EQ(a.scratch, b.scratch);
  EXPECT_GE(b.total(), a.total()) << "a plan from headers is the more careful one";
}

TEST(MemoryPlan, CountsEveryPageOfTheFilesOnce) {
  const auto model = LoadModel(Golden("llama3"));
  int64_t ranges = 0, files = 0;
  for (const FileRange& range : ResidentRanges(*model)) {
    EXPECT_EQ(reinterpret_cast<uintptr_t>(range.bytes.data()) % static_cast<size_t>(PageBytes()),
              0u);
    ranges += static_cast<int64_t>(range.bytes.size());
  }
  for (const auto& file : model->checkpoint.files) {
    files += static_cast<int64_t>(file->bytes().size());
  }
  EXPECT_EQ(ranges, files) << "every tensor of this checkpoint is used";
}

TEST(MemoryPlan, TheCacheIsPlannedByTheCodeThatAllocatesIt) {
  const auto model = LoadModel(Golden("qwen3"));
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    EXPECT_EQ(KvCacheBytes(*model, dtype, 7), KvCache(KvLayouts(model->spec), dtype, 7).bytes());
  }
}

TEST(MemoryPlan, AResidentRunnerHoldsItsWeightsAndItsCache) {
  const auto model = LoadModel(Golden("llama3"));
  const RunShape shape{.context = 4096, .rows = 64, .kv_blocks = 4096};
  const int64_t cache = KvCacheBytes(*model, DType::kF16, shape.kv_blocks);
  const int64_t before = ReadProcessMemory().resident();
  const ModelRunner runner(*model, {.threads = 2, .resident = true}, shape);
  EXPECT_GE(ReadProcessMemory().resident() - before, cache);
  std::vector<std::span<const uint8_t>> mapped;
  int64_t weights = 0;
  for (const FileRange& range : ResidentRanges(*model)) {
    mapped.push_back(range.bytes);
    weights += RoundToPages(static_cast<int64_t>(range.bytes.size()));
  }
  EXPECT_EQ(ResidentBytesOf(mapped), weights);
}

TEST(MemoryPlan, InterleavedRowsTakeThePlaceOfTheFilesPages) {
  const auto model = LoadModel(Golden("quant/gguf/pure_Q4_K.gguf"));
  const RunShape shape{.context = 64, .rows = 8, .kv_blocks = 1};
  const RunnerOptions repacked{.threads = 2, .resident = true};
  RunnerOptions plain = repacked;
  plain.repack = false;
  const ProcessBaseline baseline = MeasureProcess(*model);
  const MemoryPlan with = PlanMemory(*model, repacked, shape, baseline);
  const MemoryPlan without = PlanMemory(*model, plain, shape, baseline);
  EXPECT_EQ(without.repacked, 0);
  const ModelRunner runner(*model, repacked, shape);
  EXPECT_EQ(with.repacked, RoundToPages(runner.interleaved().bytes()));
  if (runner.interleaved().bytes() == 0) GTEST_SKIP() << "these kernels read the file's rows";
  EXPECT_LT(with.weights, without.weights);
  // A page at either end of what was taken may hold something else too.
  EXPECT_LE(with.weights + with.repacked, without.weights + 3 * PageBytes());
  std::vector<std::span<const uint8_t>> kept;
  for (const FileRange& range : ResidentRanges(*model, runner.interleaved())) {
    kept.push_back(range.bytes);
  }
  EXPECT_EQ(ResidentBytesOf(kept), with.weights) << "and no other page of the file";
}

TEST(Populate, AFileThatBecameShorterIsAnErrorAndNoCrash) {
  const std::string path = testing::TempDir() + "/shrinking." + std::to_string(getpid());
  std::ofstream(path) << std::string(static_cast<size_t>(4 * PageBytes()), 'x');
  const MappedFile file(path);
  ASSERT_EQ(truncate(path.c_str(), PageBytes()), 0);
  EXPECT_THROW(PopulateReadable(file.bytes(), path), Error);
  unlink(path.c_str());
}

}  // namespace
}  // namespace tael
