#include "app/model_store.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "app/model_sources.h"
#include "base/error.h"
#include "base/file.h"

namespace tael {
namespace {

class ModelStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/tael_store_XXXXXX";
    home_ = mkdtemp(folder);
    setenv("HOME", home_.c_str(), 1);
    for (const char* name : {"HF_HOME", "HF_HUB_CACHE", "OLLAMA_MODELS", "XDG_CACHE_HOME",
                             "XDG_DATA_HOME", "TAEL_MODELS"}) {
      unsetenv(name);
    }
    settings_.store.models = JoinPath(home_, "store");
  }
  void Write(const std::string& path, const std::string& text) {
    const std::string full = JoinPath(home_, path);
    MakeDirectories(DirName(full));
    WriteFileAtomically(full, text);
  }
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const ModelEntry& model : FindModels(settings_)) names.push_back(model.name);
    return names;
  }
  std::string home_;
  Settings settings_;
};

TEST_F(ModelStoreTest, AnEmptyHomeHasNoModels) { EXPECT_TRUE(Names().empty()); }

TEST_F(ModelStoreTest, FindsEverySourceAndResolvesEveryListedName) {
  Write("store/a.gguf", "x");
  Write("store/dir/config.json", "{}");
  Write("store/dir/model.safetensors", "xy");
  const std::string hub = ".cache/huggingface/hub/models--Org--Name/";
  Write(hub + "snapshots/0123456789/config.json", "{}");
  Write(hub + "snapshots/0123456789/model-00001-of-00002.safetensors", "xy");
  Write(hub + "snapshots/0123456789/model-00002-of-00002.safetensors", "xyz");
  Write(".ollama/models/blobs/sha256-aa", "gguf");
  Write(".ollama/models/manifests/registry.ollama.ai/library/tiny/1b",
        R"({"layers":[{"mediaType":"application/vnd.ollama.image.license","digest":"sha256:bb"},
            {"mediaType":"application/vnd.ollama.image.model","digest":"sha256:aa"}]})");
  Write(".lmstudio/models/pub/repo/q-00001-of-00002.gguf", "ab");
  Write(".lmstudio/models/pub/repo/q-00002-of-00002.gguf", "abc");
  EXPECT_EQ(Names(), (std::vector<std::string>{"a", "dir", "Org/Name", "tiny:1b", "pub/repo/q"}));
  const auto models = FindModels(settings_);
  EXPECT_EQ(models[2].size_bytes, 5);
  EXPECT_EQ(models[4].size_bytes, 5);
  for (const ModelEntry& model : models) {
    EXPECT_EQ(ResolveModel(model.name, settings_), model.path) << model.name;
  }
  EXPECT_EQ(ResolveModel("org/name", settings_), models[2].path);
  EXPECT_EQ(ResolveModel("name", settings_), models[2].path);
}

TEST_F(ModelStoreTest, NamesInTwoSourcesAreQualified) {
  Write("store/m.gguf", "x");
  Write(".lmstudio/models/m.gguf", "x");
  EXPECT_EQ(Names(), (std::vector<std::string>{"store:m", "lmstudio:m"}));
  EXPECT_EQ(ResolveModel("lmstudio:m", settings_), JoinPath(home_, ".lmstudio/models/m.gguf"));
}

TEST_F(ModelStoreTest, AnUnknownNameSuggestsNearOnes) {
  Write("store/qwen3.gguf", "x");
  try {
    ResolveModel("qwen4", settings_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("'qwen3'"), std::string::npos) << error.what();
  }
  EXPECT_THROW(ResolveModel("smollm2", settings_), Error);
}

TEST_F(ModelStoreTest, BrokenManifestsAreSkipped) {
  Write(".ollama/models/manifests/h/library/x/latest", "not json");
  Write(".ollama/models/manifests/h/library/y/latest", R"({"layers":[{"mediaType":7}]})");
  EXPECT_TRUE(Names().empty());
}

}  // namespace
}  // namespace tael
