// A server for bench/slow_clients.py: every GET gets a line, "/large" a megabyte. Prints its port,
// and ends with its standard input.
#include <fmt/core.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include "net/http_server.h"

int main() {
  using namespace tael;
  HttpServer server({}, [](const std::shared_ptr<HttpExchange>& exchange) {
    HttpResponse response;
    response.headers.emplace_back("Content-Type", "text/plain");
    response.body = "well\n";
    if (exchange->request().path == "/large") response.body.assign(size_t{1} << 20, 'x');
    exchange->Respond(std::move(response));
  });
  if (!server.notice().empty()) fmt::print(stderr, "{}\n", server.notice());
  fmt::print("{}\n", server.port());
  std::fflush(stdout);
  std::thread end([&] {
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
    server.Stop(std::chrono::milliseconds(0));
  });
  server.Run();
  end.join();
  return 0;
}
