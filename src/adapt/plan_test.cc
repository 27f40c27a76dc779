#include "adapt/plan.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "checkpoint/open.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

using testing::HasSubstr;

TensorSource Tensor(const std::string& name, std::vector<int64_t> shape,
                    DType dtype = DType::kF32) {
  return {.name = name, .dtype = dtype, .shape = std::move(shape), .produce = nullptr};
}

std::vector<TensorSource> SmallModel() {
  return {Tensor("token_embd.weight", {32, 256}),    Tensor("blk.0.attn_norm.weight", {256}),
          Tensor("blk.0.attn_v.weight", {64, 256}),  Tensor("blk.0.ffn_down.weight", {256, 96}),
          Tensor("blk.0.ffn_up.weight", {100, 256}), Tensor("blk.0.odd.weight", {8, 33}),
          Tensor("output.weight", {32, 256})};
}

PlanRequest Request(const char* recipe) {
  return {.recipe = FindRecipe(recipe), .model = {.architecture = "llama", .layers = 1}};
}

DType TypeIn(const std::vector<PlannedTensor>& plan, const std::string& name) {
  for (const PlannedTensor& tensor : plan) {
    if (tensor.name == name) return tensor.to;
  }
  ADD_FAILURE() << name;
  return DType::kCount;
}

std::string ErrorOf(const PlanRequest& request) {
  try {
    PlanTypes(SmallModel(), request);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(PlanTest, RowsThatAreNoWholeBlocksGetAnotherTypeAndSaySo) {
  const auto plan = PlanTypes(SmallModel(), Request("Q4_K_S"));
  EXPECT_EQ(TypeIn(plan, "blk.0.attn_norm.weight"), DType::kF32);
  EXPECT_EQ(TypeIn(plan, "blk.0.ffn_up.weight"), DType::kQ4_K);
  EXPECT_EQ(TypeIn(plan, "blk.0.ffn_down.weight"), DType::kQ5_0);  // 96 is no multiple of 256
  EXPECT_EQ(TypeIn(plan, "blk.0.odd.weight"), DType::kF16);        // 33 none of 32
  EXPECT_EQ(TypeIn(plan, "output.weight"), DType::kQ6_K);
  EXPECT_EQ(plan[3].reason, Reason::kFallback);
  EXPECT_EQ(plan[3].wanted, DType::kQ4_K);
}

TEST(PlanTest, TheFirstRuleThatMatchesDecides) {
  PlanRequest request = Request("Q8_0");
  request.rules = {ParseTypeRule("attn_(q|v)=Q6_K"), ParseTypeRule("blk=F16")};
  const auto plan = PlanTypes(SmallModel(), request);
  EXPECT_EQ(TypeIn(plan, "blk.0.attn_v.weight"), DType::kQ6_K);
  EXPECT_EQ(TypeIn(plan, "blk.0.ffn_up.weight"), DType::kF16);
  EXPECT_EQ(TypeIn(plan, "token_embd.weight"), DType::kQ8_0);
}

TEST(PlanTest, MistakesInRulesAreNamed) {
  PlanRequest request = Request("Q8_0");
  request.rules = {{"attn_q", DType::kQ6_K}};
  EXPECT_THAT(ErrorOf(request), HasSubstr("matches no tensor"));
  request.rules = {{"attn_norm", DType::kQ6_K}};  // never quantised
  EXPECT_THAT(ErrorOf(request), HasSubstr("matches no tensor"));
  request.rules = {{"attn_(", DType::kQ6_K}};
  EXPECT_THAT(ErrorOf(request), HasSubstr("is no regular expression"));
  EXPECT_THROW(ParseTypeRule("attn_q"), Error);
  EXPECT_THROW(ParseTypeRule("attn_q=Q9"), Error);
  EXPECT_THROW(ParseTypeRule("attn_q=Q8_K"), Error);  // an activation type
}

TEST(PlanTest, ImportanceIsAskedForAndMustFit) {
  EXPECT_THAT(ErrorOf(Request("IQ2_XS")), HasSubstr("without an importance matrix"));
  PlanRequest request = Request("Q4_K_M");
  Importance importance;
  importance.tensors["blk.0.ffn_up.weight"] = {1, 255, {}, {}};
  request.importance = &importance;
  EXPECT_THAT(ErrorOf(request), HasSubstr("made with another model"));
}

// Files that llama.cpp's own program made of one model.
TEST(PlanTest, RecipesChooseTheTypesOfTheirNames) {
  for (const char* name : {"Q4_K_M", "Q3_K_M", "IQ4_XS"}) {
    const auto path = SharedPath(std::string("goldens/quant/gguf/mix_") + name + ".gguf");
    if (!path) GTEST_SKIP() << "goldens/quant/gguf is not available";
    const Checkpoint file = OpenCheckpoint(*path);
    std::vector<TensorSource> tensors;
    for (const TensorInfo& tensor : file.tensors.all()) {
      tensors.push_back(Tensor(tensor.name, tensor.shape));
    }
    const GgufMetadata& keys = *file.gguf;
    PlanRequest request = Request(name);
    request.model.layers = static_cast<int>(keys.Integer("llama.block_count", 0));
    request.model.heads_per_kv_head =
        static_cast<int>(keys.Integer("llama.attention.head_count", 0) /
                         keys.Integer("llama.attention.head_count_kv", 1));
    Importance importance;  // these files were made with one
    request.importance = &importance;
    request.model.importance = true;
    const auto plan = PlanTypes(tensors, request);
    for (size_t i = 0; i < plan.size(); ++i) {
      EXPECT_STREQ(Name(plan[i].to), Name(file.tensors.all()[i].dtype)) << name << plan[i].name;
    }
  }
}

}  // namespace
}  // namespace tael
