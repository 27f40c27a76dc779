// What files say about embeddings, and pooling by hand-made numbers.
#include "engine/pooling.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <limits>

#include "base/error.h"
#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

constexpr const char* kModules = R"([
  {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
  {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
  {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"}
])";

// A checkpoint of which nothing but the place is looked at.
Checkpoint Opened(const std::string& path) {
  return {path, path, Container::kSafetensors, ConfigView(JsonObject{}, path), {}, {}, {}, {}, {}};
}

class PoolingFilesTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(folder_.path() + "/1_Pooling"); }
  // The files of Qwen3-Embedding, with something else in the place of the first text.
  Pooling Read(const std::string& modules, const std::string& config) {
    folder_.Write("modules.json", modules);
    folder_.Write("1_Pooling/config.json", config);
    return ReadPooling(Opened(folder_.path()), 64);
  }
  std::string Refusal(const std::string& modules, const std::string& config) {
    try {
      Read(modules, config);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
  static std::string Config(const std::string& on, const std::string& more = "") {
    std::string text = "{\"word_embedding_dimension\": 64";
    for (const char* mode : {"cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens",
                             "weightedmean_tokens", "lasttoken"}) {
      text += ", \"pooling_mode_" + std::string(mode) + "\": " + (on == mode ? "true" : "false");
    }
    return text + more + "}";
  }
  TemporaryFolder folder_;
};

TEST_F(PoolingFilesTest, ReadsWhatSentenceTransformersWrites) {
  EXPECT_EQ(Read(kModules, Config("lasttoken", ", \"include_prompt\": true")),
            (Pooling{PoolingKind::kLast, true}));
  EXPECT_EQ(Read(kModules, Config("mean_tokens")), (Pooling{PoolingKind::kMean, true}));
  std::string two = kModules;
  two = two.substr(0, two.find(",\n  {\"idx\": 2")) + "]";
  EXPECT_EQ(Read(two, Config("cls_token")), (Pooling{PoolingKind::kCls, false}));
}

TEST_F(PoolingFilesTest, RefusesWhatItDoesNotDoByName) {
  const auto has = [](const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
  };
  EXPECT_TRUE(has(Refusal(kModules, Config("max_tokens")), "pooling_mode_max_tokens"));
  EXPECT_TRUE(has(Refusal(kModules, Config("none")), "0 ways"));
  EXPECT_TRUE(has(Refusal(kModules, Config("lasttoken", ", \"odd\": 1")), "'odd'"));
  EXPECT_TRUE(has(Refusal(kModules, "[]"), "object"));
  EXPECT_TRUE(has(Refusal(kModules, Config("mean_tokens", ", \"include_prompt\": false")),
                  "include_prompt"));
  EXPECT_TRUE(has(Refusal(kModules, "{\"word_embedding_dimension\": 65}"), "64"));
  std::string dense = kModules;
  dense.replace(dense.find("Normalize\"}"), 9, "Dense");
  EXPECT_TRUE(has(Refusal(dense, Config("lasttoken")), "Dense"));
  std::string outside = kModules;
  outside.replace(outside.find("1_Pooling"), 9, "../else");
  EXPECT_TRUE(has(Refusal(outside, Config("lasttoken")), "no folder"));
  EXPECT_TRUE(has(Refusal("[]", Config("lasttoken")), "no Pooling"));
  EXPECT_TRUE(has(Refusal("[3]", Config("lasttoken")), "'type'"));
  EXPECT_THROW(ReadPooling(Opened(folder_.path() + "/nowhere"), 64), Error);
}

TEST(PoolingGguf, ReadsTheTypeOfItsArchitecture) {
  const auto read = [](int64_t type) {
    auto metadata = std::make_shared<GgufMetadata>();
    GgufValue arch;
    arch.type = GgufType::kString;
    arch.text = "qwen3";
    metadata->entries.emplace_back("general.architecture", arch);
    GgufValue value;
    value.type = GgufType::kU32;
    value.integer = type;
    if (type >= 0) metadata->entries.emplace_back("qwen3.pooling_type", value);
    Checkpoint checkpoint = Opened("model.gguf");
    checkpoint.container = Container::kGguf;
    checkpoint.gguf = metadata;
    return ReadPooling(checkpoint, 64);
  };
  EXPECT_EQ(read(3), (Pooling{PoolingKind::kLast, true}));
  EXPECT_EQ(read(1), (Pooling{PoolingKind::kMean, true}));
  EXPECT_EQ(read(2), (Pooling{PoolingKind::kCls, true}));
  EXPECT_EQ(read(0), (Pooling{PoolingKind::kNone, false}));
  EXPECT_THROW(read(4), Error);
  EXPECT_THROW(read(-1), Error);
}

TEST(Pooler, BeginsAnewAtPositionZero) {
  Pooler pooler({PoolingKind::kMean, false}, 2);
  const float a[] = {1, 2}, b[] = {3, 6};
  pooler.Add(0, a);
  pooler.Add(0, a);
  pooler.Add(1, b);
  const auto mean = pooler.Result();
  EXPECT_EQ(mean[0], 2);
  EXPECT_EQ(mean[1], 4);
}

TEST(Pooler, ZerosStayZerosAndNaNIsRefused) {
  Pooler pooler({PoolingKind::kLast, true}, 2);
  const float zeros[] = {0, 0}, bad[] = {1, std::numeric_limits<float>::quiet_NaN()};
  pooler.Add(4, zeros);
  EXPECT_EQ(pooler.Result()[1], 0);
  EXPECT_THROW(pooler.Add(5, bad), Error);
}

TEST(PoolingNames, AreReadBack) {
  for (const char* name : {"last", "mean", "cls", "none"}) {
    EXPECT_STREQ(PoolingName(PoolingNamed(name)), name);
  }
  EXPECT_THROW(PoolingNamed("max"), Error);
}

}  // namespace
}  // namespace tael
