// Conversion of whole models: safetensors to GGUF and back, for every family that has a golden.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"
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

void ToSafetensors(const Model& model, const TemporaryFolder& folder) {
  const GgufValue* list = model.checkpoint.gguf->Find(carried::kTensors);
  const ConvertedTensors converted = TensorsForSafetensors(
      {model, FamilyOf(model)}, list == nullptr ? std::vector<std::string>() : list->strings,
      DType::kBF16);
  folder.Write("config.json", DumpJson(HfConfigOf(model)));
  WriteSafetensors(folder.path(), converted.tensors);
}

std::vector<float> Logits(const Model& model) {
  Session session(model,
                  {.max_context = 64, .runner = {.threads = 1, .matmul = MatmulMode::kFloat}});
  std::vector<TokenId> tokens;
  for (int i = 0; i < 40; ++i) tokens.push_back((i * 37 + 11) % model.spec.vocab_size);
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
  }
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

class ConvertTest : public testing::TestWithParam<const char*> {
 protected:
  // The golden's folder, or "" when it is not there.
  static std::string Folder() {
    const std::string compact = SourceRoot() + "/tests/golden/" + GetParam();
    if (DirectoryExists(compact)) return compact;
    return SharedPath(std::string("goldens/") + GetParam()).value_or("");
  }
};

TEST_P(ConvertTest, ThereAndBackGivesTheSameTensorsAndTheSameLogits) {
  const std::string folder = Folder();
  if (folder.empty()) GTEST_SKIP() << "no goldens here";
  const auto source = LoadModel(folder);
  TemporaryFolder gguf_folder, hf_folder;
  const std::string path = ToGguf(*source, gguf_folder);
  const auto gguf = LoadModel(path);
  const std::vector<float> wanted = Logits(*source), found = Logits(*gguf);
  // Rows of q and k in another order are summed in another order.
  const bool permuted = gguf->checkpoint.gguf->Text("general.architecture", "") == "llama";
  EXPECT_LE(Distance(found, wanted), permuted ? 1e-9 : 0.0);
  ToSafetensors(*gguf, hf_folder);
  const auto back = LoadModel(hf_folder.path());
  ExpectSameTensors(*back, *source);
  EXPECT_EQ(back->checkpoint.config.values(), source->checkpoint.config.values());
  EXPECT_EQ(Logits(*back), wanted);
  if (FileExists(folder + "/model.gguf")) ExpectLikeGolden(path, folder + "/model.gguf");
}

TEST_P(ConvertTest, AFileOfOtherProgramsBecomesTheSameNetwork) {
  if (GetParam() == std::string("mistral")) GTEST_SKIP() << "such files cannot hold its window";
  const std::string folder = Folder();
  if (folder.empty()) GTEST_SKIP() << "no goldens here";
  const auto source = LoadModel(folder);
  TemporaryFolder gguf_folder, hf_folder;
  const auto gguf = LoadModel(ToGguf(*source, gguf_folder, /*carried=*/false));
  ToSafetensors(*gguf, hf_folder);
  const std::vector<float> wanted = Logits(*source), found = Logits(*LoadModel(hf_folder.path()));
  EXPECT_LE(Distance(found, wanted), 1e-9);
}

INSTANTIATE_TEST_SUITE_P(Goldens, ConvertTest,
                         testing::Values("llama3", "llama", "mistral", "yi", "qwen2", "qwen2-yarn",
                                         "qwen3", "ernie4-5", "hunyuan-dense", "pangu-embedded",
                                         "mixtral", "qwen2-moe", "qwen3-moe", "ernie4-5-moe",
                                         "hunyuan-moe", "glm4-moe", "minimax-m2"));

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
