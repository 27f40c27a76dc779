#include "hub/pull_folder.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "hub/retry.h"
#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

PulledModel Model(const std::string& name) {
  return {.name = name,
          .entry = "m.gguf",
          .source = "url",
          .origin = "x",
          .files = {{"m.gguf", 3, ""}}};
}

TEST(PullFolder, InstallsWholeModelsAndReplacesThem) {
  const TemporaryFolder store;
  for (const char* content : {"one", "two"}) {
    PullFolder folder(store.path(), "o/r:Q4_0");
    WriteFileAtomically(JoinPath(folder.files(), "m.gguf"), content);
    WriteFileAtomically(JoinPath(folder.files(), "stale.gguf"), content);
    folder.Install(Model("o/r:Q4_0"));
    const std::string target = PulledFolder(store.path(), "o/r:Q4_0");
    EXPECT_EQ(ReadFile(JoinPath(target, "m.gguf")), content);
    EXPECT_FALSE(FileExists(JoinPath(target, "stale.gguf")));
    ASSERT_TRUE(ReadPulledModel(target));
    EXPECT_EQ(ReadPulledModel(target)->name, "o/r:Q4_0");
    EXPECT_TRUE(IsWhole(target, *ReadPulledModel(target)));
    EXPECT_EQ(ListDirectory(store.path()), std::vector<std::string>{"o"});
  }
  RemoveFromStore(store.path(), PulledFolder(store.path(), "o/r:Q4_0"));
  EXPECT_TRUE(ListDirectory(store.path()).empty());
}

TEST(PullFolder, BelongsToOneAtATime) {
  const TemporaryFolder store;
  {
    const PullFolder first(store.path(), "a");
    EXPECT_THROW(PullFolder(store.path(), "a"), Error);
    EXPECT_NO_THROW(PullFolder(store.path(), "b"));
  }
  EXPECT_NO_THROW(PullFolder(store.path(), "a"));
}

TEST(PulledModel, NamesCannotLeaveTheStore) {
  for (const char* name : {"..", "../a", "/a", "", "a\\b"}) {
    EXPECT_THROW(PulledFolder("/store", name), Error) << name;
  }
  EXPECT_EQ(PulledFolder("/store", "o/r@refs/pr/1:Q4_0"), "/store/o/r--refs-pr-1--Q4_0");
}

TEST(PulledModel, NotesThatAreNone) {
  const TemporaryFolder folder;
  for (const char* text :
       {"", "{}", "[]", R"({"name":"a"})", R"({"name":"a","files":[{"path":"../x"}]})",
        R"({"name":"a","entry":"/etc/x","files":[]})"}) {
    folder.Write(kPulledNote, text);
    EXPECT_FALSE(ReadPulledModel(folder.path())) << text;
  }
}

TEST(Retry, DelaysDoubleAndHonourTheServer) {
  using std::chrono::milliseconds;
  const RetryPolicy policy{
      .attempts = 6, .first = milliseconds(500), .longest = milliseconds(8000)};
  EXPECT_EQ(RetryDelay(policy, 1, {}, 0), milliseconds(250));
  EXPECT_LT(RetryDelay(policy, 1, {}, 0.999), milliseconds(500));
  EXPECT_EQ(RetryDelay(policy, 3, {}, 0), milliseconds(1000));
  EXPECT_EQ(RetryDelay(policy, 60, {}, 0), milliseconds(4000));
  EXPECT_EQ(RetryDelay(policy, 1, 20, 0.5), milliseconds(20'000));
  EXPECT_EQ(RetryDelay(policy, 1, 1'000'000, 0.5), milliseconds(600'000));
  EXPECT_EQ(ParseRetryAfter("120", 0), 120);
  EXPECT_EQ(ParseRetryAfter("Thu, 01 Jan 1970 00:02:00 GMT", 60), 60);
  EXPECT_EQ(ParseRetryAfter("Thu, 01 Jan 1970 00:02:00 GMT", 600), 0);
  EXPECT_EQ(ParseRetryAfter("soon", 0), std::nullopt);
  EXPECT_EQ(ParseRetryAfter("-5", 0), std::nullopt);
}

TEST(Retry, ProgressBringsNewAttempts) {
  const RetryPolicy policy{.attempts = 3, .first = std::chrono::milliseconds(1)};
  int calls = 0;
  const auto fail = [&] {
    ++calls;
    Fail(ErrorCode::kUnavailable, "cut");
  };
  EXPECT_THROW(WithRetries(policy, nullptr, fail), Error);
  EXPECT_EQ(calls, 3);
  calls = 0;
  EXPECT_THROW(WithRetries(policy, nullptr, fail, [&] { return calls < 5; }), Error);
  EXPECT_EQ(calls, 6);
  calls = 0;
  EXPECT_THROW(WithRetries(policy, nullptr,
                           [&] {
                             ++calls;
                             Fail(ErrorCode::kCorrupt, "lie");
                           }),
               Error);
  EXPECT_EQ(calls, 1);
  const std::atomic<bool> cancelled{true};
  calls = 0;
  EXPECT_THROW(WithRetries(policy, &cancelled, fail), Error);
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace tael
