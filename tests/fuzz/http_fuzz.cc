// Fuzz target: bytes of a connection. Cut anywhere, they must give the same requests and the same
// refusal. The first byte chooses the cuts.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/http_request_reader.h"

namespace {

constexpr tael::HttpSizes kSizes{.head_bytes = 512, .body_bytes = 256};

// Everything that was read, and how it ended.
std::string Read(std::string_view bytes, size_t piece) {
  tael::HttpRequestReader reader(kSizes);
  std::string seen;
  try {
    do {
      reader.Feed(bytes.substr(0, piece));
      bytes.remove_prefix(std::min(piece, bytes.size()));
      while (const auto request = reader.Take()) {
        seen += request->method + ' ' + request->path + '?' + request->query + '\n';
        for (const auto& [name, value] : request->headers) seen += name + ':' + value + '\n';
        seen += request->body + '\n';
        if (request->body.size() > kSizes.body_bytes) std::abort();
      }
    } while (!bytes.empty());
  } catch (const tael::HttpError& error) {
    if (error.status() < 400 || error.status() > 599) std::abort();
    seen += "refused";
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = Read(bytes, bytes.size() + 1);
  const std::string cut = Read(bytes, data[0] % 64U + 1);
  if (whole != cut) std::abort();
  return 0;
}
