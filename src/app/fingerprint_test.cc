#include "app/fingerprint.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/support/shared_data.h"
#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

std::string Golden(const std::string& name) { return SourceRoot() + "/tests/golden/" + name; }

TEST(WeightsFingerprint, IsTheSameInEveryRunAndWhateverIsResident) {
  const auto model = LoadModel(Golden("llama3"));
  const std::string name = WeightsFingerprint(*model, {.resident = true});
  EXPECT_EQ(name.find("xxh3-sha256:"), 0u);
  EXPECT_EQ(name.size(), std::string("xxh3-sha256:").size() + 64);
  EXPECT_EQ(WeightsFingerprint(*model, RunnerOptions{}), name);
  EXPECT_EQ(WeightsFingerprint(OpenCheckpoint(Golden("llama3")), {}), name);
  EXPECT_NE(WeightsFingerprint(OpenCheckpoint(Golden("qwen3")), {}), name);
}

TEST(WeightsFingerprint, ChangesWithAnyByteOfAnyTensor) {
  const std::string original = ReadFile(Golden("quant/gguf/pure_Q4_K.gguf"));
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/m.gguf";
  WriteFileAtomically(path, original);
  const Checkpoint checkpoint = OpenCheckpoint(path);
  const std::string name = WeightsFingerprint(checkpoint, {});
  const auto& tensors = checkpoint.tensors.all();
  const uint8_t* begin = checkpoint.files[0]->bytes().data();
  for (const TensorInfo* tensor : {&tensors.front(), &tensors.back()}) {
    for (const size_t at : {size_t{0}, tensor->bytes.size() / 3, tensor->bytes.size() - 1}) {
      std::string changed = original;
      changed[static_cast<size_t>(tensor->bytes.data() - begin) + at] ^= 1;
      const std::string other = folder.path() + "/changed.gguf";
      WriteFileAtomically(other, changed);
      EXPECT_NE(WeightsFingerprint(OpenCheckpoint(other), {}), name) << tensor->name << " " << at;
    }
  }
}

TEST(AdapterFingerprint, ChangesWithEachOfItsFiles) {
  const TemporaryFolder folder;
  folder.Write("adapter_config.json", "{}");
  folder.Write("adapter_model.safetensors", "abc");
  const std::string first = AdapterFingerprint(folder.path());
  EXPECT_EQ(first, AdapterFingerprint(folder.path()));
  folder.Write("adapter_model.safetensors", "abd");
  const std::string second = AdapterFingerprint(folder.path());
  EXPECT_NE(first, second);
  folder.Write("adapter_config.json", "[]");
  EXPECT_NE(second, AdapterFingerprint(folder.path()));
}

}  // namespace
}  // namespace tael
