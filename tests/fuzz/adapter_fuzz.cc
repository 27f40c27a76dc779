// Fuzz target: a LoRA adapter, bound to a small model that is made once. The document says what
// adapter_config.json holds and which tensors there are; a change that is bound is checked to have
// as many numbers as its matrix needs. Raw bytes are also read as a GGUF adapter.
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/safetensors.h"
#include "model/model.h"
#include "tests/support/described_tensors.h"
#include "tests/support/tiny_networks.h"

namespace {

// As the corpus has it.
constexpr tael::TinyLatentSizes kSizes{.layers = 1,
                                       .hidden = 16,
                                       .heads = 2,
                                       .query_rank = 8,
                                       .rank = 8,
                                       .nope = 4,
                                       .rope = 4,
                                       .value = 4,
                                       .width = 24};

// The base and a folder for adapters, for the life of the process.
struct World {
  tael::TemporaryFolder base_folder, adapter_folder;
  std::string base = tael::TinyLatent(kSizes).Write(base_folder);
};

World& TheWorld() {
  static World world;
  return world;
}

// Every change must be as large as its own rank says.
void CheckChanges(const tael::Adapter& adapter) {
  for (const auto& [key, change] : adapter.products) {
    const auto rank = static_cast<size_t>(change.rank);
    const bool whole = rank == 0 ? !change.replacement.empty()
                                 : change.a.size() % rank == 0 && change.b.size() % rank == 0;
    if (!whole || !std::isfinite(change.scale)) std::abort();
  }
}

void Load(const std::string& path) {
  tael::LoadOptions options;
  options.adapters = {{"fuzz", path}};
  const auto model = tael::LoadModel(TheWorld().base, options);
  CheckChanges(*model->adapters[0]);
}

// {"config": {..}, "tensors": [[name, type, shape], ..]}
void RunDirectory(const tael::Json& document) {
  const tael::Json* config = document.Find("config");
  const tael::Json* list = document.Find("tensors");
  if (config == nullptr || list == nullptr) return;
  std::deque<std::vector<uint8_t>> memory;
  const auto tensors = tael::DescribedTensors(*list, memory);
  if (!tensors.has_value()) return;
  const tael::TemporaryFolder& folder = TheWorld().adapter_folder;
  folder.Write("adapter_config.json", tael::DumpJson(*config));
  folder.Write("adapter_model.safetensors", tael::SerializeSafetensors(*tensors));
  Load(folder.path());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    if (text.starts_with("GGUF")) {
      Load(TheWorld().adapter_folder.Write("adapter.gguf", std::string(text)));
    } else {
      RunDirectory(tael::ParseJson(text, "fuzz"));
    }
  } catch (const tael::Error&) {
    // Refusing is the expected outcome.
  }
  return 0;
}
