#include "app/settings.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"

namespace tael {
namespace {

class SettingsTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/tael_settings_XXXXXX";
    folder_ = mkdtemp(folder);
    setenv("XDG_CONFIG_HOME", folder_.c_str(), 1);
    unsetenv("TAEL_MODELS");
  }
  std::string Write(const std::string& text) {
    const std::string path = JoinPath(folder_, "c.toml");
    WriteFileAtomically(path, text);
    return path;
  }
  std::string MessageOf(const std::string& file, const std::vector<std::string>& assignments) {
    try {
      LoadSettings(file, assignments);
      return "";
    } catch (const Error& error) {
      return error.what();
    }
  }
  std::string folder_;
};

TEST_F(SettingsTest, AnAbsentDefaultFileGivesDefaults) {
  const LoadedSettings loaded = LoadSettings("", {});
  EXPECT_FALSE(loaded.file_found);
  EXPECT_EQ(loaded.values.run.matmul, "integer");
  EXPECT_NE(MessageOf(JoinPath(folder_, "no.toml"), {}), "");
}

TEST_F(SettingsTest, TheFileIsOverriddenByEnvironmentAndAssignments) {
  const std::string path = Write("[run]\nthreads = 3\ntemperature = 1\n[store]\nmodels = \"/m\"\n");
  LoadedSettings loaded = LoadSettings(path, {"run.threads=5", "run.kv=bf16"});
  EXPECT_EQ(loaded.values.run.threads, 5);
  EXPECT_EQ(loaded.values.run.kv, "bf16");
  EXPECT_DOUBLE_EQ(loaded.values.run.temperature, 1.0);
  EXPECT_EQ(ModelStoreDirectory(loaded.values), "/m");
  EXPECT_EQ(StoreDatabase(LoadSettings(path, {"store.database=/d.db"}).values), "/d.db");
  setenv("TAEL_MODELS", "/e", 1);
  EXPECT_EQ(ModelStoreDirectory(LoadSettings(path, {}).values), "/e");
}

TEST_F(SettingsTest, UnknownKeysNameTheNearestKnownOne) {
  EXPECT_NE(MessageOf(Write("[run]\nthread = 1\n"), {}).find("'run.threads'"), std::string::npos);
  EXPECT_NE(MessageOf(Write("[nonsense]\n"), {}), "");
  EXPECT_NE(MessageOf(Write("threads = 1\n"), {}), "");
  EXPECT_NE(MessageOf("", {"run.temprature=1"}).find("'run.temperature'"), std::string::npos);
}

TEST_F(SettingsTest, WrongTypesRangesAndSyntaxAreRefused) {
  EXPECT_NE(MessageOf(Write("[run]\nthreads = \"2\"\n"), {}), "");
  EXPECT_NE(MessageOf(Write("[run]\nthreads = -1\n"), {}), "");
  EXPECT_NE(MessageOf(Write("[run]\ntop_p = 1.5\n"), {}), "");
  EXPECT_NE(MessageOf(Write("[run]\nmatmul = \"int\"\n"), {}), "");
  EXPECT_NE(MessageOf(Write("[run\n"), {}).find("line 1"), std::string::npos);
  EXPECT_NE(MessageOf("", {"run.top_p=nan"}), "");
}

TEST_F(SettingsTest, ThePrintedFormReadsBackAsTheSame) {
  const LoadedSettings loaded = LoadSettings("", {"run.top_k=40", "store.models=a \\ b"});
  const LoadedSettings again = LoadSettings(Write(SettingsToToml(loaded)), {});
  EXPECT_EQ(again.values.run.top_k, 40);
  EXPECT_EQ(again.values.store.models, "a \\ b");
}

}  // namespace
}  // namespace tael
