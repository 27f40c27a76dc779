// What a step costs, against numbers worked out by hand and against the bytes of a real file.
#include "model/cost.h"

#include <gtest/gtest.h>

#include <utility>

#include "model/cost_positions.h"
#include "model/model.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

Weight MakeWeight(DType dtype, int64_t n, int64_t k) {
  return {.dtype = dtype, .n = n, .k = k, .data = nullptr, .row_bytes = *StorageBytes(dtype, k)};
}

// Width 32, 4 query heads and 2 kv heads of 8, feed-forward width 64, 10 tokens.
struct Tiny {
  DecoderSpec spec;
  DecoderWeights weights;

  explicit Tiny(const std::vector<int>& windows) {
    for (const int window : windows) {
      GqaSpec gqa{.num_heads = 4, .num_kv_heads = 2, .head_dim = 8, .rope = {}};
      gqa.sliding_window = window;
      spec.layers.push_back({gqa, DenseFfnSpec{.intermediate_size = 64}});
      GqaWeights attention;
      attention.q = MakeWeight(DType::kQ8_0, 32, 32);
      attention.k = MakeWeight(DType::kQ8_0, 16, 32);
      attention.v = MakeWeight(DType::kF16, 16, 32);
      attention.o = MakeWeight(DType::kQ8_0, 32, 32);
      attention.q_bias.resize(32);
      DenseFfnWeights ffn;
      ffn.gate = MakeWeight(DType::kQ4_0, 64, 32);
      ffn.up = MakeWeight(DType::kQ4_0, 64, 32);
      ffn.down = MakeWeight(DType::kQ4_0, 32, 64);
      weights.layers.push_back({std::vector<float>(32), attention, std::vector<float>(32), ffn});
    }
    weights.embedding = MakeWeight(DType::kF16, 10, 32);
    weights.final_norm.resize(32);
    weights.head = MakeWeight(DType::kF32, 10, 32);
  }
};

// A sequence at position `begin` with `count` rows behind the rows that the batch has.
void Append(Batch& batch, int begin, int count, bool logits) {
  const auto first = static_cast<int>(batch.tokens.size());
  batch.sequences.push_back({.first_row = first, .count = count, .begin = begin, .blocks = {}});
  for (int i = 0; i < count; ++i) {
    batch.tokens.push_back(0);
    batch.positions.push_back(begin + i);
  }
  if (logits) batch.logit_rows.push_back(first + count - 1);
}

TEST(Cost, OfARaggedBatchIsWhatWeCountByHand) {
  const Tiny tiny({0});
  Batch batch;
  Append(batch, 5, 1, true);    // sees 6 positions
  Append(batch, 70, 3, false);  // sees 71, 72, 73
  const StepCost cost = CostOf(tiny.spec, tiny.weights, batch,
                               {.kv_dtype = DType::kF16, .matmul = MatmulMode::kInteger});
  EXPECT_EQ(cost[CostKind::kEmbedding], (Cost{.weight_bytes = 4 * 64}));
  // Q8_0: 34 bytes per 32 weights. Keys take two terms, values are no block format.
  EXPECT_EQ(cost[CostKind::kProjection],
            (Cost{.weight_bytes = (32 + 16 + 32) * 34 + 16 * 64 + 32 * 4,
                  .integer_macs = 4 * 32 * (32 + 2 * 16 + 32),
                  .float_macs = 4 * 32 * 16}));
  EXPECT_EQ(cost[CostKind::kAttention], (Cost{.kv_read_bytes = (6 + 73) * 2 * 2 * 8 * 2,
                                              .kv_written_bytes = 4 * 2 * 2 * 8 * 2,
                                              .float_macs = (6 + 71 + 72 + 73) * 2 * 4 * 8}));
  EXPECT_EQ(cost[CostKind::kFfn],
            (Cost{.weight_bytes = (64 + 64 + 2 * 32) * 18, .integer_macs = 4 * 3 * 64 * 32}));
  EXPECT_EQ(cost[CostKind::kNorm], (Cost{.weight_bytes = 3 * 32 * 4}));
  EXPECT_EQ(cost[CostKind::kHead], (Cost{.weight_bytes = 10 * 128, .float_macs = 10 * 32}));
  EXPECT_EQ(cost.Total().bytes_read(), 256 + 3872 + 5056 + 3456 + 384 + 1280);
}

