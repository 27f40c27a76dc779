// A server with a thread of its own, and blocking clients, for tests.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "net/http_server.h"

namespace tael::http_test {

// A blocking client that sends and reads plain bytes.
class Client {
 public:
  explicit Client(int port, const std::string& address = "127.0.0.1") : socket_(context_) {
    socket_.connect({boost::asio::ip::make_address(address), static_cast<uint16_t>(port)});
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
  boost::asio::ip::tcp::socket socket_;
};

// A server with a thread of its own.
class Running {
 public:
  explicit Running(HttpHandler handler, const HttpServerOptions& options = {})
      : server_(options, std::move(handler)), thread_([this] { server_.Run(); }) {}
  ~Running() {
    server_.Stop(std::chrono::milliseconds(0));
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

inline HttpResponse Text(const std::string& body) {
  HttpResponse response;
  response.body = body;
  return response;
}

inline void Echo(const std::shared_ptr<HttpExchange>& exchange) {
  exchange->Respond(Text(exchange->request().path + " " + exchange->request().body));
}

inline std::string Get(const std::string& path, const std::string& headers = "") {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n";
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

}  // namespace tael::http_test
