// quantization_config: what is read, what is refused, and which tensors then make up a matrix.
#include "model/quantization.h"

#include <gtest/gtest.h>

#include <cstring>
#include <deque>

#include "base/error.h"
#include "base/json.h"
#include "model/binder.h"
#include "model/families.h"
#include "quant/float_bits.h"

namespace tael {
namespace {

constexpr const char* kModule = "model.layers.0.self_attn.q_proj";

ConfigView View(const std::string& quantization) {
  return {ParseJson("{\"quantization_config\": " + quantization + "}", "test"), "test"};
}

std::string Problem(const std::string& quantization) {
  try {
    const ConfigView config = View(quantization);
    ReadQuantization(config);
    const std::vector<std::string> unread = config.UnreadKeys();
    return unread.empty() ? "" : "unread " + unread[0];
  } catch (const Error& error) {
    return error.what();
  }
}

std::string CompressedTensors(const std::string& weights, const std::string& format,
                              const std::string& more = "") {
  return R"({"quant_method": "compressed-tensors", "format": ")" + format +
         R"(", "config_groups": {"group_0": {"targets": ["Linear"], "weights": )" + weights + "}}" +
         more + "}";
}

TEST(ReadQuantization, RefusesByNameWhatItCannotRead) {
  const std::pair<std::string, const char*> cases[] = {
      {R"({"quant_method": "hqq"})", "'hqq'; known are awq"},
      {R"({"bits": 4})", "quant_method ''"},
      {R"({"quant_method": "fp8", "fmt": "e5m2"})",
       "fmt is 'e5m2', needed one of e4m3, float8_e4m3fn"},
      {R"({"quant_method": "fp8", "weight_block_size": [128]})", "weight_block_size"},
      {R"({"quant_method": "fp8", "twist": 1})", "unread quantization_config.twist"},
      {R"({"quant_method": "fp8", "expert_dtype": "fp3"})", "expert_dtype is 'fp3'"},
      {R"({"quant_method": "gptq", "bits": 3, "group_size": 32})", "bits is 3"},
      {R"({"quant_method": "gptq", "bits": 4, "group_size": 0})", "group_size is 0"},
      {R"({"quant_method": "gptq", "bits": 4, "group_size": 32, "checkpoint_format": "marlin"})",
       "checkpoint_format is 'marlin', needed one of gptq, gptq_v2"},
      {R"({"quant_method": "gptq", "bits": 4, "group_size": 32, "dynamic": {"+:.*x": {"bits": 8}}})",
       "dynamic['+:.*x']"},
      {R"({"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": true,
           "version": "gemv"})",
       "version is 'gemv'"},
      {R"({"quant_method": "awq", "bits": 8, "group_size": 128, "zero_point": true})", "bits is 8"},
      {CompressedTensors(R"({"num_bits": 3, "strategy": "channel"})", "pack-quantized"),
       "int of 3 bits"},
      {CompressedTensors(R"({"num_bits": 4, "strategy": "channel"})", "marlin-24"),
       "format is 'marlin-24'"},
      {CompressedTensors(R"({"num_bits": 4, "strategy": "channel", "zebra": 1})", "pack-quantized"),
       "weights.zebra"},
      {CompressedTensors(R"({"num_bits": 8, "strategy": "channel"})", "int-quantized",
                         R"(, "sparsity_config": {"format": "sparse-24-bitmask"})"),
       "sparsity_config is set"},
      {CompressedTensors(R"({"num_bits": 8, "strategy": "channel"})", "int-quantized",
                         R"(, "ignore": ["re:(?!x).*"])"),
       "the pattern '(?!x).*'"},
  };
  for (const auto& [config, part] : cases) {
    EXPECT_NE(Problem(config).find(part), std::string::npos) << Problem(config);
  }
}

TEST(ReadQuantization, TheTypeOfExpertsMayStandInTwoPlacesThatAgree) {
  const auto read = [](const std::string& outer, const std::string& inner) -> std::string {
    const std::string text =
        R"({"expert_dtype": )" + outer +
        R"(, "quantization_config": {"quant_method": "fp8", "expert_dtype": )" + inner + "}}";
    const ConfigView config(ParseJson(text, "test"), "test");
    try {
      const auto quantization = ReadQuantization(config);
      EXPECT_TRUE(config.UnreadKeys().empty()) << text;
      const auto& scheme = std::get<ByteScheme>(*quantization->SchemeOf("a"));
      return std::to_string(static_cast<int>(scheme.experts));
    } catch (const Error& error) {
      return error.what();
    }
  };
  const auto said = [](ExpertCodes codes) { return std::to_string(static_cast<int>(codes)); };
  EXPECT_EQ(read("null", "null"), said(ExpertCodes::kAsStored));
  EXPECT_EQ(read(R"("fp4")", "null"), said(ExpertCodes::kFp4));
  EXPECT_EQ(read("null", R"("fp8")"), said(ExpertCodes::kBytes));
  EXPECT_EQ(read(R"("fp4")", R"("fp4")"), said(ExpertCodes::kFp4));
  EXPECT_NE(read(R"("fp4")", R"("fp8")").find("is 'fp4', but 'fp8' in quantization_config"),
            std::string::npos);
  EXPECT_NE(read("null", R"("fp3")").find("test: quantization_config: expert_dtype is 'fp3'"),
            std::string::npos);
  EXPECT_NE(read(R"("fp3")", "null").find("test: expert_dtype is 'fp3'"), std::string::npos);
}