TEST(Cost, OfAWindowIsLimitedByIt) {
  const Tiny tiny({4, 0});
  Batch batch;
  Append(batch, 2, 4, false);  // positions 2, 3, 4, 5
  const StepCost cost = CostOf(tiny.spec, tiny.weights, batch,
                               {.kv_dtype = DType::kF32, .matmul = MatmulMode::kInteger});
  // With the window the rows see 3, 4, 4, 4 positions, of 0 to 5.
  EXPECT_EQ(cost[CostKind::kAttention].kv_read_bytes, (6 + 6) * 2 * 2 * 8 * 4);
  EXPECT_EQ(cost[CostKind::kAttention].float_macs, (15 + 18) * 2 * 4 * 8);
  Batch later;
  Append(later, 100, 1, false);
  const Cost at_depth =
      CostOf(tiny.spec, tiny.weights, later, {.kv_dtype = DType::kF32})[CostKind::kAttention];
  EXPECT_EQ(at_depth.kv_read_bytes, (4 + 101) * 2 * 2 * 8 * 4);
}

TEST(Cost, KeysInEightBitsAreProductsOfBytes) {
  Tiny tiny({0});
  std::get<GqaSpec>(tiny.spec.layers[0].attention).head_dim = 32;  // whole blocks
  Batch batch;
  Append(batch, 2, 4, false);  // sees 3, 4, 5, 6
  const auto attention = [&](DType cache) {
    return CostOf(tiny.spec, tiny.weights, batch, {.kv_dtype = cache})[CostKind::kAttention];
  };
  const int64_t each = 18 * 4 * 32;  // multiplications with keys, and with values
  EXPECT_EQ(attention(DType::kF16).integer_macs, 0);
  EXPECT_EQ(attention(DType::kF16).float_macs, 2 * each);
  EXPECT_EQ(attention(DType::kQ8_0).integer_macs, each);
  EXPECT_EQ(attention(DType::kQ8_0).float_macs, each);
}

TEST(Cost, OfNormsBehindThePartsIsCounted) {
  Tiny tiny({0});
  tiny.weights.layers[0].attention_output_norm.resize(32);
  tiny.weights.layers[0].ffn_output_norm.resize(32);
  Batch batch;
  Append(batch, 0, 2, true);
  EXPECT_EQ(CostOf(tiny.spec, tiny.weights, batch, {})[CostKind::kNorm],
            (Cost{.weight_bytes = 5 * 32 * 4}));
}

TEST(Cost, FloatMatmulDoesTheSameProductsOnceInFloat) {
  const Tiny tiny({0});
  Batch batch;
  Append(batch, 0, 2, true);
  const Cost cost = CostOf(tiny.spec, tiny.weights, batch,
                           {.kv_dtype = DType::kF16, .matmul = MatmulMode::kFloat})
                        .Total();
  EXPECT_EQ(cost.integer_macs, 0);
  EXPECT_EQ(cost.float_macs, 2 * 32 * (32 + 16 + 16 + 32 + 3 * 64) + 10 * 32 + (1 + 2) * 2 * 4 * 8);
}

