// Conversion of whole models: safetensors to GGUF and back, for every family that has a golden.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/carried.h"
#include "checkpoint/write_gguf.h"
#include "checkpoint/write_safetensors.h"
#include "engine/session.h"
#include "model/convert/config.h"
#include "model/convert/metadata.h"
#include "model/convert/tensors.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

const Family& FamilyOf(const Model& model) {
  return *FindFamily(model.checkpoint.config.Strings("architectures")[0]);
}

// The GGUF file of a model from safetensors; without `carried` as other programs would write it.
std::string ToGguf(const Model& model, const TemporaryFolder& folder, bool carried = true) {
  const GgufArch& arch = GgufArchOf(FamilyOf(model));
  GgufEntries entries = GgufEntriesOf(model, arch, "test");
  if (carried) AddCarried(model, &entries);
  const ConvertedTensors converted = TensorsForGguf({model, FamilyOf(model)}, arch);
  return WriteGguf(JoinPath(folder.path(), "model.gguf"), entries, converted.tensors)[0];
}

// `matrices`: the type that block formats are decoded to.
void ToSafetensors(const Model& model, const TemporaryFolder& folder,
                   std::optional<DType> matrices = std::nullopt) {
  const GgufValue* list = model.checkpoint.gguf->Find(carried::kTensors);
  const ConvertedTensors converted = TensorsForSafetensors(
      {model, FamilyOf(model), matrices},
      list == nullptr ? std::vector<std::string>() : list->strings, DType::kBF16);
  folder.Write("config.json", DumpJson(HfConfigOf(model)));
  WriteSafetensors(folder.path(), converted.tensors);
}

std::vector<float> Logits(const Model& model, int length = 40) {
  // A cache of float32: in a narrower one, sums in another order fall on other sides of a rounding.
  Session session(
      model, {.max_context = std::max(64, length),
              .runner = {.threads = 1, .matmul = MatmulMode::kFloat, .kv_dtype = DType::kF32}});
  std::vector<TokenId> tokens;
  for (int i = 0; i < length; ++i) tokens.push_back((i * 37 + 11) % model.spec.vocab_size);
  return session.Evaluate(tokens, {.all_logits = true}).logits;
}

// The tensors of `wanted` that the network uses are in `found` with the same bytes.
void ExpectSameTensors(const Model& found, const Model& wanted) {
  const std::vector<std::string> names = ListTensors(wanted);
  EXPECT_EQ(ListTensors(found).size(), names.size());
  for (const std::string& line : names) {
    const std::string name = line.substr(0, line.find(' '));
    const TensorInfo* a = found.checkpoint.tensors.Find(name);
    const TensorInfo* b = wanted.checkpoint.tensors.Find(name);
    ASSERT_NE(a, nullptr) << name;
    EXPECT_EQ(a->dtype, b->dtype) << name;
    EXPECT_EQ(a->shape, b->shape) << name;
    EXPECT_TRUE(std::equal(a->bytes.begin(), a->bytes.end(), b->bytes.begin(), b->bytes.end()))
        << name;
  }
}

// Keys that converters write and that say nothing, or that say it in another way.
bool IsWithoutMeaning(std::string_view key) {
  for (const std::string_view ending :
       {".vocab_size", ".rope.dimension_count", ".expert_gating_func", ".nextn_predict_layers"}) {
    if (key.ends_with(ending)) return true;
  }
  return false;
}

// The keys of the architecture that a file of the public converter has.
void ExpectKeysOf(const Gguf& b, const Gguf& a) {
  const std::string start = b.metadata.Text("general.architecture", "") + ".";
  for (const auto& [key, wanted] : b.metadata.entries) {
    if (!key.starts_with(start)) continue;
    const GgufValue* found = a.metadata.Find(key);
    if (found == nullptr && IsWithoutMeaning(key)) continue;
    ASSERT_NE(found, nullptr) << key;
    EXPECT_EQ(found->type, wanted.type) << key;
    EXPECT_EQ(found->integer, wanted.integer) << key;
    EXPECT_NEAR(found->number, wanted.number, 1e-6 * std::fabs(wanted.number)) << key;
    EXPECT_EQ(found->text, wanted.text) << key;
    EXPECT_EQ(found->integers, wanted.integers) << key;
    EXPECT_EQ(found->numbers, wanted.numbers) << key;
  }
}

// The golden's own GGUF file, made by the public converter.
void ExpectLikeGolden(const std::string& made, const std::string& golden) {
  const Gguf a = OpenGguf(made), b = OpenGguf(golden);
  EXPECT_EQ(a.tensors.all().size(), b.tensors.all().size());
  for (const TensorInfo& wanted : b.tensors.all()) {
    const TensorInfo* found = a.tensors.Find(wanted.name);
    ASSERT_NE(found, nullptr) << wanted.name;
    EXPECT_EQ(found->dtype, wanted.dtype) << wanted.name;
    EXPECT_EQ(found->shape, wanted.shape) << wanted.name;
    if (wanted.name == "rope_freqs.weight") continue;  // equal to rounding
    EXPECT_TRUE(std::equal(found->bytes.begin(), found->bytes.end(), wanted.bytes.begin(),
                           wanted.bytes.end()))
        << wanted.name;
  }
  ExpectKeysOf(b, a);
}

