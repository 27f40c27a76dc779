#include "net/http_request_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tael {
namespace {

using testing::HasSubstr;

constexpr const char* kPost = "POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";

int StatusOf(const std::string& bytes, const HttpSizes& sizes = {}) {
  HttpRequestReader reader(sizes);
  try {
    reader.Feed(bytes);
    while (reader.Take()) {
    }
  } catch (const HttpError& error) {
    return error.status();
  }
  return 200;
}

std::string Get(const std::string& headers) {
  return "GET / HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n";
}

TEST(HttpRequestReader, ReadsARequestThatComesByteByByte) {
  HttpRequestReader reader{HttpSizes{}};
  for (const char* c = kPost; *c != '\0'; ++c) {
    EXPECT_FALSE(reader.Take().has_value());
    reader.Feed(std::string_view(c, 1));
  }
  const auto request = reader.Take();
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->method, "POST");
  EXPECT_EQ(request->path, "/a");
  EXPECT_EQ(request->query, "b=c");
  EXPECT_EQ(request->body, "hello");
  EXPECT_EQ(*request->Find("HOST"), "x");
  EXPECT_EQ(request->Find("none"), nullptr);
  EXPECT_TRUE(request->keep_alive);
  EXPECT_EQ(reader.state(), HttpRequestReader::State::kIdle);
}

TEST(HttpRequestReader, RequestsInARowWaitForTheirTurn) {
  HttpRequestReader reader{HttpSizes{}};
  reader.Feed(std::string(kPost) + Get("") + "\r\n" + Get("Connection: close\r\n"));
  EXPECT_EQ(reader.Take()->body, "hello");
  EXPECT_TRUE(reader.Take()->keep_alive);
  const auto last = reader.Take();
  ASSERT_TRUE(last.has_value());
  EXPECT_FALSE(last->keep_alive);
  EXPECT_FALSE(reader.Take().has_value());
}

TEST(HttpRequestReader, WhatIsWrongBehindARequestDoesNotTakeItAway) {
  HttpRequestReader reader{HttpSizes{}};
  reader.Feed(std::string(kPost) + "nonsense\r\n\r\n");
  EXPECT_EQ(reader.Take()->body, "hello");
  EXPECT_THROW(reader.Take(), HttpError);
}

TEST(HttpRequestReader, ChunksBecomeOneBody) {
  const std::string request =
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "5;ext=\"a b\"\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: 1\r\n\r\n";
  for (size_t cut = 1; cut < request.size(); ++cut) {
    HttpRequestReader reader{HttpSizes{}};
    reader.Feed(request.substr(0, cut));
    reader.Feed(request.substr(cut));
    const auto found = reader.Take();
    ASSERT_TRUE(found.has_value()) << cut;
    EXPECT_EQ(found->body, "hello world") << cut;
    EXPECT_EQ(reader.waiting(), 0u);
  }
}

TEST(HttpRequestReader, WhatHasTwoReadingsIsRefused) {
  EXPECT_EQ(StatusOf(Get("Content-Length: 1\r\nContent-Length: 1\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("Content-Length: +1\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("Content-Length: 1,1\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("Content-Length: 18446744073709551616\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("Transfer-Encoding: gzip, chunked\r\n")), 501);
  EXPECT_EQ(StatusOf(Get("Transfer-Encoding: chunked, identity\r\n")), 501);
  EXPECT_EQ(StatusOf(Get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("A: b\r\n c\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("A : b\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("A: b\nB: c\r\n")), 400);
  EXPECT_EQ(StatusOf(Get("A: b\rB: c\r\n")), 400);
  EXPECT_EQ(StatusOf(Get(std::string("A: b\0c\r\n", 8))), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\n\r\n"), 400);  // no Host
  EXPECT_EQ(StatusOf(Get("host: y\r\n")), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/1.0\r\n\r\n"), 200);
  EXPECT_EQ(StatusOf("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET / HTTP/2.0\r\n\r\n"), 505);
  EXPECT_EQ(StatusOf("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET /\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("G@T / HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
}

TEST(HttpRequestReader, ChunksHaveOneReading) {
  const std::string head = Get("Transfer-Encoding: chunked\r\n");
  EXPECT_EQ(StatusOf(head + "5\r\nhello\r\n0\r\n\r\n"), 200);
  for (const char* body :
       {"\r\nhello", "5\nhello\r\n0\r\n\r\n", "5\r\nhello!\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n",
        "5 \r\nhello\r\n", "0x5\r\nhello\r\n", "-5\r\n", "5;a=\"b\r\nc\"\r\nhello\r\n",
        "5;a=\"b\r\n", "5;\x01\r\nhello\r\n", "10000000000000000\r\n", "fffffffffffffff\r\n",
        "0\r\nfolded\r\n\r\n", "0\r\n a: b\r\n\r\n"}) {
    const int status = StatusOf(head + body);
    EXPECT_TRUE(status == 400 || status == 413) << body << " " << status;
  }
}

TEST(HttpRequestReader, SizesAreLimits) {
  const HttpSizes sizes{.head_bytes = 100, .body_bytes = 10};
  EXPECT_EQ(StatusOf(Get("A: " + std::string(200, 'b') + "\r\n"), sizes), 431);
  EXPECT_EQ(StatusOf("GET / HTTP/1.1\r\nA: " + std::string(200, 'b'), sizes), 431);
  EXPECT_EQ(StatusOf(Get("Content-Length: 11\r\n"), sizes), 413);
  const std::string chunked = Get("Transfer-Encoding: chunked\r\n");
  EXPECT_EQ(StatusOf(chunked + "b\r\nhello world\r\n", sizes), 413);
  EXPECT_EQ(StatusOf(chunked + "5;" + std::string(200, 'x'), sizes), 400);
  EXPECT_EQ(StatusOf(chunked + "0\r\n" + std::string(20, 'a') + ": b\r\n", sizes), 200);
  std::string trailer;
  for (int i = 0; i < 20; ++i) trailer += "name: value\r\n";
  EXPECT_EQ(StatusOf(chunked + "0\r\n" + trailer, sizes), 400);
}

TEST(HttpRequestReader, AnExpectationIsTold) {
  HttpRequestReader reader{HttpSizes{}};
  reader.Feed("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_FALSE(reader.Take().has_value());
  EXPECT_TRUE(reader.expects_continue());
  reader.Feed("hello");
  EXPECT_EQ(reader.Take()->body, "hello");
  EXPECT_FALSE(reader.expects_continue());
  EXPECT_EQ(StatusOf(Get("Content-Length: 1\r\nExpect: money\r\n")), 417);
}

}  // namespace
}  // namespace tael