// Twelve experts of width 64, three per token, and a shared one behind a gate.
TEST(Cost, OfExpertsCountsTheChosenOnes) {
  Tiny tiny({0});
  MoeFfnSpec spec;
  spec.expert_size = spec.shared_size = 64;
  spec.shared_gate = true;
  spec.router.num_experts = 12;
  spec.router.experts_per_token = 3;
  MoeFfnWeights weights;
  weights.router.gate = MakeWeight(DType::kF32, 12, 32);
  const DenseFfnWeights expert = std::get<DenseFfnWeights>(tiny.weights.layers[0].ffn);
  weights.experts.assign(12, expert);
  weights.shared = expert;
  weights.shared_gate.resize(32);
  tiny.spec.layers[0].ffn = spec;
  tiny.weights.layers[0].ffn = weights;
  constexpr int64_t kExpertBytes = (64 + 64 + 2 * 32) * 18, kExpertMacs = 3 * 64 * 32;
  // Five rows choose 15 times: more than there are experts.
  for (const auto& [rows, active] : {std::pair{1, 3}, {2, 6}, {5, 12}}) {
    Batch batch;
    Append(batch, 0, rows, false);
    const StepCost cost = CostOf(tiny.spec, tiny.weights, batch, {});
    EXPECT_EQ(cost[CostKind::kExperts], (Cost{.weight_bytes = active * kExpertBytes,
                                              .expert_bytes = active * kExpertBytes,
                                              .integer_macs = rows * 3 * kExpertMacs}))
        << rows;
    EXPECT_EQ(cost[CostKind::kRouter],
              (Cost{.weight_bytes = 12 * 128, .float_macs = rows * 12 * 32}));
    EXPECT_EQ(cost[CostKind::kFfn], (Cost{.weight_bytes = kExpertBytes + 128,
                                          .integer_macs = rows * kExpertMacs,
                                          .float_macs = rows * 32}));
  }
}

TEST(Cost, ByLayerIsOutsideFirstThenEachLayer) {
  const Tiny tiny({0, 4});
  Batch batch;
  Append(batch, 9, 1, true);
  const std::vector<StepCost> costs = CostByLayer(tiny.spec, tiny.weights, batch, {});
  ASSERT_EQ(costs.size(), 3u);
  EXPECT_EQ(costs[0][CostKind::kHead], (Cost{.weight_bytes = 10 * 128, .float_macs = 10 * 32}));
  EXPECT_EQ(costs[0][CostKind::kFfn], Cost());
  EXPECT_EQ(costs[1][CostKind::kFfn], costs[2][CostKind::kFfn]);
  EXPECT_EQ(costs[1][CostKind::kAttention].float_macs, 10 * 2 * 4 * 8);
  EXPECT_EQ(costs[2][CostKind::kAttention].float_macs, 4 * 2 * 4 * 8);
  EXPECT_EQ(costs[1][CostKind::kHead], Cost());
}

TEST(Cost, OfExpertsIsThatOfTheAverageExpert) {
  Tiny tiny({0});
  MoeFfnSpec spec;
  spec.expert_size = 64;
  spec.router.num_experts = 4;
  spec.router.experts_per_token = 2;
  MoeFfnWeights weights;
  weights.router.gate = MakeWeight(DType::kF32, 4, 32);
  weights.experts.assign(4, std::get<DenseFfnWeights>(tiny.weights.layers[0].ffn));
  // Half of the experts have a matrix in float16: 4096 bytes instead of 1152, products in float32.
  for (size_t e : {0, 3}) weights.experts[e].gate = MakeWeight(DType::kF16, 64, 32);
  tiny.spec.layers[0].ffn = spec;
  tiny.weights.layers[0].ffn = weights;
  Batch batch;
  Append(batch, 0, 1, false);
  EXPECT_EQ(CostOf(tiny.spec, tiny.weights, batch, {})[CostKind::kExperts],
            (Cost{.weight_bytes = 2 * 2 * 1152 + 1152 + 4096,
                  .expert_bytes = 2 * 2 * 1152 + 1152 + 4096,
                  .integer_macs = 5 * 64 * 32,
                  .float_macs = 64 * 32}));
}

