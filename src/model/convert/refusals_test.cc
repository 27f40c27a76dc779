// What a conversion to safetensors refuses in GGUF files that say more than they should.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "checkpoint/carried.h"
#include "checkpoint/write_gguf.h"
#include "checkpoint/write_safetensors.h"
#include "model/convert/config.h"
#include "model/convert/elements.h"
#include "model/convert/metadata.h"
#include "model/convert/tensors.h"
#include "tests/support/shared_data.h"
#include "tests/support/tiny_networks.h"

namespace tael {
namespace {

const Family& FamilyOf(const Model& model) {
  return *FindFamily(model.checkpoint.config.Strings("architectures")[0]);
}

// A GGUF file made of a checkpoint, and what becomes of it.
class RefusalsTest : public testing::Test {
 protected:
  void From(const std::string& folder) {
    source_ = LoadModel(folder);
    const GgufArch& arch = GgufArchOf(FamilyOf(*source_));
    entries_ = GgufEntriesOf(*source_, arch, "test");
    AddCarried(*source_, &entries_);
    tensors_ = TensorsForGguf({*source_, FamilyOf(*source_)}, arch).tensors;
  }
  void FromGolden(const std::string& name) { From(SourceRoot() + "/tests/golden/" + name); }

  GgufValue& Entry(std::string_view key) {
    for (auto& [name, value] : entries_) {
      if (name == key) return value;
    }
    throw std::runtime_error("no such key");
  }
  std::vector<std::string>& Lines() { return Entry(carried::kTensors).strings; }
  std::string& Line(std::string_view name) {
    for (std::string& line : Lines()) {
      if (line.starts_with(std::string(name) + " ")) return line;
    }
    throw std::runtime_error("no such line");
  }
  void SetFloats(std::string_view name, const std::vector<float>& values) {
    for (TensorSource& tensor : tensors_) {
      if (tensor.name != name) continue;
      tensor.produce = [values](const ByteSink& sink) {
        sink({reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(float)});
      };
    }
  }

