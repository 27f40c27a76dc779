#include "adapt/importance.h"

#include <gmock/gmock.h>

#include <filesystem>

#include "base/error.h"
#include "checkpoint/write_gguf.h"

namespace tael {
namespace {

std::string TemporaryPath(const char* name) { return testing::TempDir() + name; }

TEST(ImportanceTest, WhatWasWrittenIsRead) {
  Importance importance;
  importance.tensors["blk.0.ffn_down.weight"] = {1, 3, {2, 4, 6}, {2}};
  importance.tensors["blk.0.ffn_up_exps.weight"] = {2, 2, {1, 3, 0, 0}, {1, 0}};
  importance.texts = {"a.txt"};
  importance.chunks = 7;
  importance.chunk_size = 512;
  const std::string path = TemporaryPath("imatrix.gguf");
  WriteImportance(path, importance);
  const Importance back = ReadImportance(path);
  EXPECT_EQ(back.chunks, 7);
  EXPECT_EQ(back.chunk_size, 512);
  EXPECT_EQ(back.texts, importance.texts);
  EXPECT_THAT(back.MeansOf("blk.0.ffn_down.weight"), testing::ElementsAre(1, 2, 3));
  // An expert that no token chose: all columns the same.
  EXPECT_THAT(back.MeansOf("blk.0.ffn_up_exps.weight"), testing::ElementsAre(1, 3, 1, 1));
  EXPECT_THAT(back.MeansOf("blk.1.ffn_down.weight"), testing::IsEmpty());
  std::filesystem::remove(path);
}

std::string ErrorOf(const std::string& path) {
  try {
    ReadImportance(path);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(ImportanceTest, OtherFilesAndBrokenSumsAreRefused) {
  const std::string path = TemporaryPath("broken_imatrix.gguf");
  WriteGguf(path, {{"general.architecture", GgufText("llama")}}, {});
  EXPECT_THAT(ErrorOf(path), testing::HasSubstr("needed 'imatrix'"));
  Importance importance;
  importance.tensors["x.weight"] = {1, 2, {1, -1}, {2}};
  WriteImportance(path, importance);
  EXPECT_THAT(ErrorOf(path), testing::HasSubstr("no finite number from 0 up"));
  importance.tensors["x.weight"] = {2, 2, {1, 1, 1, 1}, {1, 1}};
  importance.tensors["x.weight"].rows = {1};
  importance.tensors["x.weight"].matrices = 1;
  importance.tensors["x.weight"].columns = 4;
  WriteImportance(path, importance);
  EXPECT_EQ(ErrorOf(path), "");
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace tael
