// The collections of malformed files, and all golden checkpoints, through the container readers.
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "base/error.h"
#include "checkpoint/open.h"
#include "checkpoint/safetensors.h"
#include "tests/support/shared_data.h"
#include "tests/support/tar.h"
#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

constexpr const char* kNoData = "reference data not found (see TAEL_SHARED)";

// Valid containers whose content only the binder or the tokenizer can judge.
const std::set<std::string> kForLaterLayers = {
    "m_ffn_mismatch.gguf",
    "missing_blk_0_attn_q_weight.gguf",
    "missing_blk_0_ffn_down_weight.gguf",
    "missing_output_norm_weight.gguf",
    "v_bos_range.gguf",
    "v_bos_str.gguf",
    "v_model_unknown.gguf",
    "v_types_short.gguf",
};

// Opens the file as `open` does. Any exception other than Error, or an Error that blames Tael or
// says nothing about the file, is a failure of the test.
template <typename Open>
bool Accepts(const std::string& path, const Open& open) {
  try {
    open(path);
    return true;
  } catch (const Error& error) {
    EXPECT_NE(error.code(), ErrorCode::kInternal);
    EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
    return false;
  }
}

template <typename Open>
void CheckCollection(const std::string& name, size_t num_files, const Open& open) {
  const std::optional<std::string> archive = SharedPath("assets/malformed/" + name);
  if (!archive) GTEST_SKIP() << kNoData;
  const std::map<std::string, std::string> files = ReadTarGz(*archive);
  const Json expected = ParseJson(files.at("expected.json"), "expected.json");
  EXPECT_EQ(expected.as_array().size(), num_files);
  const TemporaryFolder folder;
  for (const Json& row : expected.as_array()) {
    const std::string& file = row.Find("file")->as_string();
    const std::string& expect = row.Find("expect")->as_string();
    SCOPED_TRACE(file);
    const bool accepted = Accepts(folder.Write(file, files.at(file)), open);
    if (expect == "accept" || kForLaterLayers.contains(file)) {
      EXPECT_TRUE(accepted);
    } else if (expect == "reject") {
      EXPECT_FALSE(accepted);
    }
  }
}

TEST(Malformed, GgufFilesAreRefusedOrLoadedSafely) {
  CheckCollection("gguf_malformed.tar.gz", 105,
                  [](const std::string& path) { OpenCheckpoint(path); });
}

TEST(Malformed, SafetensorsFilesAreRefusedOrLoadedSafely) {
  CheckCollection("safetensors_malformed.tar.gz", 42,
                  [](const std::string& path) { OpenSafetensorsFile(path); });
}

// Every tensor has the bytes its shape asks for, inside the mapping of its file.
void ExpectTensorsInBounds(const Checkpoint& checkpoint) {
  EXPECT_FALSE(checkpoint.tensors.all().empty());
  for (const TensorInfo& tensor : checkpoint.tensors.all()) {
    SCOPED_TRACE(tensor.name);
    int64_t count = 1;
    for (const int64_t size : tensor.shape) count *= size;
    EXPECT_EQ(StorageBytes(tensor.dtype, count), static_cast<int64_t>(tensor.bytes.size()));
    ASSERT_LT(static_cast<size_t>(tensor.file), checkpoint.files.size());
    const std::span<const uint8_t> file = checkpoint.files[tensor.file]->bytes();
    EXPECT_GE(tensor.bytes.data(), file.data());
    EXPECT_LE(tensor.bytes.data() + tensor.bytes.size(), file.data() + file.size());
  }
}

TEST(Goldens, EveryCheckpointOpensWithAllTensorsInBounds) {
  const std::optional<std::string> root = SharedPath("goldens");
  if (!root) GTEST_SKIP() << kNoData;
  int folders = 0, ggufs = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(*root)) {
    const std::string path = entry.path().string(), name = entry.path().filename().string();
    const bool folder = name == "model.safetensors" || name == "model.safetensors.index.json";
    const bool gguf = name.ends_with(".gguf") && !name.starts_with("adapter") &&
                      path.find("/variants/") == std::string::npos;
    if (!folder && !gguf) continue;
    SCOPED_TRACE(path);
    const Checkpoint checkpoint = OpenCheckpoint(folder ? DirName(path) : path);
    ExpectTensorsInBounds(checkpoint);
    // Multimodal wrappers keep their token ids in a nested object, which nobody opens here.
    EXPECT_EQ(checkpoint.eos_token_ids.empty(), checkpoint.config.Has("text_config"));
    for (const std::string& key : checkpoint.config.UnreadKeys()) {
      EXPECT_FALSE(key.starts_with("gguf:")) << key;
    }
    ++(folder ? folders : ggufs);
  }
  EXPECT_GE(folders, 30);
  EXPECT_GE(ggufs, 30);
}

// A folder's GGUF and its config.json must tell a family file the same.
TEST(Goldens, GgufKeysSayWhatConfigJsonSays) {
  const std::optional<std::string> root = SharedPath("goldens");
  if (!root) GTEST_SKIP() << kNoData;
  int compared = 0;
  for (const char* family : {"llama3", "qwen2", "qwen3", "qwen3-moe", "deepseek-v2", "deepseek-v3",
                             "deepseek-v2-lite", "glm4-moe", "gpt-oss", "minimax-m2", "ernie4-5"}) {
    SCOPED_TRACE(family);
    const std::string folder = JoinPath(*root, family);
    const Checkpoint gguf = OpenCheckpoint(JoinPath(folder, "model.gguf"));
    const Json config = ReadJsonFile(JoinPath(folder, "config.json"));
    for (const auto& [key, value] : gguf.config.values().as_object()) {
      const Json* other = config.Find(key);
      if (other == nullptr || value.is_object() || value.is_array()) continue;
      // The converter drops the prediction layers of deepseek-v3 from the file.
      if (key == "num_nextn_predict_layers") continue;
      SCOPED_TRACE(key);
      if (value.is_number() && other->is_number()) {
        EXPECT_EQ(value.as_double(), other->as_double());
      } else {
        EXPECT_EQ(DumpJson(value), DumpJson(*other));
      }
      ++compared;
    }
  }
  EXPECT_GT(compared, 100);
}

}  // namespace
}  // namespace tael
