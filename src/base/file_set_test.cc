#include "base/file_set.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

std::vector<AtomicFile> Files(const TemporaryFolder& folder,
                              const std::vector<std::string>& names) {
  std::vector<AtomicFile> files;
  for (const std::string& name : names) {
    const std::string text = "new " + name;
    files.emplace_back(JoinPath(folder.path(), name));
    files.back().Write({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  }
  return files;
}

std::string Content(const TemporaryFolder& folder, const std::string& name) {
  return ReadFile(JoinPath(folder.path(), name));
}

TEST(CommitTogether, ReplacesAllAndRemovesWhatMustNotStay) {
  TemporaryFolder folder;
  for (const char* name : {"entry", "part", "stale", "other"}) folder.Write(name, "old");
  auto files = Files(folder, {"part", "fresh", "entry"});
  CommitTogether(files, {JoinPath(folder.path(), "stale"), JoinPath(folder.path(), "nothing")});
  EXPECT_EQ(ListDirectory(folder.path()),
            (std::vector<std::string>{"entry", "fresh", "other", "part"}));
  EXPECT_EQ(Content(folder, "part"), "new part");
  EXPECT_EQ(Content(folder, "entry"), "new entry");
  EXPECT_EQ(Content(folder, "other"), "old");
}

TEST(CommitTogether, AnErrorOnTheWayPutsEverythingBack) {
  TemporaryFolder folder;
  for (const char* name : {"entry", "part", "stale"}) folder.Write(name, "old");
  std::filesystem::create_symlink("part", JoinPath(folder.path(), "link"));
  MakeDirectories(JoinPath(folder.path(), "taken"));  // a file cannot take its place
  const std::vector<std::string> before = ListDirectory(folder.path());
  {
    auto files = Files(folder, {"part", "link", "fresh", "taken", "entry"});
    EXPECT_THROW(CommitTogether(files, {JoinPath(folder.path(), "stale")}), Error);
  }
  EXPECT_EQ(ListDirectory(folder.path()), before);
  for (const char* name : {"entry", "part", "stale", "link"}) {
    EXPECT_EQ(Content(folder, name), "old") << name;
  }
  EXPECT_TRUE(std::filesystem::is_symlink(JoinPath(folder.path(), "link")));
}

// The last rename fails when all others are done: the scratch file is gone.
TEST(CommitTogether, FilesThatWereInPlaceAreTakenBackToo) {
  TemporaryFolder folder;
  for (const char* name : {"entry", "part"}) folder.Write(name, "old");
  {
    auto files = Files(folder, {"part", "fresh", "entry"});
    for (AtomicFile& file : files) file.Finish();
    for (const std::string& name : LeftoversOf(JoinPath(folder.path(), "entry"))) {
      std::filesystem::remove(JoinPath(folder.path(), name));
    }
    EXPECT_THROW(CommitTogether(files), Error);
  }
  EXPECT_EQ(ListDirectory(folder.path()), (std::vector<std::string>{"entry", "part"}));
  EXPECT_EQ(Content(folder, "entry"), "old");
  EXPECT_EQ(Content(folder, "part"), "old");
}

TEST(LeftoversOf, NamesWhatAKilledWriterLeft) {
  TemporaryFolder folder;
  for (const char* name :
       {"a", "a.old-abc123", "a.part-XyZ987", "a.txt", "b.old-abc123", "a.old-more-than-that"}) {
    folder.Write(name, "");
  }
  EXPECT_EQ(LeftoversOf(JoinPath(folder.path(), "a")),
            (std::vector<std::string>{"a.old-abc123", "a.part-XyZ987"}));
  EXPECT_TRUE(LeftoversOf(JoinPath(folder.path(), "none/a")).empty());
}

}  // namespace
}  // namespace tael