  std::unique_ptr<Model> Written() {
    return LoadModel(WriteGguf(JoinPath(folder_.path(), "m.gguf"), entries_, tensors_)[0]);
  }
  std::string Problem() {
    const auto model = Written();
    try {
      TensorsForSafetensors({*model, FamilyOf(*model)}, Lines(), DType::kF32);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  TemporaryFolder folder_, tiny_;
  std::unique_ptr<Model> source_;
  GgufEntries entries_;
  std::vector<TensorSource> tensors_;
};

constexpr const char* kUp = "model.layers.0.mlp.up_proj.weight";  // [88, 64]

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_F(RefusalsTest, AListAsItWasWrittenIsTaken) {
  FromGolden("llama3");
  EXPECT_EQ(Problem(), "");
}

TEST_F(RefusalsTest, ShapesThatTheTensorsHaveNot) {
  FromGolden("llama3");
  Line("model.norm.weight") = "model.norm.weight F32 65";
  Line(kUp) = std::string(kUp) + " F32 64,88";
  Line("model.embed_tokens.weight") = "model.embed_tokens.weight F32 9223372036854775807,8";
  const std::string problem = Problem();
  for (const char* name : {"model.norm.weight", kUp, "model.embed_tokens.weight"}) {
    EXPECT_TRUE(Has(problem, std::string("'") + name + "' had another shape")) << problem;
  }
}

// What is no type of numbers that the converter makes counts as not said.
TEST_F(RefusalsTest, TypesOfWholeNumbersAreNotMade) {
  FromGolden("llama3");
  for (const char* type : {"I64", "U8", "BOOL", "F8_E4M3", "nonsense"}) {
    Line("model.norm.weight") = std::string("model.norm.weight ") + type + " 64";
    Line(kUp) = fmt::format("{} {} 88,64", kUp, type);
    const auto model = Written();
    const auto made = TensorsForSafetensors({*model, FamilyOf(*model)}, Lines(), DType::kF32);
    for (const TensorSource& tensor : made.tensors) {
      EXPECT_TRUE(tensor.dtype == DType::kF32 || tensor.dtype == DType::kBF16) << tensor.name;
      int64_t bytes = 0;
      tensor.produce(
          [&](std::span<const uint8_t> piece) { bytes += static_cast<int64_t>(piece.size()); });
      EXPECT_EQ(bytes, tensor.bytes()) << tensor.name;
    }
  }
}

TEST_F(RefusalsTest, LinesWithoutARole) {
  FromGolden("llama3");
  for (const char* line : {"", " ", "model.norm.weight", "model.norm.weight F32", "a b c",
                           "model.layers.99999999999.mlp.up_proj.weight F32 2,2"}) {
    Lines().emplace_back(line);
    EXPECT_TRUE(Has(Problem(), "stands in tael.source_tensors, but has no role")) << line;
    Lines().pop_back();
  }
  Lines().emplace_back("model.layers.7.mlp.up_proj.weight F32 2,2");
  EXPECT_TRUE(Has(Problem(), "'model.layers.7.mlp.up_proj.weight' has no counterpart"));
}

TEST_F(RefusalsTest, ATensorThatNoLineNames) {
  FromGolden("llama3");
  std::erase(Lines(), Line("model.layers.1.mlp.up_proj.weight"));
  EXPECT_TRUE(Has(Problem(), "'blk.1.ffn_up.weight' has no Hugging Face name"));
}

TEST_F(RefusalsTest, AnExpertThatNoLineNames) {
  FromGolden("deepseek-moe");
  std::string dropped;
  for (const std::string& line : Lines()) {
    if (Has(line, ".mlp.experts.0.up_proj")) dropped = line;
  }
  ASSERT_FALSE(dropped.empty());
  std::erase(Lines(), dropped);
  const std::string problem = Problem();
  EXPECT_TRUE(Has(problem, "ffn_up_exps.weight' has") && Has(problem, "are wanted")) << problem;
  // Two lines for one expert do not stand for two.
  std::string other = dropped;
  other.replace(other.find("experts.0."), 10, "experts.1.");
  Lines().push_back(other);
  EXPECT_TRUE(Has(Problem(), "are wanted")) << Problem();
}

// DeepSeek-V4's experts of each token: whole numbers in any case, of the shape that the file has.
TEST_F(RefusalsTest, TablesOfWholeNumbersKeepTheirShapeAndStayWholeNumbers) {
  const auto gguf = LoadModel(SourceRoot() + "/tests/golden/deepseek-v4-gguf/model.gguf");
  const auto plain = TensorsForSafetensors({*gguf, FamilyOf(*gguf), DType::kBF16}, {}, DType::kF32);
  tiny_.Write("config.json", DumpJson(HfConfigOf(*gguf)));
  WriteSafetensors(tiny_.path(), plain.tensors);
  From(tiny_.path());
  constexpr const char* kTable = "layers.0.ffn.gate.tid2eid";
  EXPECT_EQ(Line(kTable), std::string(kTable) + " I64 512,2");
  Line(kTable) = std::string(kTable) + " F32 512,2";
  EXPECT_EQ(Problem(), "");
  const auto model = Written();
  const auto made = TensorsForSafetensors({*model, FamilyOf(*model)}, Lines(), DType::kF32);
  const auto table = std::find_if(made.tensors.begin(), made.tensors.end(),
                                  [](const TensorSource& t) { return t.name == kTable; });
  ASSERT_NE(table, made.tensors.end());
  EXPECT_EQ(table->dtype, DType::kI64);
  Line(kTable) = std::string(kTable) + " I64 2,512";
  EXPECT_TRUE(Has(Problem(), std::string("'") + kTable + "' had another shape")) << Problem();
}

// -exp(x) is below 0 for every number x.
TEST_F(RefusalsTest, RatesThatNoLogarithmGives) {
  From(TinyHybrid().Write(tiny_));
  EXPECT_EQ(Problem(), "");
  for (const float rate : {0.5f, 1e-30f, 3e38f}) {
    SetFloats("blk.0.ssm_a", {-1, -1, rate, -1});
    EXPECT_TRUE(Has(Problem(), "would be logarithms of rates that are above 0")) << rate;
  }
  // What exp() of a very negative number rounds to: such a number comes out, no infinity.
  SetFloats("blk.0.ssm_a", {-1, -1, 0, -1});
  std::erase_if(entries_, [](const auto& e) { return e.first.starts_with(carried::kSourceBytes); });
  const auto model = Written();
  for (const TensorSource& tensor :
       TensorsForSafetensors({*model, FamilyOf(*model)}, Lines(), DType::kF32).tensors) {
    if (!tensor.name.ends_with("A_log")) continue;
    std::vector<float> logs(4);
    tensor.produce([&](std::span<const uint8_t> bytes) {
      std::memcpy(logs.data(), bytes.data(), bytes.size());
    });
    EXPECT_EQ(logs[2], -200);
  }
}

// -exp(100) is no float32: the file could not be read again.
TEST(RatesTest, MustBeFiniteInGguf) {
  const TemporaryFolder folder;
  TinyModel tiny = TinyHybrid(/*rate_log=*/100);
  const auto model = LoadModel(tiny.Write(folder));
  try {
    TensorsForGguf({*model, FamilyOf(*model)}, GgufArchOf(FamilyOf(*model)));
    FAIL() << "was taken";
  } catch (const Error& error) {
    EXPECT_TRUE(Has(error.what(), "'blk.0.ssm_a' would hold what is no finite")) << error.what();
  }
}

TEST(RoundingTest, NeverMakesANumberInfinite) {
  const std::vector<float> values = {1, 65504, 65519, 1e6f};
  const std::span bytes(reinterpret_cast<const uint8_t*>(values.data()), 16);
  const auto produce = [&](size_t count, DType to) {
    const RowPlan plan{.from = DType::kF32,
                       .parts = {{.bytes = bytes.first(4 * count), .row_elements = 1}},
                       .to = to,
                       .rounded = true};
    ProduceRows(plan, "w")([](std::span<const uint8_t>) {});
  };
  EXPECT_NO_THROW(produce(3, DType::kF16));
  EXPECT_NO_THROW(produce(4, DType::kBF16));
  try {
    produce(4, DType::kF16);
    FAIL() << "was rounded";
  } catch (const Error& error) {
    EXPECT_TRUE(Has(error.what(), "'w': holds 1000000, which is beyond the range of F16"))
        << error.what();
  }
}

TEST_F(RefusalsTest, DivisorsOfRopeThatAreNotLlama3s) {
  FromGolden("llama3");
  entries_.erase(std::find_if(entries_.begin(), entries_.end(),
                              [](const auto& entry) { return entry.first == carried::kKeysHash; }));
  EXPECT_NO_THROW(HfConfigOf(*Written()));
  for (TensorSource& tensor : tensors_) {
    if (tensor.name != "rope_freqs.weight") continue;
    SetFloats(tensor.name, std::vector<float>(static_cast<size_t>(tensor.shape[0]), 3));
  }
  try {
    HfConfigOf(*Written());
    FAIL() << "was taken";
  } catch (const Error& error) {
    EXPECT_TRUE(Has(error.what(), "rope_freqs.weight are not those of rope type")) << error.what();
  }
  // Ones say that nothing is scaled.
  for (const TensorSource& tensor : tensors_) {
    if (tensor.name != "rope_freqs.weight") continue;
    SetFloats(tensor.name, std::vector<float>(static_cast<size_t>(tensor.shape[0]), 1));
  }
  EXPECT_EQ(HfConfigOf(*Written()).Find("rope_scaling"), nullptr);
}

// The carried configuration says how rope is scaled, and so do the divisors.
TEST_F(RefusalsTest, DivisorsOfRopeThatContradictTheConfiguration) {
  FromGolden("llama3");
  EXPECT_NO_THROW(Written());
  const auto of_rope = std::find_if(tensors_.begin(), tensors_.end(), [](const TensorSource& t) {
    return t.name == "rope_freqs.weight";
  });
  ASSERT_NE(of_rope, tensors_.end());
  std::vector<float> divisors(static_cast<size_t>(of_rope->shape[0]));
  of_rope->produce([&](std::span<const uint8_t> bytes) {
    ASSERT_EQ(bytes.size(), divisors.size() * sizeof(float));
    std::memcpy(divisors.data(), bytes.data(), bytes.size());
  });
  divisors.back() *= 1 + 5e-6f;  // another program's rounding
  SetFloats("rope_freqs.weight", divisors);
  EXPECT_NO_THROW(Written());
  for (const float times : {1 + 5e-5f, 0.5f, 0.0f, -1.0f}) {
    std::vector<float> others = divisors;
    others.back() *= times;
    SetFloats("rope_freqs.weight", others);
    try {
      Written();
      ADD_FAILURE() << "was taken: " << times;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
      EXPECT_TRUE(Has(error.what(), "'rope_freqs.weight': divisor ")) << error.what();
    }
  }
}

// Factors that are not llama3's own come back as they were although the hash holds no more.
TEST_F(RefusalsTest, UnusualFactorsOfRopeComeBackAsTheyWere) {
  TemporaryFolder edited;
  const std::string golden = SourceRoot() + "/tests/golden/llama3/";
  Json config = ParseJson(ReadFile(golden + "config.json"), "test");
  Json scaling = *config.Find("rope_scaling");
  scaling.Set("low_freq_factor", 1.5);
  scaling.Set("high_freq_factor", 3.5);
  config.Set("rope_scaling", scaling);
  edited.Write("config.json", DumpJson(config));
  edited.Write("model.safetensors", ReadFile(golden + "model.safetensors"));
  From(edited.path());
  EXPECT_EQ(HfConfigOf(*Written()), config);
  Entry("llama.context_length").integer /= 2;
  EXPECT_EQ(*HfConfigOf(*Written()).Find("rope_scaling"), scaling);
}

// Classes that name the rotated part by its share do not read its width.
TEST_F(RefusalsTest, TheRotatedPartIsAShareWhereAClassNamesItSo) {
  From(TinyHybrid().Write(tiny_));
  std::erase_if(entries_, [](const auto& entry) { return entry.first == carried::kKeysHash; });
  const Json config = HfConfigOf(*Written());
  ASSERT_NE(config.Find("partial_rotary_factor"), nullptr) << DumpJson(config);
  EXPECT_EQ(config.Find("partial_rotary_factor")->as_double(), 0.5);
  EXPECT_EQ(config.Find("rotary_dim"), nullptr);
}

}  // namespace
}  // namespace tael
