#include "net/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <thread>

#include "base/error.h"

namespace tael {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::tcp;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

// A blocking client that sends and reads plain bytes.
class Client {
 public:
  explicit Client(int port) : socket_(context_) {
    socket_.connect({boost::asio::ip::make_address("127.0.0.1"), static_cast<uint16_t>(port)});
  }
  void Send(const std::string& bytes) {
    boost::system::error_code error;  // the server may have closed
    boost::asio::write(socket_, boost::asio::buffer(bytes), error);
  }
  // Until `end` was read, or the connection ended.
  std::string ReadTo(const std::string& end) {
    std::string text;
    while (!text.ends_with(end)) {
      char byte = 0;
      boost::system::error_code error;
      boost::asio::read(socket_, boost::asio::buffer(&byte, 1), error);
      if (error) break;
      text += byte;
    }
    return text;
  }
  std::string ReadAll() {
    std::string text;
    boost::system::error_code error;
    std::array<char, 4096> buffer{};
    while (!error) {
      const size_t size = socket_.read_some(boost::asio::buffer(buffer), error);
      text.append(buffer.data(), size);
    }
    return text;
  }
  void Close() { socket_.close(); }

 private:
  boost::asio::io_context context_;
  tcp::socket socket_;
};

// A server with a thread of its own.
class Running {
 public:
  explicit Running(HttpHandler handler, const HttpServerOptions& options = {})
      : server_(options, std::move(handler)), thread_([this] { server_.Run(); }) {}
  ~Running() {
    server_.Stop(0ms);
    thread_.join();
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
  HttpServer& server() { return server_; }
  int port() const { return server_.port(); }

 private:
  HttpServer server_;
  std::thread thread_;
};

HttpResponse Text(const std::string& body) {
  HttpResponse response;
  response.body = body;
  return response;
}

void Echo(const std::shared_ptr<HttpExchange>& exchange) {
  exchange->Respond(Text(exchange->request().path + " " + exchange->request().body));
}

std::string Get(const std::string& path, const std::string& headers = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n";
}

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

// Keeps exchanges, so that the test answers them.
struct Kept {
  std::promise<std::shared_ptr<HttpExchange>> promise;
  HttpHandler handler() {
    return [this](std::shared_ptr<HttpExchange> e) { promise.set_value(std::move(e)); };
  }
  std::shared_ptr<HttpExchange> Wait() { return promise.get_future().get(); }
};

// A server, a client, and its request, which waits for the test to answer it.
struct Asked {
  explicit Asked(const std::string& request = Get("/"), const HttpServerOptions& options = {})
      : running(kept.handler(), options), client(running.port()) {
    client.Send(request);
    exchange = kept.Wait();
  }

  Kept kept;
  Running running;
  Client client;
  std::shared_ptr<HttpExchange> exchange;
};

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
