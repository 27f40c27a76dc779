// Fuzz target: bodies of requests. The first byte chooses the endpoint. What is no valid request is
// an ApiError of status 400 that names a field and says something, never another exception.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "api/api_error.h"
#include "base/error.h"
#include "tests/support/api_parsers.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const tael::ApiParser& parser = tael::kApiParsers[data[0] % std::size(tael::kApiParsers)];
  tael::Json body;
  try {
    body = tael::ParseJson({reinterpret_cast<const char*>(data) + 1, size - 1}, "body",
                           {.max_depth = 128});
  } catch (const tael::Error&) {
    return 0;
  }
  try {
    parser.parse(body);
  } catch (const tael::ApiError& error) {
    if (error.status() != 400 || *error.what() == '\0') std::abort();
  }
  return 0;
}