TEST(ReadQuantization, AGroupThatNamesAModuleComesBeforeOneForAll) {
  const auto read = ReadQuantization(View(R"({"quant_method": "compressed-tensors",
      "format": "mixed-precision", "ignore": ["re:.*gate$", "lm_head"], "config_groups": {
        "group_0": {"format": "int-quantized", "targets": ["Linear"],
                    "weights": {"num_bits": 8, "strategy": "channel"}},
        "group_1": {"format": "pack-quantized", "targets": ["re:.*down_proj$", "a.b"],
                    "weights": {"num_bits": 4, "strategy": "group", "group_size": 32}}}})"));
  ASSERT_TRUE(read.has_value());
  EXPECT_TRUE(std::holds_alternative<WordScheme>(*read->SchemeOf("model.layers.3.mlp.down_proj")));
  EXPECT_TRUE(std::holds_alternative<WordScheme>(*read->SchemeOf("a.b")));
  EXPECT_TRUE(std::holds_alternative<ByteScheme>(*read->SchemeOf("model.layers.3.mlp.up_proj")));
  EXPECT_TRUE(read->IsExcluded("model.layers.3.mlp.gate"));
  EXPECT_FALSE(read->IsExcluded("model.layers.3.mlp.gate_proj"));
  EXPECT_TRUE(read->IsExcluded("lm_head"));
}

// A checkpoint of one module.
class BindPackedTest : public testing::Test {
 protected:
  std::vector<uint8_t>& Add(const char* suffix, DType dtype, std::vector<int64_t> shape,
                            std::vector<int32_t> words = {}) {
    int64_t count = 1;
    for (const int64_t size : shape) count *= size;
    auto& bytes = memory_.emplace_back(static_cast<size_t>(*StorageBytes(dtype, count)));
    if (!words.empty()) std::memcpy(bytes.data(), words.data(), 4 * words.size());
    tensors_.Add(
        {.name = module_ + suffix, .dtype = dtype, .shape = std::move(shape), .bytes = bytes},
        "test");
    return bytes;
  }

  Weight Bind(const std::string& quantization, int64_t n, int64_t k) {
    return BindWith(quantization, "LlamaForCausalLM",
                    [&](Binder& binder) { return binder.Matrix(Role::kQuery, 0, n, k); });
  }

  // All experts' gate and up rows, whose tensors the test added by their whole names.
  Weight BindStack(const std::string& quantization, int64_t count, int64_t n, int64_t k) {
    return BindWith(quantization, "Qwen3MoeForCausalLM", [&](Binder& binder) {
      return binder.Stack(Role::kExpertGateUpStack, 0, count, n, k);
    });
  }

  template <typename Read>
  Weight BindWith(const std::string& quantization, const char* family, const Read& read) {
    Checkpoint checkpoint{.path = "test",
                          .directory = "",
                          .container = Container::kSafetensors,
                          .config = View(quantization),
                          .tensors = std::move(tensors_),
                          .gguf = nullptr,
                          .files = {},
                          .eos_token_ids = {},
                          .generation_config = {}};
    tensors_ = {};
    Binder binder(*FindFamily(family), checkpoint, 64, /*headers_only=*/false);
    const Weight weight = read(binder);
    problem_.clear();
    try {
      binder.Finish();
    } catch (const Error& error) {
      problem_ = error.what();
    }
    return weight;
  }

  static constexpr const char* kFp8 =
      R"({"quant_method": "fp8", "weight_block_size": [128, 128],
          "modules_to_not_convert": ["k_proj"]})";
  static constexpr const char* kGptq =
      R"({"quant_method": "gptq", "bits": 4, "group_size": 16, "desc_act": true})";

  std::deque<std::vector<uint8_t>> memory_;
  TensorIndex tensors_;
  std::string problem_, module_ = kModule;
};

