#include "store/store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <future>
#include <thread>

#include "base/error.h"
#include "base/file.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::SizeIs;

StoreOptions At(const TemporaryFolder& folder) {
  StoreOptions options;
  options.path = folder.path() + "/sub/tael.db";
  options.refresh = 10ms;
  options.flush = 20ms;
  return options;
}

KeySpec Named(const std::string& name) {
  KeySpec spec;
  spec.name = name;
  return spec;
}

void Put(Store& store, const StoredResponse& response) {
  const auto promise = std::make_shared<std::promise<void>>();
  store.PutResponse(response, [promise](const std::exception_ptr& error) {
    error ? promise->set_exception(error) : promise->set_value();
  });
  promise->get_future().get();
}

template <typename Condition>
bool Eventually(const Condition& condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) std::this_thread::sleep_for(10ms);
  return condition();
}

// What opening the file says.
std::string WhyNot(const StoreOptions& options) {
  try {
    const Store store(options);
  } catch (const Error& error) {
    return std::string(ErrorCodeName(error.code())) + " " + error.what();
  }
  return "";
}

TEST(Store, KeysAreMadeFoundAndRevoked) {
  const TemporaryFolder folder;
  KeySpec spec = Named("ci");
  spec.scopes = {"use", "admin"};
  spec.models = {"a/b", "\"c\""};
  spec.limits = {1, 2, 3, 4};
  spec.priority = -5;
  spec.sharing_group = "team";
  std::string text, id;
  {
    Store store(At(folder));
    EXPECT_FALSE(store.HasKeys());
    const MadeKey made = store.CreateKey(spec);
    text = made.text;
    id = made.record.id;
    EXPECT_THROW(store.CreateKey(spec), Error);  // the name is taken
    EXPECT_THROW(store.CreateKey(Named("")), Error);
    ASSERT_NE(store.Authenticate(text), nullptr);
    EXPECT_EQ(ReadFile(At(folder).path).find(text.substr(22)), std::string::npos);
  }
  Store store(At(folder));
  const auto found = store.Authenticate(text);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->name, "ci");
  EXPECT_EQ(found->scopes, spec.scopes);
  EXPECT_EQ(found->models, spec.models);
  EXPECT_EQ(found->limits, spec.limits);
  EXPECT_EQ(found->priority, -5);
  EXPECT_EQ(found->sharing_group, "team");
  std::string wrong = text;
  wrong.back() = wrong.back() == '0' ? '1' : '0';
  EXPECT_EQ(store.Authenticate(wrong), nullptr);
  EXPECT_TRUE(store.HasKeys());
  EXPECT_NE(store.RevokeKey(id), nullptr);
  EXPECT_EQ(store.RevokeKey("none"), nullptr);
  EXPECT_EQ(store.Authenticate(text), nullptr);
  EXPECT_FALSE(store.HasKeys());
  store.CreateKey(spec);  // the name is free again
  EXPECT_THAT(store.ListKeys(), SizeIs(2));
}

TEST(Store, KeysExpire) {
  const TemporaryFolder folder;
  StoreOptions options = At(folder);
  std::atomic<int64_t> now = 1000;
  options.now_ms = [&] { return now.load(); };
  Store store(options);
  KeySpec spec = Named("short");
  spec.expires_ms = 2000;
  const MadeKey made = store.CreateKey(spec);
  EXPECT_NE(store.Authenticate(made.text), nullptr);
  now = 2000;
  EXPECT_EQ(store.Authenticate(made.text), nullptr);
}

TEST(Store, WhatAnotherProcessChangesIsSeen) {
  const TemporaryFolder folder;
  Store server(At(folder)), command(At(folder));
  const MadeKey made = command.CreateKey(Named("new"));
  EXPECT_TRUE(Eventually([&] { return server.Authenticate(made.text) != nullptr; }));
  command.RevokeKey(made.record.id);
  EXPECT_TRUE(Eventually([&] { return server.Authenticate(made.text) == nullptr; }));
  command.CountUsage(made.record.id, "m", {1, 10, 0, 5});
  EXPECT_TRUE(Eventually([&] { return server.TokensUsed(made.record.id) == 15; }));
}

