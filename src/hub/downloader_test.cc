#include "hub/downloader.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"
#include "hub/parts_journal.h"
#include "tests/support/range_server.h"
#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

std::string Body() {
  std::string body(static_cast<size_t>(6 * kPieceBytes + 777), '\0');
  uint32_t state = 1;
  for (char& c : body) c = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return body;
}

class DownloaderTest : public testing::Test {
 protected:
  DownloaderTest() {
    options_.retry = {.attempts = 3, .first = std::chrono::milliseconds(1)};
    options_.http.silence_seconds = 5;
  }
  Downloader Make(const RangeServer& server) {
    const RemoteFile file{.path = "f",
                          .size = static_cast<int64_t>(body_.size()),
                          .sha256 = Sha256Hex(body_),
                          .url = server.url()};
    return Downloader(JoinPath(folder_.path(), "files"), JoinPath(folder_.path(), "journal"),
                      {.where = "r"}, {file}, options_, &cancelled_);
  }
  std::string Fetched() { return ReadFile(JoinPath(folder_.path(), "files/f")); }

  std::string body_ = Body();
  TemporaryFolder folder_;
  DownloadOptions options_;
  std::atomic<bool> cancelled_{false};
};

TEST_F(DownloaderTest, SeveralConnectionsOneFile) {
  const RangeServer server(body_);
  int ticks = 0;
  Downloader downloader = Make(server);
  downloader.FetchAll([&] { ++ticks; });
  EXPECT_EQ(Fetched(), body_);
  EXPECT_GE(ticks, 1);
  EXPECT_EQ(downloader.Progress()[0].checked, static_cast<int64_t>(body_.size()));
}

TEST_F(DownloaderTest, ABeginningIsPartOfTheWhole) {
  const RangeServer server(body_);
  Make(server).FetchBeginnings({10}, {});
  EXPECT_EQ(Fetched().substr(0, 10), body_.substr(0, 10));
  Downloader downloader = Make(server);
  EXPECT_EQ(downloader.Progress()[0].done, kPieceBytes);
  downloader.FetchAll({});
  EXPECT_EQ(Fetched(), body_);
}

TEST_F(DownloaderTest, CutsAreResumedAndDamageIsFetchedAgain) {
  const RangeServer server(body_, [](int request, RangeServer::Answer& answer) {
    if (request % 2 == 0) answer.cut = answer.body.size() / 2;
    if (request == 1) answer.body[5] ^= 1;
  });
  Make(server).FetchAll({});
  EXPECT_EQ(Fetched(), body_);
}

TEST_F(DownloaderTest, WhatStaysWrongIsRefused) {
  const RangeServer damaged(body_, [](int, RangeServer::Answer& answer) { answer.body[0] ^= 1; });
  try {
    Make(damaged).FetchAll({});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorrupt) << error.what();
  }
  const RangeServer silent(body_, [](int, RangeServer::Answer& answer) { answer.cut = 0; });
  try {
    Make(silent).FetchAll({});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable) << error.what();
  }
}

TEST_F(DownloaderTest, CancellingKeepsWhatCame) {
  const RangeServer server(body_, [this](int request, RangeServer::Answer&) {
    if (request == 2) cancelled_ = true;
  });
  Downloader downloader = Make(server);
  EXPECT_THROW(downloader.FetchAll({}), Error);
  cancelled_ = false;
  Make(server).FetchAll({});
  EXPECT_EQ(Fetched(), body_);
}

}  // namespace
}  // namespace tael
