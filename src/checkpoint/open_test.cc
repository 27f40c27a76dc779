#include "checkpoint/open.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "checkpoint/llama2c.h"
#include "checkpoint/safetensors.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string OneTensor() {
  static const std::vector<uint8_t> bytes(4, 7);
  return SerializeSafetensors(
      {{.name = "t", .dtype = DType::kF32, .shape = {1}, .bytes = bytes, .file = 0}});
}

std::string Refusal(const std::string& path) {
  try {
    OpenCheckpoint(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "accepted";
}

TEST(OpenCheckpoint, OpensADirectoryOrItsFile) {
  const TemporaryFolder folder;
  EXPECT_THAT(Refusal(folder.path()), HasSubstr("holds neither"));
  const std::string weights = folder.Write("model.safetensors", OneTensor());
  EXPECT_THAT(Refusal(folder.path()), HasSubstr("config.json"));
  folder.Write("config.json", R"({"model_type": "x", "eos_token_id": 5})");
  for (const std::string& path : {folder.path(), weights}) {
    const Checkpoint checkpoint = OpenCheckpoint(path);
    EXPECT_EQ(checkpoint.path, path);
    EXPECT_EQ(checkpoint.directory, folder.path());
    EXPECT_EQ(checkpoint.container, Container::kSafetensors);
    EXPECT_EQ(checkpoint.tensors.all().size(), 1u);
    EXPECT_FALSE(checkpoint.generation_config.has_value());
    EXPECT_THAT(checkpoint.config.UnreadKeys(), ElementsAre("model_type"));
  }
}

TEST(OpenCheckpoint, UnitesTheIdsThatEndAGeneration) {
  const TemporaryFolder folder;
  folder.Write("model.safetensors", OneTensor());
  folder.Write("config.json", R"({"eos_token_id": 5})");
  folder.Write("generation_config.json", R"({"eos_token_id": [7, 5], "temperature": 0.6})");
  const Checkpoint checkpoint = OpenCheckpoint(folder.path());
  EXPECT_THAT(checkpoint.eos_token_ids, ElementsAre(5, 7));
  EXPECT_EQ(checkpoint.generation_config->Find("temperature")->as_double(), 0.6);
  folder.Write("config.json", R"({"eos_token_id": "x"})");
  EXPECT_THAT(Refusal(folder.path()), HasSubstr("eos_token_id"));
  folder.Write("config.json", R"({"eos_token_id": -1})");
  EXPECT_THAT(Refusal(folder.path()), HasSubstr("needed token ids"));
}

TEST(OpenCheckpoint, OpensTheOnlyGgufOfADirectory) {
  const TemporaryFolder folder;
  folder.Write("a.gguf", TinyLlama().Bytes());
  folder.Write("mmproj-a.gguf", "not looked at");
  const Checkpoint checkpoint = OpenCheckpoint(folder.path());
  EXPECT_EQ(checkpoint.container, Container::kGguf);
  EXPECT_EQ(checkpoint.config.Int("hidden_size"), 8);
  EXPECT_THAT(checkpoint.eos_token_ids, ElementsAre(2));
  ASSERT_NE(checkpoint.gguf, nullptr);
  EXPECT_EQ(checkpoint.gguf->Find("tokenizer.ggml.tokens")->strings.size(), 4u);
  folder.Write("b.gguf", TinyLlama().Bytes());
  EXPECT_THAT(Refusal(folder.path()), HasSubstr("a.gguf, b.gguf"));
}

TEST(OpenCheckpoint, KnowsGgufByItsContent) {
  const TemporaryFolder folder;
  const std::string blob = folder.Write("sha256-0123", TinyLlama().Bytes());
  EXPECT_EQ(OpenCheckpoint(blob).container, Container::kGguf);
  EXPECT_THAT(Refusal(folder.Write("notes.txt", "text")), HasSubstr("no model"));
  EXPECT_THAT(Refusal(folder.path() + "/absent"), HasSubstr("does not exist"));
}

TEST(OpenCheckpoint, TakesAnotherConfigWhenAsked) {
  const TemporaryFolder folder;
  const std::string model = folder.Write("a.gguf", TinyLlama().Bytes());
  const std::string config = folder.Write("other.json", R"({"hidden_size": 16})");
  const Checkpoint checkpoint = OpenCheckpoint(model, config);
  EXPECT_EQ(checkpoint.config.Int("hidden_size"), 16);
  EXPECT_TRUE(checkpoint.config.Bool("rope_interleaved"));  // a fact of the file
}

// A llama2.c file: width 4, feed-forward 3, 2 layers, 2 heads, 1 kv head, 5 tokens, context 6.
std::string Llama2cFile(bool tied, int extra_floats = 0) {
  std::string out;
  for (const int32_t field : {4, 3, 2, 2, 1, tied ? 5 : -5, 6}) GgufWriter::Append(field, out);
  const int per_layer = 4 + 16 + 8 + 8 + 16 + 4 + 12 + 12 + 12;
  const int floats = 20 + 2 * per_layer + 4 + 6 + 6 + (tied ? 0 : 20) + extra_floats;
  for (int i = 0; i < floats; ++i) GgufWriter::Append(static_cast<float>(i), out);
  return out;
}

float FirstElement(const Checkpoint& checkpoint, const char* name) {
  float value = -1;
  std::memcpy(&value, checkpoint.tensors.Find(name)->bytes.data(), sizeof(value));
  return value;
}

TEST(OpenCheckpoint, ReadsLlama2cUnderHuggingFacesNames) {
  const TemporaryFolder folder;
  const Checkpoint tied = OpenCheckpoint(folder.Write("m.bin", Llama2cFile(true)));
  EXPECT_EQ(tied.container, Container::kLlama2c);
  EXPECT_EQ(tied.tensors.all().size(), 2u + 2 * 9);
  EXPECT_EQ(tied.config.Int("vocab_size"), 5);
  EXPECT_TRUE(tied.config.Bool("tie_word_embeddings"));
  EXPECT_TRUE(tied.config.Bool("rope_interleaved"));
  EXPECT_EQ(FirstElement(tied, "model.layers.0.input_layernorm.weight"), 20);
  EXPECT_EQ(FirstElement(tied, "model.layers.1.input_layernorm.weight"), 24);
  EXPECT_EQ(FirstElement(tied, "model.layers.1.self_attn.k_proj.weight"), 20 + 8 + 32 + 8);
  const int down = 20 + 2 * (4 + 16 + 8 + 8 + 16 + 4 + 12);
  EXPECT_EQ(FirstElement(tied, "model.layers.0.mlp.down_proj.weight"), down);
  EXPECT_EQ(tied.tensors.Find("model.layers.0.mlp.down_proj.weight")->shape,
            (std::vector<int64_t>{4, 3}));
  const Checkpoint own = OpenCheckpoint(folder.Write("o.bin", Llama2cFile(false)));
  EXPECT_EQ(own.tensors.Find("lm_head.weight")->shape, (std::vector<int64_t>{5, 4}));
  EXPECT_FALSE(own.config.Bool("tie_word_embeddings"));
}

TEST(OpenCheckpoint, RefusesLlama2cFilesOfAnotherSize) {
  const TemporaryFolder folder;
  EXPECT_THAT(Refusal(folder.Write("m.bin", Llama2cFile(true, 1))), HasSubstr("asks for"));
  EXPECT_THAT(Refusal(folder.Write("m.bin", Llama2cFile(true, -1))), HasSubstr("asks for"));
  EXPECT_THAT(Refusal(folder.Write("m.bin", "short")), HasSubstr("at least"));
  EXPECT_THAT(Refusal(folder.Write("m.bin", "24ka" + std::string(300, '\0'))),
              HasSubstr("later version"));
  for (size_t field = 0; field < 7; ++field) {
    for (const int32_t value : {0, INT32_MIN, INT32_MAX, -1}) {
      std::string bytes = Llama2cFile(true);
      std::memcpy(bytes.data() + field * 4, &value, 4);
      EXPECT_NE(Refusal(folder.Write("m.bin", bytes)), "accepted") << field << ": " << value;
    }
  }
}

TEST(OpenCheckpoint, NamesFilesThatWereBeingReplaced) {
  const TemporaryFolder folder;
  folder.Write("config.json.old-abc123", "{}");
  const auto refused = HasSubstr("config.json.old-abc123 is beside it: it is being written, or");
  EXPECT_THAT(Refusal(folder.path()), refused);
  EXPECT_THAT(Refusal(folder.Write("model.safetensors", OneTensor())), refused);
  EXPECT_THAT(Refusal(folder.path()), refused);
  folder.Write("m.gguf.part-abc123", "");
  EXPECT_THAT(Refusal(JoinPath(folder.path(), "m.gguf")), HasSubstr("m.gguf.part-abc123"));
}

// Another model beside it is not what was asked for.
TEST(OpenCheckpoint, NamesAHalfReplacedGgufOfADirectory) {
  const TemporaryFolder folder;
  folder.Write("x.gguf", TinyLlama().Bytes());
  folder.Write("m-00002-of-00003.gguf", "a later part");
  EXPECT_EQ(Refusal(folder.path()), "accepted");
  const std::string begun = folder.Write("m-00001-of-00003.gguf.part-abc123", "");
  EXPECT_THAT(Refusal(folder.path()), HasSubstr("m-00001-of-00003.gguf.part-abc123 is beside it"));
  std::filesystem::remove(begun);
  const std::string moved = folder.Write("m-00001-of-00003.gguf.old-abc123", "");
  const auto refused = HasSubstr("m-00001-of-00003.gguf.old-abc123 is beside it");
  EXPECT_THAT(Refusal(folder.path()), refused);
  std::filesystem::remove(JoinPath(folder.path(), "x.gguf"));
  EXPECT_THAT(Refusal(folder.path()), refused);
  // All parts are moved aside, the new ones are not in place.
  std::filesystem::rename(JoinPath(folder.path(), "m-00002-of-00003.gguf"),
                          JoinPath(folder.path(), "m-00002-of-00003.gguf.old-abc123"));
  EXPECT_THAT(Refusal(folder.path()), refused);
  folder.Write("x.gguf", TinyLlama().Bytes());
  EXPECT_THAT(Refusal(folder.path()), refused);
  // The new first part is there: what was moved aside is of no account.
  std::filesystem::remove(JoinPath(folder.path(), "x.gguf"));
  folder.Write("m-00001-of-00003.gguf", TinyLlama().Bytes());
  EXPECT_EQ(Refusal(folder.path()), "accepted");
}

TEST(OpenCheckpoint, OpensTheRealLlama2cModel) {
  const std::optional<std::string> path = SharedPath("assets/models/stories260K/stories260K.bin");
  if (!path) GTEST_SKIP() << "reference data not found (see TAEL_SHARED)";
  const Checkpoint checkpoint = OpenCheckpoint(*path);
  EXPECT_EQ(checkpoint.config.Int("hidden_size"), 64);
  EXPECT_EQ(checkpoint.config.Int("num_hidden_layers"), 5);
  EXPECT_EQ(checkpoint.tensors.all().size(), 47u);
}

}  // namespace
}  // namespace tael