TEST(Store, UsageAddsUpAndIsThereAfterTheEnd) {
  const TemporaryFolder folder;
  StoreOptions options = At(folder);
  std::atomic<int64_t> now = 10 * 86'400'000;
  options.now_ms = [&] { return now.load(); };
  std::string id;
  {
    Store store(options);
    id = store.CreateKey(Named("a")).record.id;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 1000; ++i) store.CountUsage(id, "m", {1, 10, 4, 2});
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(store.TokensUsed(id), 48'000);
    EXPECT_EQ(store.ListUsage(10, 10).size(), 1u);
    EXPECT_EQ(store.ListKeys().front().last_used_ms, now);
    now += 86'400'000;
    store.CountUsage(id, "m", {1, 1, 1, 1});
    store.CountUsage("", "n", {1, 0, 0, 0});
  }
  Store store(options);
  EXPECT_EQ(store.TokensUsed(id), 48'002);
  const UsageMap usage = store.ListUsage(0, 100);
  EXPECT_EQ(usage.size(), 3u);
  EXPECT_EQ(usage.at({id, "m", 10}), (UsageCounts{4000, 40'000, 16'000, 8000}));
  EXPECT_EQ(usage.at({id, "m", 11}), (UsageCounts{1, 1, 1, 1}));
  EXPECT_EQ(store.ListUsage(11, 11).size(), 2u);
}

TEST(Store, AResponseThatCannotBeKeptFailsAlone) {
  const TemporaryFolder folder;
  Store store(At(folder));
  std::vector<std::future<bool>> kept;
  for (int i = 0; i < 100; ++i) {
    const auto promise = std::make_shared<std::promise<bool>>();
    kept.push_back(promise->get_future());
    StoredResponse response{"r" + std::to_string(i), "me", std::nullopt, NowMs(), "{}", "[]"};
    if (i % 10 == 3) response.parent = "none";
    store.PutResponse(response, [promise](const std::exception_ptr& error) {
      promise->set_value(error == nullptr);
    });
  }
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(kept[static_cast<size_t>(i)].get(), i % 10 != 3) << i;
    EXPECT_EQ(store.GetResponse("me", "r" + std::to_string(i)).has_value(), i % 10 != 3) << i;
  }
  Put(store, {"child", "me", "r1", NowMs(), "{}", "[]"});
  EXPECT_THAT(store.GetChain("me", "child"), SizeIs(2));
  EXPECT_TRUE(store.DeleteResponse("me", "child"));
  EXPECT_FALSE(store.GetResponse("me", "child").has_value());
}

TEST(Store, ExpiredResponsesAreSweptAtTheStart) {
  const TemporaryFolder folder;
  StoreOptions options = At(folder);
  std::atomic<int64_t> now = 1000;
  options.now_ms = [&] { return now.load(); };
  {
    Put(*std::make_unique<Store>(options), {"a", "me", std::nullopt, now, "private", "[]"});
  }
  now += options.responses.keep_ms;
  {
    Store store(options);
    store.ListKeys();
  }
  SqlDatabase database(options.path);
  EXPECT_EQ(database.IntOf("SELECT count(*) FROM responses"), 0);
  database.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
  EXPECT_EQ(ReadFile(options.path).find("private"), std::string::npos);
}

TEST(Store, FilesBelongToTheirOwnerOnly) {
  const TemporaryFolder folder;
  const StoreOptions options = At(folder);
  {
    const Store store(options);
  }
  chmod(options.path.c_str(), 0644);
  Store store(options);
  store.CreateKey(Named("a"));
  for (const char* end : {"", "-wal", "-shm"}) {
    struct stat state{};
    ASSERT_EQ(stat((options.path + end).c_str(), &state), 0) << end;
    EXPECT_EQ(state.st_mode & 0777, 0600u) << end;
  }
}