// Experts of 200 rows and 160 columns: each has its own edge blocks.
TEST_F(BindPackedTest, StacksOfExpertsInFloat8HaveAGridOfScalesEach) {
  module_ = "model.layers.0.mlp.experts.gate_up_proj";
  constexpr int64_t kCount = 3, kRows = 200, kColumns = 160;
  std::vector<uint8_t>& codes = Add("", DType::kF8E4M3, {kCount, kRows, kColumns});
  std::vector<uint8_t>& scales = Add("_scale_inv", DType::kF32, {kCount, 2, 2});
  Add("_activation_scale", DType::kF32, {kCount});
  for (size_t i = 0; i < codes.size(); ++i) codes[i] = static_cast<uint8_t>(i * 31 % 127);
  std::vector<float> grid(12);
  for (size_t i = 0; i < grid.size(); ++i) grid[i] = 0.25f * static_cast<float>(i + 1);
  std::memcpy(scales.data(), grid.data(), scales.size());
  const Weight stack = BindStack(kFp8, kCount, kRows, kColumns);
  EXPECT_EQ(problem_, "");
  ASSERT_NE(stack.packed, nullptr);
  EXPECT_EQ(stack.packed->n, kCount * kRows);
  std::vector<float> row(kColumns);
  for (int64_t r = 0; r < kCount * kRows; ++r) {
    DecodePacked(*stack.packed, {.first = r, .count = 1}, kPlainDecoders, row.data());
    for (int64_t c = 0; c < kColumns; ++c) {
      const int64_t cell = r / kRows * 4 + r % kRows / 128 * 2 + c / 128;
      const float wanted = E4M3ToFloat(codes[static_cast<size_t>(r * kColumns + c)]) *
                           grid[static_cast<size_t>(cell)];
      ASSERT_EQ(row[static_cast<size_t>(c)], wanted) << r << " " << c;
    }
  }
}

TEST_F(BindPackedTest, StacksInFloat8NeedScalesForEveryExpert) {
  module_ = "model.layers.0.mlp.experts.gate_up_proj";
  Add("", DType::kF8E4M3, {3, 200, 160});
  Add("_scale_inv", DType::kF32, {1, 2, 2});
  EXPECT_TRUE(BindStack(kFp8, 3, 200, 160).empty());
  EXPECT_NE(problem_.find("has shape [1, 2, 2], needed [3, 2, 2]"), std::string::npos) << problem_;
  Add("", DType::kF8E4M3, {3, 200, 160});
  Add("_scale", DType::kF32, {3});
  const Weight one_each = BindStack(R"({"quant_method": "fp8"})", 3, 200, 160);
  EXPECT_EQ(problem_, "");
  ASSERT_NE(one_each.packed, nullptr);
  EXPECT_EQ(std::get<ByteCodes>(one_each.packed->codes).GridStart(399), 1);
}

TEST_F(BindPackedTest, ScalesMayHaveDeepSeekV4sName) {
  Add(".weight", DType::kF8E4M3, {256, 128});
  Add(".scale", DType::kF8E8M0, {2, 1});
  const Weight weight = Bind(kFp8, 256, 128);
  EXPECT_EQ(problem_, "");
  ASSERT_NE(weight.packed, nullptr);
  EXPECT_EQ(weight.packed->form, "F8_E4M3, scales of 128 x 128");
}

TEST_F(BindPackedTest, TheTypeOfCodesTellsPairsOf4BitFloatsFromBytes) {
  for (const DType type : {DType::kI8, DType::kF4}) {
    Add(".weight", type, {3, type == DType::kF4 ? 64 : 32});
    Add(".scale", DType::kF8E8M0, {3, 2});
    const Weight weight = Bind(kFp8, 3, 64);
    EXPECT_EQ(problem_, "");
    ASSERT_NE(weight.packed, nullptr);
    EXPECT_EQ(weight.packed->form, "MXFP4");
    EXPECT_EQ(weight.bytes(), 3 * 32 + 3 * 2);
  }
  Add(".weight", DType::kI8, {3, 64});  // a byte for each input
  Add(".scale", DType::kF8E8M0, {3, 2});
  Bind(kFp8, 3, 64);
  EXPECT_NE(problem_.find("has shape [3, 64], needed [3, 32]"), std::string::npos) << problem_;
  Add(".weight", DType::kI8, {3, 32});
  Add(".scale", DType::kF8E8M0, {3, 2});
  Bind(R"({"quant_method": "fp8", "weight_block_size": [128, 128], "expert_dtype": "fp8"})", 3, 64);
  EXPECT_NE(problem_.find("has shape [3, 32], needed [3, 64]"), std::string::npos) << problem_;
}

TEST_F(BindPackedTest, StacksOf4BitFloatsUnderTheNamesOfBytesAreRefused) {
  module_ = "model.layers.0.mlp.experts.gate_up_proj";
  Add("", DType::kI8, {3, 200, 80});
  Add("_scale", DType::kF8E8M0, {3, 200, 5});
  EXPECT_TRUE(BindStack(R"({"quant_method": "fp8", "expert_dtype": "fp4"})", 3, 200, 160).empty());
  EXPECT_NE(problem_.find("experts.gate_up_proj' holds several matrices of 4-bit floats"),
            std::string::npos)
      << problem_;
}

