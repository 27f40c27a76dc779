#include "net/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "net/http_test_support.h"

namespace tael {
namespace {

using namespace std::chrono_literals;
using namespace http_test;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

TEST(HttpServer, AnswersOneRequestAfterAnother) {
  Running running(Echo);
  Client client(running.port());
  client.Send(Get("/one") + Get("/two"));
  EXPECT_THAT(client.ReadTo("/one "), StartsWith("HTTP/1.1 200 OK\r\nDate: "));
  EXPECT_THAT(client.ReadTo("/two "), HasSubstr("Content-Length: 5\r\n\r\n/two "));
  client.Send("POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbody");
  const std::string last = client.ReadAll();
  EXPECT_THAT(last, EndsWith("\r\n\r\n/a body"));
  EXPECT_THAT(last, HasSubstr("Connection: close\r\n"));
}

TEST(HttpServer, AHeadIsAnsweredWithoutTheBody) {
  Running running(Echo);
  Client client(running.port());
  client.Send("HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), EndsWith("Content-Length: 3\r\nConnection: close\r\n\r\n"));
}

TEST(HttpServer, PiecesOfAStreamArriveAtOnce) {
  Asked asked;
  Client& client = asked.client;
  const auto& exchange = asked.exchange;
  exchange->Begin(200, {{"Content-Type", "text/event-stream"}});
  EXPECT_TRUE(exchange->Write("data: 1\n\n"));
  EXPECT_THAT(client.ReadTo("data: 1\n\n\r\n"),
              HasSubstr("Transfer-Encoding: chunked\r\n\r\n9\r\n"));
  EXPECT_TRUE(exchange->Write("data: 2\n\n"));
  exchange->End();
  EXPECT_EQ(client.ReadTo("0\r\n\r\n"), "9\r\ndata: 2\n\n\r\n0\r\n\r\n");
}

TEST(HttpServer, AStreamToAnOldClientEndsWithTheConnection) {
  Running running([](const std::shared_ptr<HttpExchange>& exchange) {
    exchange->Begin(200, {});
    exchange->Write("one");
    exchange->Write("two");
    exchange->End();
  });
  Client client(running.port());
  client.Send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), EndsWith("Connection: close\r\n\r\nonetwo"));
}

TEST(HttpServer, WhoGoesIsNoticed) {
  Asked asked;
  Client& client = asked.client;
  const auto& exchange = asked.exchange;
  std::promise<void> gone;
  exchange->OnGone([&] { gone.set_value(); });
  EXPECT_FALSE(exchange->gone());
  client.Close();
  gone.get_future().wait();
  EXPECT_TRUE(exchange->gone());
  exchange->Begin(200, {});
  EXPECT_FALSE(exchange->Write("too late"));
}

TEST(HttpServer, WhoDoesNotReadIsLeft) {
  HttpServerOptions options;
  options.unsent_bytes = 1 << 20;
  Asked asked(Get("/"), options);
  const auto& exchange = asked.exchange;
  std::promise<void> gone;
  exchange->OnGone([&] { gone.set_value(); });
  exchange->Begin(200, {});
  const std::string piece(100'000, 'x');
  int written = 0;  // what the sockets' own buffers take comes first
  while (exchange->Write(piece)) ASSERT_LT(++written, 10'000);
  gone.get_future().wait();
  EXPECT_GE(written, 10);
}

TEST(HttpServer, AnExchangeThatIsDroppedIsAnErrorOrABrokenStream) {
  Running running([](const std::shared_ptr<HttpExchange>& exchange) {
    if (exchange->request().path == "/throw") throw std::runtime_error("a defect");
    if (exchange->request().path == "/drop") return;
    exchange->Begin(200, {});
    exchange->Write("half");
  });
  Client client(running.port());
  client.Send(Get("/throw"));
  EXPECT_THAT(client.ReadTo("\r\n\r\n"), StartsWith("HTTP/1.1 500 Internal Server Error\r\n"));
  client.Send(Get("/drop"));
  EXPECT_THAT(client.ReadTo("\r\n\r\n"), StartsWith("HTTP/1.1 500 "));
  client.Send(Get("/stream"));
  EXPECT_THAT(client.ReadAll(), testing::Not(HasSubstr("0\r\n\r\n")));
}

TEST(HttpServer, RequestsThatCannotBeReadAreAnsweredAndEndTheConnection) {
  HttpServerOptions options;
  options.sizes.body_bytes = 1000;
  Running running(Echo, options);
  for (const auto& [bytes, status] : std::vector<std::pair<std::string, std::string>>{
           {"nonsense\r\n\r\n", "400"},
           {Get("/", "Transfer-Encoding: gzip\r\n"), "501"},
           {Get("/", "Content-Length: 2000000\r\n") + std::string(2'000'000, 'x'), "413"}}) {
    Client client(running.port());
    client.Send(bytes);
    const std::string answer = client.ReadAll();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + status));
    EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  }
}

TEST(HttpServer, SlowClientsAreToldOrClosed) {
  HttpServerOptions options;
  options.head_timeout = options.body_timeout = options.idle_timeout = 50ms;
  Running running(Echo, options);
  Client silent(running.port()), head(running.port()), body(running.port());
  head.Send("GET / HT");
  body.Send(Get("/", "Content-Length: 100\r\n") + "half");
  EXPECT_EQ(silent.ReadAll(), "");
  EXPECT_THAT(head.ReadAll(), StartsWith("HTTP/1.1 408 "));
  EXPECT_THAT(body.ReadAll(), StartsWith("HTTP/1.1 408 "));
}

TEST(HttpServer, WhatIsWrongBehindARequestWaitsForItsAnswer) {
  Asked asked(Get("/first"));
  Client& client = asked.client;
  const auto& exchange = asked.exchange;
  client.Send("nonsense\r\n\r\n");
  exchange->Begin(200, {});
  EXPECT_TRUE(exchange->Write("answer"));
  exchange->End();
  const std::string all = client.ReadAll();
  EXPECT_THAT(all, HasSubstr("6\r\nanswer\r\n0\r\n\r\nHTTP/1.1 400 "));
}

TEST(HttpServer, WhatComesTooLateDoesNothing) {
  std::shared_ptr<HttpExchange> exchange;
  {
    Asked asked(Get("/", "Connection: close\r\n"));
    exchange = asked.exchange;
    HttpResponse wrong;
    wrong.headers.emplace_back("X", "a\r\nSet-Cookie: b");
    EXPECT_THROW(exchange->Respond(wrong), Error);
    exchange->Respond(Text("first"));
    exchange->Respond(Text("second"));
    exchange->Begin(200, {});
    EXPECT_FALSE(exchange->Write("third"));
    exchange->End();
    const std::string all = asked.client.ReadAll();
    EXPECT_THAT(all, EndsWith("first"));
    EXPECT_THAT(all, testing::Not(HasSubstr("Set-Cookie")));
  }
  exchange->Respond(Text("the server is gone"));
  exchange.reset();
}

TEST(HttpServer, AnswersMayOutliveTheServer) {
  std::shared_ptr<HttpExchange> exchange;
  {
    Asked asked;
    exchange = asked.exchange;
    exchange->Begin(200, {});
  }
  EXPECT_FALSE(exchange->Write("to nobody"));
  exchange->End();
}

TEST(HttpServer, ABodyIsSentWhenItIsAskedFor) {
  Running running(Echo);
  Client client(running.port());
  client.Send(Get("/", "Content-Length: 5\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(client.ReadTo("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.Send("hello");
  EXPECT_THAT(client.ReadTo("hello"), StartsWith("HTTP/1.1 200 OK"));
}

TEST(HttpServer, TheLongestWaitingClientMakesRoom) {
  HttpServerOptions options;
  options.max_connections = 2;
  Running running(Echo, options);
  Client first(running.port()), second(running.port());
  second.Send(Get("/2"));
  second.ReadTo("/2 ");
  Client third(running.port());
  third.Send(Get("/3"));
  EXPECT_THAT(third.ReadTo("/3 "), EndsWith("/3 "));
  EXPECT_EQ(first.ReadAll(), "");
  EXPECT_EQ(running.server().connections(), 2);
}

TEST(HttpServer, StopWaitsForAnswersThatAreBeingMade) {
  Kept kept;
  HttpServer server({}, kept.handler());
  std::thread thread([&] { server.Run(); });
  Client idle(server.port()), client(server.port());
  client.Send(Get("/"));
  const auto exchange = kept.Wait();
  exchange->Begin(200, {});
  server.Stop(60s);
  EXPECT_EQ(idle.ReadAll(), "");
  EXPECT_TRUE(exchange->Write("the end"));
  exchange->End();
  EXPECT_THAT(client.ReadAll(), EndsWith("7\r\nthe end\r\n0\r\n\r\n"));
  client.Close();
  thread.join();
  EXPECT_THROW(Client(server.port()), boost::system::system_error);
}

TEST(HttpServer, StopBreaksAnswersThatDoNotEnd) {
  Kept kept;
  HttpServer server({}, kept.handler());
  std::thread thread([&] { server.Run(); });
  Client client(server.port());
  client.Send(Get("/"));
  const auto exchange = kept.Wait();
  server.Stop(1ms);
  thread.join();
  EXPECT_TRUE(exchange->gone());
}

TEST(HttpServer, AddressesThatCannotBeHadAreNamed) {
  HttpServer one({}, Echo);
  HttpServerOptions same;
  same.port = one.port();
  HttpServerOptions wrong;
  wrong.address = "localhost";
  for (const auto& [options, word] : std::vector<std::pair<HttpServerOptions, std::string>>{
           {same, "port " + std::to_string(one.port())}, {wrong, "'localhost'"}}) {
    try {
      const HttpServer server(options, Echo);
      FAIL();
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr(word));
    }
  }
}

}  // namespace
}  // namespace tael
