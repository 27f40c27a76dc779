#include "server/origin_check.h"

#include <gtest/gtest.h>

namespace tael {
namespace {

HttpRequest Head(const std::string& host, const std::string& origin = "") {
  HttpRequest request;
  if (!host.empty()) request.headers.emplace_back("Host", host);
  if (!origin.empty()) request.headers.emplace_back("Origin", origin);
  return request;
}

bool Passes(const OriginCheck& check, const HttpRequest& request) {
  return !check.Refusal(request).has_value();
}

TEST(OriginCheckTest, OnlyNamesOfTheServer) {
  const OriginCheck check({"Box.lan"}, {});
  for (const char* host : {"", "localhost", "localhost:8080", "LOCALHOST", "app.localhost:1",
                           "127.0.0.1:8080", "192.168.1.2", "[::1]:8080", "box.lan:80"}) {
    EXPECT_TRUE(Passes(check, Head(host))) << host;
  }
  for (const char* host :
       {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "[::1].evil.example",
        "localhost:80:evil", "[::1]evil:80", "box.lan.evil.example", "notbox.lan"}) {
    EXPECT_FALSE(Passes(check, Head(host))) << host;
    EXPECT_EQ(check.Refusal(Head(host))->status(), 403);
  }
}

TEST(OriginCheckTest, OnlyPagesThatAreAllowed) {
  const OriginCheck check({}, {"https://ok.example"});
  EXPECT_TRUE(Passes(check, Head("localhost:80", "https://ok.example")));
  EXPECT_TRUE(Passes(check, Head("localhost:80", "HTTPS://OK.example")));
  EXPECT_TRUE(Passes(check, Head("localhost:80", "http://localhost:80")));
  for (const char* origin : {"https://evil.example", "null", "http://ok.example",
                             "https://ok.example.evil", "http://localhost:81", "file://"}) {
    EXPECT_FALSE(Passes(check, Head("localhost:80", origin))) << origin;
    EXPECT_TRUE(check.HeadersFor(Head("localhost:80", origin)).empty()) << origin;
  }
  const HttpHeaders headers = check.HeadersFor(Head("localhost", "https://ok.example"));
  ASSERT_NE(FindHeader(headers, "Access-Control-Allow-Origin"), nullptr);
  EXPECT_EQ(*FindHeader(headers, "Access-Control-Allow-Origin"), "https://ok.example");
  EXPECT_TRUE(Passes(OriginCheck({}, {"*"}), Head("localhost", "https://any.example")));
}

}  // namespace
}  // namespace tael
