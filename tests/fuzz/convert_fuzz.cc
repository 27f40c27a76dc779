// Fuzz target: conversion in both directions. Raw bytes are a GGUF file; a document
//   {"config": {..}, "tensors": [[name, type, shape], ..], "lines": [..]}
// is a directory with safetensors, which goes to GGUF and, with `lines` in place of the list of
// tensors that the file carries, back. What was checked and written must be read again.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/convert_check.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/carried.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/write_gguf.h"
#include "checkpoint/write_safetensors.h"
#include "model/convert/config.h"
#include "model/convert/metadata.h"
#include "model/convert/tensors.h"
#include "model/model.h"
#include "tests/support/described_tensors.h"
#include "tests/support/temporary_folder.h"
#include "text/vocabulary_from_gguf.h"

namespace {

// Folders for the life of the process.
struct World {
  tael::TemporaryFolder source, gguf, back;
};

World& TheWorld() {
  static World world;
  return world;
}

const tael::Family& FamilyOf(const tael::Model& model) {
  return *tael::FindFamily(model.checkpoint.config.Strings("architectures")[0]);
}

// Loads what a conversion wrote.
std::unique_ptr<tael::Model> Reload(const std::string& path) {
  try {
    return tael::LoadModel(path);
  } catch (const tael::Error& error) {
    std::fprintf(stderr, "converted and checked, but not read: %s\n", error.what());
    std::abort();
  }
}

void ToSafetensors(const tael::Model& model, std::optional<tael::DType> matrices) {
  const tael::GgufMetadata& metadata = *model.checkpoint.gguf;
  const tael::Json config = tael::HfConfigOf(model);
  const tael::GgufValue* list = metadata.Find(tael::carried::kTensors);
  const auto tensors =
      tael::TensorsForSafetensors({model, FamilyOf(model), matrices},
                                  list == nullptr ? std::vector<std::string>() : list->strings,
                                  tael::DType::kBF16)
          .tensors;
  tael::CheckConfigDescribes(model, config, tensors);
  tael::SafetensorsOptions options;
  options.companions = {{"config.json", tael::DumpJson(config)}};
  tael::WriteSafetensors(TheWorld().back.path(), tensors, options);
  Reload(TheWorld().back.path());
  if (metadata.Find("tokenizer.ggml.model") != nullptr) tael::VocabularyFromGguf(metadata);
}

void RunGguf(const std::string& bytes) {
  const auto model = tael::LoadModel(TheWorld().gguf.Write("m.gguf", bytes));
  ToSafetensors(*model, bytes.size() % 2 == 0 ? std::optional(tael::DType::kBF16) : std::nullopt);
}

void SetLines(const tael::Json& document, tael::GgufEntries& entries) {
  const tael::Json* lines = document.Find("lines");
  if (lines == nullptr || !lines->is_array()) return;
  for (auto& [key, value] : entries) {
    if (key != tael::carried::kTensors) continue;
    value.strings.clear();
    for (const tael::Json& line : lines->as_array()) {
      if (line.is_string()) value.strings.push_back(line.as_string());
    }
  }
}

void RunDirectory(const tael::Json& document) {
  const tael::Json* config = document.Find("config");
  const tael::Json* list = document.Find("tensors");
  if (config == nullptr || list == nullptr) return;
  std::deque<std::vector<uint8_t>> memory;
  const auto described = tael::DescribedTensors(*list, memory);
  if (!described.has_value()) return;
  const tael::TemporaryFolder& folder = TheWorld().source;
  folder.Write("config.json", tael::DumpJson(*config));
  folder.Write("model.safetensors", tael::SerializeSafetensors(*described));
  const auto model = tael::LoadModel(folder.path());
  const tael::GgufArch& arch = tael::GgufArchOf(FamilyOf(*model));
  tael::GgufEntries entries = tael::GgufEntriesOf(*model, arch, "fuzz");
  const auto tensors = tael::TensorsForGguf({*model, FamilyOf(*model)}, arch).tensors;
  tael::CheckGgufDescribes(*model, entries, tensors);
  tael::AddCarried(*model, &entries);
  SetLines(document, entries);
  const std::string path = tael::JoinPath(TheWorld().gguf.path(), "m.gguf");
  const auto made = Reload(tael::WriteGguf(path, entries, tensors)[0]);
  ToSafetensors(*made, std::nullopt);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    if (text.starts_with("GGUF")) {
      RunGguf(std::string(text));
    } else {
      RunDirectory(tael::ParseJson(text, "fuzz"));
    }
  } catch (const tael::Error&) {
    // Refusing is the expected outcome.
  }
  return 0;
}