// Normalised mean square error; 0 only for equal numbers.
double Distance(const std::vector<float>& found, const std::vector<float>& wanted) {
  if (found.size() != wanted.size()) return std::numeric_limits<double>::infinity();
  double error = 0, size = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    error += std::pow(double{found[i]} - double{wanted[i]}, 2);
    size += double{wanted[i]} * double{wanted[i]};
  }
  return error / size;
}

// Goldens that no GGUF file can hold, and the part of the refusal that says why.
const std::map<std::string, std::string> kNotExpressed = {
    {"deepseek-v4-published", "float8 with scales for blocks of attention"},
    {"pangu-pro-moe", "GGUF has no architecture for PanguProMoEForCausalLM"},
    {"pangu-ultra-moe", "GGUF has no architecture for PanguUltraMoEForCausalLM"},
    {"qwen3-moe-mixed", "layers that are dense among those with experts"},
};

// Families without a golden, whose converter is that of another.
const std::set<std::string> kSameAsAnother = {"DeepseekForCausalLM",
                                              "Ernie4_5_ForCausalLM",
                                              "Gemma3ForConditionalGeneration",
                                              "Mistral3ForConditionalGeneration",
                                              "SeedOssForCausalLM",
                                              "Qwen3_5ForCausalLM",
                                              "Qwen3_5MoeForCausalLM"};
// Families without a golden, and without an architecture here.
const std::set<std::string> kWithoutGguf = {"MiMoForCausalLM"};

bool IsCheckpoint(const std::string& folder) {
  return FileExists(folder + "/config.json") &&
         (FileExists(folder + "/model.safetensors") ||
          FileExists(folder + "/model.safetensors.index.json"));
}

// Every golden there is, so that none can be forgotten: by name, the shared ones where they are.
std::map<std::string, std::string> Goldens() {
  std::map<std::string, std::string> all;
  const std::string compact = SourceRoot() + "/tests/golden";
  for (const std::string& root : {SharedPath("goldens").value_or(compact), compact}) {
    for (const std::string& name : ListDirectory(root)) {
      if (IsCheckpoint(JoinPath(root, name))) all[name] = JoinPath(root, name);
    }
  }
  for (const char* name : {"goldens/quant/hf/mxfp4_gpt_oss"}) {
    if (const auto path = SharedPath(name)) all[BaseName(name)] = *path;
  }
  return all;
}

std::vector<std::string> ConvertedGoldens() {
  std::vector<std::string> names;
  for (const auto& [name, folder] : Goldens()) {
    if (kNotExpressed.count(name) == 0) names.push_back(name);
  }
  return names;
}

class ConvertTest : public testing::TestWithParam<std::string> {
 protected:
  static std::string Folder() { return Goldens().at(GetParam()); }
};

TEST_P(ConvertTest, ThereAndBackGivesTheSameTensorsAndTheSameLogits) {
  const std::string folder = Folder();
  const auto source = LoadModel(folder);
  TemporaryFolder gguf_folder, hf_folder;
  const std::string path = ToGguf(*source, gguf_folder);
  const auto gguf = LoadModel(path);
  const std::vector<float> wanted = Logits(*source), found = Logits(*gguf);
  // Rows of q and k, or columns behind value heads, in another order are summed in another order.
  const GgufArch* arch = FindGgufArch(gguf->checkpoint.gguf->Text("general.architecture", ""));
  const bool reordered = arch->permuted_qk || arch->tiled_value_heads;
  EXPECT_LE(Distance(found, wanted), reordered ? 1e-9 : 0.0);
  ToSafetensors(*gguf, hf_folder);
  const auto back = LoadModel(hf_folder.path());
  ExpectSameTensors(*back, *source);
  EXPECT_EQ(back->checkpoint.config.values(), source->checkpoint.config.values());
  EXPECT_EQ(Logits(*back), wanted);
  if (FileExists(folder + "/model.gguf")) ExpectLikeGolden(path, folder + "/model.gguf");
}

TEST_P(ConvertTest, AFileOfOtherProgramsBecomesTheSameNetwork) {
  const std::string folder = Folder();
  const auto source = LoadModel(folder);
  TemporaryFolder gguf_folder, hf_folder;
  const auto gguf = LoadModel(ToGguf(*source, gguf_folder, /*carried=*/false));
  ToSafetensors(*gguf, hf_folder);
  const std::vector<float> wanted = Logits(*source), found = Logits(*LoadModel(hf_folder.path()));
  EXPECT_LE(Distance(found, wanted), 1e-9);
}

INSTANTIATE_TEST_SUITE_P(Goldens, ConvertTest, testing::ValuesIn(ConvertedGoldens()),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Convert, WhatGgufCannotHoldIsRefusedWithTheReason) {
  const auto goldens = Goldens();
  for (const auto& [name, reason] : kNotExpressed) {
    if (goldens.count(name) == 0) continue;
    SCOPED_TRACE(name);
    const auto model = LoadModel(goldens.at(name));
    TemporaryFolder folder;
    try {
      ToGguf(*model, folder);
      ADD_FAILURE() << "was converted";
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
    }
  }
}