TEST_F(BindPackedTest, EdgeBlocksHaveTheirOwnRowAndColumnOfScales) {
  Add(".weight", DType::kF8E4M3, {576, 200});
  Add(".weight_scale_inv", DType::kF32, {5, 2});
  Add(".input_scale", DType::kF32, {1});  // of activations: known, not read
  const Weight weight = Bind(kFp8, 576, 200);
  EXPECT_EQ(problem_, "");
  ASSERT_NE(weight.packed, nullptr);
  EXPECT_EQ(weight.bytes(), 576 * 200 + 4 * 10);  // what the two tensors have in the file
}

TEST_F(BindPackedTest, AMissingOrMisshapedScaleIsNamedWithWhatWasNeeded) {
  Add(".weight", DType::kF8E4M3, {576, 200});
  EXPECT_TRUE(Bind(kFp8, 576, 200).empty());
  EXPECT_NE(problem_.find("missing tensor 'model.layers.0.self_attn.q_proj.weight_scale_inv' [5, "
                          "2]"),
            std::string::npos)
      << problem_;
  Add(".weight", DType::kF8E4M3, {576, 200});
  Add(".weight_scale_inv", DType::kF32, {4, 2});
  EXPECT_TRUE(Bind(kFp8, 576, 200).empty());
  EXPECT_NE(problem_.find("has shape [4, 2], needed [5, 2]"), std::string::npos) << problem_;
}

TEST_F(BindPackedTest, APlainTensorStaysPlainAndAnExcludedOneMustBe) {
  Add(".weight", DType::kBF16, {8, 16});
  EXPECT_EQ(Bind(kFp8, 8, 16).packed, nullptr);
  EXPECT_EQ(problem_, "");
  Add(".weight", DType::kF8E4M3, {8, 16});
  Add(".weight_scale_inv", DType::kF32, {1, 1});
  Bind(R"({"quant_method": "fp8", "weight_block_size": [128, 128],
           "modules_to_not_convert": ["q_proj"]})",
       8, 16);
  EXPECT_NE(problem_.find("modules_to_not_convert of quantization_config says that it is not"),
            std::string::npos)
      << problem_;
}

TEST_F(BindPackedTest, GroupIndicesAreCheckedBeforeAnythingIsDecoded) {
  const auto add = [&](std::vector<int32_t> index) {
    Add(".qweight", DType::kI32, {4, 8});
    Add(".qzeros", DType::kI32, {2, 1});
    Add(".scales", DType::kF16, {2, 8});
    Add(".g_idx", DType::kI32, {32}, std::move(index));
  };
  std::vector<int32_t> index(32);
  for (size_t i = 0; i < 32; ++i) index[i] = static_cast<int32_t>(i / 16);
  add(index);
  Weight weight = Bind(kGptq, 8, 32);
  EXPECT_EQ(problem_, "");
  // With desc_act the form of the product must not depend on what the index says.
  EXPECT_NE(std::get<WordCodes>(weight.packed->codes).group_index, nullptr);
  add(index);
  std::string in_order = kGptq;
  in_order.replace(in_order.find("true"), 4, "false");
  weight = Bind(in_order.c_str(), 8, 32);
  EXPECT_EQ(problem_, "");
  EXPECT_EQ(std::get<WordCodes>(weight.packed->codes).group_index, nullptr);
  std::swap(index[0], index[20]);
  add(index);
  weight = Bind(kGptq, 8, 32);
  EXPECT_NE(std::get<WordCodes>(weight.packed->codes).group_index, nullptr);
  index[7] = 2;
  add(index);
  EXPECT_TRUE(Bind(kGptq, 8, 32).empty());
  EXPECT_NE(problem_.find("input 7 is in group 2, and there are 2"), std::string::npos) << problem_;
}

TEST_F(BindPackedTest, SizesThatDoNotFillWordsOrGroupsAreRefused) {
  Add(".qweight", DType::kI32, {4, 9});
  Bind(kGptq, 9, 32);
  EXPECT_NE(problem_.find("number of rows 9 is no multiple of 8"), std::string::npos) << problem_;
  Add(".weight_packed", DType::kI32, {8, 5});
  Bind(CompressedTensors(R"({"num_bits": 4, "strategy": "group", "group_size": 16})",
                         "pack-quantized"),
       8, 40);
  EXPECT_NE(problem_.find("row length 40 is no multiple of 16"), std::string::npos) << problem_;
}

}  // namespace
}  // namespace tael