TEST(Store, FilesThatCannotBeUsedAreNamedAndStayAsTheyAre) {
  const TemporaryFolder folder;
  StoreOptions options = At(folder);
  options.path = folder.Write("text", std::string(5000, 'x'));
  EXPECT_THAT(WhyNot(options), testing::StartsWith("corrupt " + options.path));
  EXPECT_EQ(ReadFile(options.path), std::string(5000, 'x'));

  options.path = folder.path() + "/other.db";
  SqlDatabase(options.path).Execute("CREATE TABLE t (a)");
  EXPECT_THAT(WhyNot(options), HasSubstr("another program"));

  options.path = folder.path() + "/newer.db";
  {
    SqlDatabase database(options.path);
    PrepareSchema(database);
    database.Execute("PRAGMA user_version = 99");
  }
  EXPECT_THAT(WhyNot(options), HasSubstr("version 99"));

  options.path = folder.path();
  EXPECT_THAT(WhyNot(options), testing::StartsWith("unavailable "));
}

TEST(Store, ADamagedFileIsNoticed) {
  const TemporaryFolder folder;
  const StoreOptions options = At(folder);
  {
    Store store(options);
    for (int i = 0; i < 200; ++i) store.CreateKey(Named("key " + std::to_string(i)));
  }
  const std::string good = ReadFile(options.path);
  std::string bad = good;
  for (size_t i = 8192; i < bad.size(); i += 3) bad[i] = static_cast<char>(bad[i] ^ 0x5a);
  WriteFileAtomically(options.path, bad);
  EXPECT_THAT(WhyNot(options), testing::StartsWith("corrupt "));
  WriteFileAtomically(options.path, good.substr(0, good.size() / 2));
  EXPECT_THAT(WhyNot(options), testing::StartsWith("corrupt "));
  WriteFileAtomically(options.path, good);
  EXPECT_EQ(WhyNot(options), "");
}

TEST(Store, ALockedFileIsAnErrorAndLosesNothing) {
  const TemporaryFolder folder;
  StoreOptions options = At(folder);
  options.busy_ms = 200;
  std::promise<std::string> problem;
  options.on_problem = [&, told = false](const std::string& text) mutable {
    if (!std::exchange(told, true)) problem.set_value(text);
  };
  Store store(options);
  SqlDatabase other(options.path);
  other.Execute("BEGIN IMMEDIATE");
  store.CountUsage("k", "m", {1, 2, 3, 4});
  EXPECT_THAT(problem.get_future().get(), HasSubstr("locked by another process"));
  EXPECT_EQ(store.TokensUsed("k"), 6);
  other.RollBack();
  EXPECT_EQ(store.ListUsage(0, 1 << 20).size(), 1u);
}

// Writes responses until it is killed, and tells each that is on the disk.
[[noreturn]] void WriteForEver(const StoreOptions& options, int out) {
  Store store(options);
  std::atomic<int64_t> told = 0;
  for (int64_t i = 0;; ++i) {
    const std::string number = std::to_string(i);
    store.PutResponse({"r" + number, "me", std::nullopt, NowMs(), std::string(3000, 'x'), number},
                      [out, i, &told](const std::exception_ptr& error) {
                        if (error) std::rethrow_exception(error);  // ends the child
                        if (write(out, &i, sizeof(i)) != sizeof(i)) _exit(1);
                        ++told;
                      });
    while (i - told > 300) std::this_thread::sleep_for(1ms);
  }
}

TEST(Store, WhatWasAcknowledgedOutlivesAKill) {
  const TemporaryFolder folder;
  const StoreOptions options = At(folder);
  for (int round = 0; round < 3; ++round) {
    if (round > 0) SqlDatabase(options.path).Run("DELETE FROM responses");
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) WriteForEver(options, ends[1]);
    close(ends[1]);
    std::vector<int64_t> told;
    for (int64_t i = 0; read(ends[0], &i, sizeof(i)) == sizeof(i);) {
      told.push_back(i);
      // The first time early, later amid checkpoints of the log.
      if (told.size() > 20U + 700U * static_cast<size_t>(round)) kill(child, SIGKILL);
    }
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
    EXPECT_GT(told.size(), 10u);
    Store store(options);
    for (const int64_t i : told) {
      const auto found = store.GetResponse("me", "r" + std::to_string(i));
      ASSERT_TRUE(found.has_value()) << i;
      EXPECT_EQ(found->output, std::to_string(i));
    }
  }
}

}  // namespace
}  // namespace tael