// Blocks of NVFP4 are 16 weights and 16 zeros.
TEST(Cost, OfPackedFormsCountsTheProductsThatAreDone) {
  Tiny tiny({0});
  const auto macs = [&](const Fp4Codes& codes) {
    Weight w{.n = 64, .k = 32};
    w.packed = std::make_shared<const PackedMatrix>(
        PackedMatrix{.n = 64, .k = 32, .codes = codes, .bytes = 1152, .form = ""});
    std::get<DenseFfnWeights>(tiny.weights.layers[0].ffn).gate = w;
    Batch batch;
    Append(batch, 0, 1, false);
    return CostOf(tiny.spec, tiny.weights, batch, {})[CostKind::kFfn].integer_macs;
  };
  EXPECT_EQ(macs({.scale_dtype = DType::kF8E8M0, .group_size = 32}), 3 * 64 * 32);
  EXPECT_EQ(macs({.scale_dtype = DType::kF8E4M3, .group_size = 16}), 4 * 64 * 32);
}

TEST(Cost, OfExpertsCountsTheirBiases) {
  Tiny tiny({0});
  MoeFfnSpec spec;
  spec.expert_size = 64;
  spec.router.num_experts = 4;
  spec.router.experts_per_token = 3;
  MoeFfnWeights weights;
  weights.router.gate = MakeWeight(DType::kF32, 4, 32);
  weights.experts.assign(4, std::get<DenseFfnWeights>(tiny.weights.layers[0].ffn));
  tiny.spec.layers[0].ffn = spec;
  Batch batch;
  Append(batch, 0, 1, false);
  const auto cost = [&] {
    tiny.weights.layers[0].ffn = weights;
    return CostOf(tiny.spec, tiny.weights, batch, {})[CostKind::kExperts];
  };
  const Cost plain = cost();
  for (DenseFfnWeights& expert : weights.experts) {
    expert.gate_bias.resize(64);
    expert.up_bias.resize(64);
    expert.down_bias.resize(32);
  }
  EXPECT_EQ(cost().weight_bytes - plain.weight_bytes, 3 * (64 + 64 + 32) * 4);
  EXPECT_EQ(cost().expert_bytes - plain.expert_bytes, 3 * (64 + 64 + 32) * 4);
}

// 4 heads over rows of 16 + 8; an indexer of 2 heads of 12 that lets a row see 10 positions.
TEST(Cost, OfLatentAttentionCountsItsRowsAndTheIndexer) {
  Tiny tiny({0});
  MlaSpec spec;
  spec.num_heads = 4;
  spec.q_rank = 20;
  spec.latent_dim = 16;
  spec.nope_dim = 6;
  spec.rope_dim = 8;
  spec.value_dim = 5;
  MlaWeights weights;
  weights.query_down = MakeWeight(DType::kF16, 20, 32);
  weights.query = MakeWeight(DType::kF16, 4 * 14, 20);
  weights.latent = MakeWeight(DType::kQ8_0, 24, 32);
  weights.output = MakeWeight(DType::kF16, 32, 20);
  weights.key = {MakeWeight(DType::kF16, 4 * 11, 16), 0, 6, 11, true};
  weights.value = {MakeWeight(DType::kF16, 4 * 11, 16), 6, 5, 11, false};
  const auto cost = [&](const Batch& batch) {
    tiny.spec.layers[0].attention = spec;
    tiny.weights.layers[0].attention = weights;
    return CostOf(tiny.spec, tiny.weights, batch, {.kv_dtype = DType::kF16});
  };
  Batch batch;
  Append(batch, 14, 2, false);  // positions 14 and 15
  constexpr int64_t kFloatWeights = 20 * 32 + 56 * 20 + 32 * 20 + 4 * 16 * (6 + 5);
  EXPECT_EQ(cost(batch)[CostKind::kProjection], (Cost{.weight_bytes = 2 * kFloatWeights + 24 * 34,
                                                      .integer_macs = 2 * 2 * 24 * 32,
                                                      .float_macs = 2 * kFloatWeights}));
  EXPECT_EQ(cost(batch)[CostKind::kAttention], (Cost{.kv_read_bytes = 16 * 24 * 2,
                                                     .kv_written_bytes = 2 * 24 * 2,
                                                     .float_macs = (15 + 16) * 4 * (24 + 16)}));
  spec.indexer = {.num_heads = 2, .head_dim = 12, .top_k = 10};
  weights.indexer.query = MakeWeight(DType::kF16, 24, 20);
  weights.indexer.key = MakeWeight(DType::kF16, 12, 32);
  weights.indexer.head_weights = MakeWeight(DType::kF32, 2, 32);
  EXPECT_EQ(cost(batch)[CostKind::kAttention],
            (Cost{.kv_read_bytes = 16 * 36 * 2,
                  .kv_written_bytes = 2 * 36 * 2,
                  .float_macs = (15 + 16) * 2 * 12 + (10 + 10) * 4 * (24 + 16)}));
  // Each row chooses 7 of the 16 positions: at most 14 rows are read, of all the index keys.
  spec.indexer->top_k = 7;
  EXPECT_EQ(cost(batch)[CostKind::kAttention].kv_read_bytes, 14 * 24 * 2 + 16 * 12 * 2);
  spec.indexer->top_k = 15;  // only the last row has something to choose
  EXPECT_EQ(cost(batch)[CostKind::kAttention].float_macs, 16 * 2 * 12 + (15 + 15) * 4 * (24 + 16));
  spec.indexer->top_k = 16;  // nothing to choose: only the keys are made
  EXPECT_EQ(cost(batch)[CostKind::kProjection].float_macs, 2 * (kFloatWeights + 12 * 32));
  EXPECT_EQ(cost(batch)[CostKind::kAttention].float_macs, (15 + 16) * 4 * (24 + 16));
  EXPECT_EQ(cost(batch)[CostKind::kAttention].kv_read_bytes, 16 * 24 * 2);
}

