// What clients may take from each other: heads that are refused, budgets, room for connections.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <list>

#include "base/error.h"
#include "net/file_limit.h"
#include "net/http_test_support.h"

namespace tael {
namespace {

using namespace std::chrono_literals;
using namespace http_test;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::string Post(const std::string& path, size_t length, const std::string& headers = "") {
  return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(length) +
         "\r\n" + headers + "\r\n";
}

// Refuses "/no", takes bodies of 100,000 bytes at "/large" and none elsewhere.
HeadVerdict Judge(const HttpRequest& head) {
  if (head.path == "/throw") throw std::runtime_error("a defect");
  if (head.path == "/no") return {HttpResponse{401, {{"X-Why", head.peer}}, "no key"}, 0};
  return {std::nullopt, head.path == "/large" ? size_t{100'000} : 0};
}

HttpServerOptions Judged() {
  HttpServerOptions options;
  options.head_hook = Judge;
  return options;
}

TEST(HttpServerLimits, ARefusedHeadIsAnsweredWithoutItsBody) {
  Running running(Echo, Judged());
  Client client(running.port());
  client.Send(Post("/no", 10'000'000));
  const std::string answer = client.ReadAll();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 401 Unauthorized\r\n"));
  EXPECT_THAT(answer, HasSubstr("X-Why: 127.0.0.1\r\n"));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("no key"));
  Client chunked(running.port());
  chunked.Send("POST /no HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel");
  EXPECT_THAT(chunked.ReadAll(), StartsWith("HTTP/1.1 401 "));
}

TEST(HttpServerLimits, ARefusalWithoutABodyKeepsTheConnection) {
  Running running(Echo, Judged());
  Client client(running.port());
  client.Send(Get("/no") + Post("/no", 5) + "hello" + Get("/throw") + Get("/yes"));
  EXPECT_THAT(client.ReadTo("no key"), StartsWith("HTTP/1.1 401 "));
  EXPECT_THAT(client.ReadTo("no key"), Not(HasSubstr("Connection: close")));
  EXPECT_THAT(client.ReadTo("\r\n\r\n"), StartsWith("HTTP/1.1 500 "));
  EXPECT_THAT(client.ReadTo("/yes "), StartsWith("HTTP/1.1 200 "));
  client.Send("HEAD /no HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), EndsWith("Content-Length: 6\r\nConnection: close\r\n\r\n"));
}

TEST(HttpServerLimits, ARequestHasItsOwnLimit) {
  Running running(Echo, Judged());
  Client client(running.port());
  client.Send(Post("/large", 100'000) + std::string(100'000, 'x'));
  EXPECT_THAT(client.ReadTo(std::string(1000, 'x')), StartsWith("HTTP/1.1 200 "));
  Client none(running.port()), more(running.port());
  none.Send(Get("/", "Content-Length: 1\r\n"));
  EXPECT_THAT(none.ReadAll(), StartsWith("HTTP/1.1 413 "));
  more.Send(Post("/large", 100'001));
  EXPECT_THAT(more.ReadAll(), StartsWith("HTTP/1.1 413 "));
}

TEST(HttpServerLimits, ABodyIsAskedForOnlyWhenItsHeadIsTaken) {
  Running running(Echo, Judged());
  Client taken(running.port()), refused(running.port());
  refused.Send(Post("/no", 5, "Expect: 100-continue\r\n"));
  EXPECT_THAT(refused.ReadAll(), StartsWith("HTTP/1.1 401 "));
  taken.Send(Post("/large", 5, "Expect: 100-continue\r\n"));
  EXPECT_EQ(taken.ReadTo("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  taken.Send("hello");
  EXPECT_THAT(taken.ReadTo("hello"), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpServerLimits, ErrorsHaveTheFormOfTheServer) {
  HttpServerOptions options = Judged();
  options.error_form = [](const HttpError& error, const HttpRequest* head) {
    HttpResponse response;
    response.headers = {{"Content-Type", "application/json"}};
    response.body = "{\"" + (head != nullptr ? head->path : "") + "\": \"" + error.what() + "\"}";
    return response;
  };
  Running running(Echo, options);
  Client large(running.port()), nonsense(running.port());
  large.Send(Post("/here", 1));
  EXPECT_THAT(large.ReadAll(), HasSubstr("application/json\r\nContent-Length: 47\r\nConnection: "
                                         "close\r\n\r\n{\"/here\": \"body: 1 bytes, at most 0"));
  nonsense.Send("nonsense\r\n\r\n");
  EXPECT_THAT(nonsense.ReadAll(), HasSubstr("{\"\": \"request line"));
}

HttpServerOptions SmallBudget() {
  HttpServerOptions options;
  options.all_request_bytes = 400'000;
  return options;
}

TEST(HttpServerLimits, ASlowBodyGivesWayToOthers) {
  Running running(Echo, SmallBudget());
  Client slow(running.port()), slower(running.port()), fast(running.port());
  slow.Send(Post("/slow", 300'000) + std::string(200'000, 'x'));
  slower.Send(Post("/slower", 300'000) + std::string(100'000, 'x'));
  std::this_thread::sleep_for(1500ms);
  fast.Send(Post("/fast", 200'000) + std::string(200'000, 'y'));
  EXPECT_THAT(fast.ReadTo(std::string(200'000, 'y')), StartsWith("HTTP/1.1 200 "));
  const std::string answer = slower.ReadAll();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("Retry-After: 1\r\n"));
  fast.Close();
  slow.Send(std::string(100'000, 'x'));
  EXPECT_THAT(slow.ReadTo(std::string(300'000, 'x')), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpServerLimits, BodiesOfExchangesCountUntilTheyAreReleased) {
  std::promise<std::shared_ptr<HttpExchange>> first;
  const HttpHandler handler = [&](const std::shared_ptr<HttpExchange>& exchange) {
    if (exchange->request().path == "/kept") {
      first.set_value(exchange);
    } else {
      Echo(exchange);
    }
  };
  Running running(handler, SmallBudget());
  Client kept(running.port()), refused(running.port()), taken(running.port());
  kept.Send(Post("/kept", 300'000) + std::string(300'000, 'x'));
  const auto exchange = first.get_future().get();
  refused.Send(Post("/", 200'000) + std::string(200'000, 'y'));
  EXPECT_THAT(refused.ReadAll(), StartsWith("HTTP/1.1 503 "));
  EXPECT_EQ(exchange->request().body.size(), 300'000u);
  exchange->ReleaseBody();
  EXPECT_LT(exchange->request().body.capacity(), 100u);
  taken.Send(Post("/", 200'000) + std::string(200'000, 'y'));
  EXPECT_THAT(taken.ReadTo(std::string(200'000, 'y')), StartsWith("HTTP/1.1 200 "));
  exchange->Respond(Text("done"));
  EXPECT_THAT(kept.ReadTo("done"), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpServerLimits, AnswersThatNobodyTakesGiveWay) {
  HttpServerOptions options;
  options.all_unsent_bytes = 1 << 20;
  options.unsent_bytes = 100 << 20;
  Asked asked(Get("/"), options);
  asked.exchange->Begin(200, {});
  const std::string piece(100'000, 'x');
  int written = 0;  // what the sockets' own buffers take comes first
  while (asked.exchange->Write(piece)) ASSERT_LT(++written, 10'000);
  EXPECT_GE(written, 10);
  EXPECT_TRUE(asked.exchange->gone());
}

TEST(HttpServerLimits, ALargeAnswerArrivesWhole) {
  const std::string body(8'000'000, 'z');
  Running running([&](const std::shared_ptr<HttpExchange>& e) { e->Respond(Text(body)); });
  Client client(running.port());
  client.Send(Get("/") + Get("/", "Connection: close\r\n"));
  const std::string all = client.ReadAll();
  EXPECT_GT(all.size(), 2 * body.size());
  EXPECT_TRUE(all.ends_with(body));
}

// Idle before heads before slow bodies, and never one that is being answered.
TEST(HttpServerLimits, ConnectionsMakeRoomInTheirOrder) {
  HttpServerOptions options;
  options.max_connections = 4;
  Kept kept;
  Running running(kept.handler(), options);
  Client body(running.port()), answered(running.port()), head(running.port()), idle(running.port());
  answered.Send(Get("/"));
  const auto exchange = kept.Wait();
  body.Send(Post("/", 100) + "half");
  head.Send("GET / HT");
  std::this_thread::sleep_for(100ms);
  Client fifth(running.port());
  EXPECT_EQ(idle.ReadAll(), "");
  fifth.Send(Post("/", 100));
  std::this_thread::sleep_for(100ms);
  Client sixth(running.port());
  EXPECT_EQ(head.ReadAll(), "");
  sixth.Send(Post("/", 100) + "more than half of a hundred bytes, so it is fast");
  fifth.Send("more than half of a hundred bytes, so it is fast");
  std::this_thread::sleep_for(1100ms);
  Client seventh(running.port());
  EXPECT_EQ(body.ReadAll(), "");
  exchange->Respond(Text("still there"));
  EXPECT_THAT(answered.ReadTo("there"), EndsWith("still there"));
}

TEST(HttpServerLimits, OneTooManyIsToldWhenAllAreBeingAnswered) {
  HttpServerOptions options;
  options.max_connections = 1;
  Asked asked(Get("/"), options);
  Client other(asked.running.port());
  EXPECT_THAT(other.ReadAll(), StartsWith("HTTP/1.1 503 "));
  asked.exchange->Respond(Text("one"));
  EXPECT_THAT(asked.client.ReadTo("one"), StartsWith("HTTP/1.1 200 "));
}

TEST(HttpServerLimits, SeveralAddressesShareAPort) {
  HttpServerOptions options;
  options.more_addresses = {"127.0.0.2", "::1"};
  std::unique_ptr<Running> running;
  try {
    running = std::make_unique<Running>(Echo, options);
  } catch (const Error&) {
    GTEST_SKIP() << "no IPv6 here";
  }
  for (const char* address : {"127.0.0.1", "127.0.0.2", "::1"}) {
    Client client(running->port(), address);
    client.Send(Get("/a"));
    EXPECT_THAT(client.ReadTo("/a "), StartsWith("HTTP/1.1 200 "));
  }
}

TEST(HttpServerLimits, ConnectionsFitBelowTheLimitOfOpenFiles) {
  EXPECT_EQ(FitConnections(12'000, 20'000).connections, 12'000);
  EXPECT_EQ(FitConnections(12'000, 20'000).notice, "");
  EXPECT_EQ(FitConnections(5, kOtherFiles + 5).connections, 5);
  const ConnectionFit fit = FitConnections(12'000, 1024);
  EXPECT_EQ(fit.connections, 1024 - kOtherFiles);
  EXPECT_THAT(fit.notice, HasSubstr("768 connections instead of 12000"));
  EXPECT_THROW(FitConnections(100, kOtherFiles + 15), Error);
  EXPECT_THROW(FitConnections(0, 1024), Error);
}

// With no descriptor left the server answers those it has, and new ones when there is room again.
TEST(HttpServerLimits, WithoutDescriptorsNewClientsWait) {
  Kept kept;
  Running running(kept.handler());
  Client first(running.port());
  first.Send(Get("/first"));
  const auto exchange = kept.Wait();
  Client second(running.port());  // takes its own descriptor before there are none
  second.Send("GET /second HT");
  std::this_thread::sleep_for(50ms);
  boost::asio::io_context context;
  boost::asio::ip::tcp::socket third(context, boost::asio::ip::tcp::v4());
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const int next = dup(0);  // the lowest descriptor that is free
  close(next);
  const rlimit none{static_cast<rlim_t>(next), limit.rlim_max};
  setrlimit(RLIMIT_NOFILE, &none);
  third.connect(
      {boost::asio::ip::make_address("127.0.0.1"), static_cast<uint16_t>(running.port())});
  EXPECT_EQ(second.ReadAll(), "");  // it makes room
  std::this_thread::sleep_for(100ms);
  setrlimit(RLIMIT_NOFILE, &limit);
  exchange->Respond(Text("first"));
  EXPECT_THAT(first.ReadTo("first"), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(running.server().connections(), 2);
}

// Hundreds of clients that do nothing, or not enough; a normal one goes on.
TEST(HttpServerLimits, SlowClientsDoNotSlowOthersDown) {
  Running running(Echo);
  std::list<Client> clients;
  for (int i = 0; i < 300; ++i) {
    Client& client = clients.emplace_back(running.port());
    if (i % 3 == 1) client.Send("GET / HTTP/1.1\r\nHost");
    if (i % 3 == 2) client.Send(Post("/", 1000) + "slow");
  }
  Client normal(running.port());
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 200; ++i) {
    for (Client& client : clients) {
      if (&client != &clients.front() && i % 50 == 0) client.Send("x");
    }
    normal.Send(Get("/normal"));
    EXPECT_THAT(normal.ReadTo("/normal "), StartsWith("HTTP/1.1 200 "));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_EQ(running.server().connections(), 301);
}

}  // namespace
}  // namespace tael