TEST(Convert, EveryFamilyHasAGoldenThatIsConvertedOrAReason) {
  std::set<std::string> seen;
  for (const auto& [name, folder] : Goldens()) {
    seen.insert(LoadModel(folder)->checkpoint.config.Strings("architectures")[0]);
  }
  const bool all_goldens = SharedPath("goldens").has_value();
  for (const Family* family : AllFamilies()) {
    SCOPED_TRACE(family->architecture);
    if (kWithoutGguf.count(family->architecture) > 0) {
      EXPECT_THROW(GgufArchOf(*family), Error);
    } else if (all_goldens && seen.count(family->architecture) == 0) {
      EXPECT_EQ(kSameAsAnother.count(family->architecture), 1u) << "has neither";
      EXPECT_NO_THROW(GgufArchOf(*family));
    }
  }
}

// Its FP4 experts are blocks of MXFP4 there, which only --dtype decodes, and all of them fit BF16.
TEST(Convert, AFileOfDeepSeekV4ByThePublicConverterGoesThereAndBack) {
  const std::string golden = SourceRoot() + "/tests/golden/deepseek-v4-gguf/model.gguf";
  const auto gguf = LoadModel(golden);
  TemporaryFolder hf_folder, gguf_folder;
  EXPECT_THROW(ToSafetensors(*gguf, hf_folder), Error);
  ToSafetensors(*gguf, hf_folder, DType::kBF16);
  const auto plain = LoadModel(hf_folder.path());
  const std::vector<float> wanted = Logits(*gguf);
  EXPECT_EQ(Logits(*plain), wanted);
  EXPECT_EQ(plain->checkpoint.tensors.Find("layers.0.ffn.gate.tid2eid")->dtype, DType::kI64);
  const std::string again = ToGguf(*plain, gguf_folder);
  ExpectKeysOf(OpenGguf(golden), OpenGguf(again));
  EXPECT_EQ(Logits(*LoadModel(again)), wanted);
}

// Of a model with two lists of divisors of rope, the one for longer texts goes along.
TEST(Convert, TextsBeyondTheOriginalContextAreTheSameInBothContainers) {
  LoadOptions longer;
  longer.context = 100;
  const std::string golden = SourceRoot() + "/tests/golden/phi3-longrope";
  const std::vector<float> wanted = Logits(*LoadModel(golden, longer), 100);
  const auto source = LoadModel(golden);
  for (const bool carried : {true, false}) {
    TemporaryFolder gguf_folder, hf_folder;
    const std::string path = ToGguf(*source, gguf_folder, carried);
    ToSafetensors(*LoadModel(path), hf_folder);
    // Without the configuration, the factor of attention is a float32 key.
    const double most = carried ? 0 : 1e-9;
    EXPECT_LE(Distance(Logits(*LoadModel(path, longer), 100), wanted), most);
    const auto back = LoadModel(hf_folder.path(), longer);
    EXPECT_LE(Distance(Logits(*back, 100), wanted), most);
    EXPECT_EQ(back->checkpoint.config.Int("original_max_position_embeddings", 0), 64);
  }
}

TEST(Convert, LayersByTheTokenBehindOthersAreRefused) {
  TemporaryFolder folder;
  ToSafetensors(*LoadModel(SourceRoot() + "/tests/golden/deepseek-v4-gguf/model.gguf"), folder,
                DType::kBF16);
  const auto model = LoadModel(folder.path());
  const GgufArch& arch = GgufArchOf(FamilyOf(*model));
  EXPECT_NO_THROW(GgufEntriesOf(*model, arch, ""));
  std::swap(model->spec.layers[0].ffn, model->spec.layers[1].ffn);
  EXPECT_THROW(GgufEntriesOf(*model, arch, ""), Error);
}

TEST(Convert, AnEditedKeyTakesEffectAndTheCarriedConfigurationNoMore) {
  const auto source = LoadModel(SourceRoot() + "/tests/golden/qwen3");
  TemporaryFolder folder;
  const GgufArch& arch = GgufArchOf(FamilyOf(*source));
  GgufEntries entries = GgufEntriesOf(*source, arch, "test");
  AddCarried(*source, &entries);
  for (auto& [key, value] : entries) {
    if (key == "qwen3.context_length") value = GgufU32(100);
  }
  const auto tensors = TensorsForGguf({*source, FamilyOf(*source)}, arch).tensors;
  const auto edited = LoadModel(WriteGguf(JoinPath(folder.path(), "m.gguf"), entries, tensors)[0]);
  EXPECT_EQ(edited->spec.max_context, 100);
}

TEST(Convert, FamiliesWithoutGgufNamesAreRefusedByName) {
  const Family nobody{"NobodyForCausalLM", nullptr, {}};
  try {
    GgufArchOf(nobody);
    FAIL();
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("NobodyForCausalLM has no GGUF names"), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace tael