TEST(Cost, OfStatesOfEntriesCountsWhatIsKeptAndWhatCompletesAnEntry) {
  const auto count = [](int begin, int rows, int ratio, bool overlapping) {
    Batch batch;
    Append(batch, begin, rows, false);
    const StatePositions found = CountStatePositions(batch, ratio, overlapping);
    return std::pair(found.read, found.written);
  };
  using Positions = std::pair<int64_t, int64_t>;
  EXPECT_EQ(count(0, 100, 4, true), Positions(0, 8));    // nothing before the step
  EXPECT_EQ(count(9, 2, 4, true), Positions(0, 2));      // completes nothing
  EXPECT_EQ(count(9, 3, 4, true), Positions(9 - 4, 3));  // the entry of 8 to 11, and of 4 to 7
  EXPECT_EQ(count(8, 4, 4, true), Positions(4, 4));      // of 4 to 7
  EXPECT_EQ(count(2, 2, 4, true), Positions(2, 2));      // the first has no run before it
  EXPECT_EQ(count(9, 50, 4, false), Positions(9 - 8, 4));
  EXPECT_EQ(count(127, 1, 128, false), Positions(127, 1));
  EXPECT_EQ(count(128, 1, 128, false), Positions(0, 1));
}

TEST(Cost, OfADecodeStepReadsEveryTensorOfTheFileOnce) {
  const auto model = LoadModel(SourceRoot() + "/tests/golden/quant/gguf/pure_Q4_K.gguf");
  int64_t file = 0;
  for (const TensorInfo& tensor : model->checkpoint.tensors.all()) {
    file += static_cast<int64_t>(tensor.bytes.size());
  }
  const Weight& table = model->weights.embedding;
  if (table.data != model->weights.head.data) file -= table.bytes();
  Batch batch;
  Append(batch, 0, 1, true);
  EXPECT_EQ(CostOf(model->spec, model->weights, batch, {}).Total().weight_bytes,
            file + table.row_bytes);
}

TEST(Cost, EveryKindHasAName) {
  for (int i = 0; i < static_cast<int>(CostKind::kCount); ++i) {
    EXPECT_STRNE(Name(static_cast<CostKind>(i)), "unknown");
  }
}

}  // namespace
}  // namespace tael
