#include "hub/select_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace tael {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<RemoteFile> Files(const std::vector<std::string>& paths) {
  std::vector<RemoteFile> files;
  for (const std::string& path : paths) files.push_back({.path = path, .size = 1000});
  return files;
}

std::vector<std::string> Chosen(const std::vector<std::string>& paths, const std::string& quant,
                                const std::string& index = "") {
  std::vector<std::string> out;
  for (const RemoteFile& file : SelectFiles(Files(paths), quant, index, "o/r").files) {
    out.push_back(file.path);
  }
  return out;
}

std::string Refusal(const std::vector<std::string>& paths, const std::string& quant,
                    const std::string& index = "") {
  try {
    Chosen(paths, quant, index);
  } catch (const Error& error) {
    return error.what();
  }
  return "chosen";
}

TEST(SelectFiles, AQuantisationWithAllItsParts) {
  EXPECT_THAT(Chosen({"README.md", "LICENSE", "m-Q4_K_M.gguf", "m-Q8_0.gguf"}, "q4_k_m"),
              ElementsAre("LICENSE", "m-Q4_K_M.gguf"));
  EXPECT_THAT(
      Chosen({"Q4_0/m-Q4_0-00002-of-00002.gguf", "Q4_0/m-Q4_0-00001-of-00002.gguf"}, "Q4_0"),
      ElementsAre("Q4_0/m-Q4_0-00001-of-00002.gguf", "Q4_0/m-Q4_0-00002-of-00002.gguf"));
  EXPECT_THAT(Refusal({"m-Q4_0-00001-of-00002.gguf"}, "Q4_0"), HasSubstr("1 of 2 files"));
  const FileSelection selection = SelectFiles(Files({"m-Q8_0.gguf"}), "q8_0", "", "o/r");
  EXPECT_EQ(selection.quant, "Q8_0");
  EXPECT_EQ(selection.entry, "m-Q8_0.gguf");
}

TEST(SelectFiles, AFolderOrTheNameCanSayTheQuantisation) {
  EXPECT_THAT(Chosen({"Q2_K/m.gguf", "Q3_K/m.gguf"}, "Q3_K"), ElementsAre("Q3_K/m.gguf"));
  EXPECT_THAT(Chosen({"a-Q4_0.gguf", "b-Q4_0.gguf"}, "b-q4_0"), ElementsAre("b-Q4_0.gguf"));
  EXPECT_THAT(Refusal({"a-Q4_0.gguf", "b-Q4_0.gguf"}, "Q4_0"), HasSubstr("o/r:a-Q4_0"));
  EXPECT_THAT(Chosen({"m-UD-Q4_K_XL.gguf", "m-Q4_K_XL.gguf"}, "Q4_K_XL"),
              ElementsAre("m-Q4_K_XL.gguf"));
}

TEST(SelectFiles, WithoutAQuantisation) {
  EXPECT_THAT(Chosen({"only.gguf", "mmproj-only.gguf"}, ""), ElementsAre("only.gguf"));
  EXPECT_THAT(Refusal({"a-Q4_0.gguf", "a-Q8_0.gguf"}, ""), HasSubstr("which one?"));
  EXPECT_THAT(
      Chosen({"model.safetensors", "config.json", "x.bin", "a.gguf", "b.gguf", "x.onnx"}, ""),
      ElementsAre("config.json", "model.safetensors"));
}

TEST(SelectFiles, ShardsComeFromTheIndexOnly) {
  const std::string index = R"({"weight_map":{"a":"s1.safetensors","b":"s2.safetensors"}})";
  EXPECT_THAT(Chosen({"config.json", kSafetensorsIndex, "s1.safetensors", "s2.safetensors",
                      "consolidated.safetensors"},
                     "", index),
              ElementsAre("config.json", kSafetensorsIndex, "s1.safetensors", "s2.safetensors"));
  EXPECT_THAT(Refusal({"config.json", kSafetensorsIndex, "s1.safetensors"}, "", index),
              HasSubstr("s2.safetensors"));
  EXPECT_THAT(Refusal({kSafetensorsIndex, "s1.safetensors", "s2.safetensors"}, "", index),
              HasSubstr("no config.json"));
  EXPECT_THAT(
      Refusal({"config.json", kSafetensorsIndex}, "", R"({"weight_map":{"a":"config.json"}})"),
      HasSubstr("config.json"));
}

TEST(SelectFiles, WhatIsNotRead) {
  EXPECT_THAT(Refusal({"pytorch_model.bin", "config.json"}, ""), HasSubstr("pickles"));
  EXPECT_THAT(Refusal({"model.onnx"}, ""), HasSubstr("ONNX"));
  EXPECT_THAT(Refusal({"adapter_config.json", "adapter_model.safetensors"}, ""),
              HasSubstr("adapter"));
  EXPECT_THAT(Refusal({}, ""), HasSubstr("holds no model"));
  EXPECT_THAT(Refusal({"model.safetensors", "config.json"}, "Q4_0"), HasSubstr("no GGUF files"));
  EXPECT_THAT(Refusal({"m-Q4_0.gguf", "M-Q4_0.gguf"}, "m-Q4_0"), HasSubstr("several"));
}

}  // namespace
}  // namespace tael
