#include "hub/header_extent.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"

namespace tael {
namespace {

std::span<const uint8_t> Bytes(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// The extent that is reached by fetching what is asked for until nothing more is.
int64_t Walk(const std::string& file, const std::string& name) {
  int64_t have = 16;
  for (int round = 0; round < 100; ++round) {
    const auto size = static_cast<int64_t>(file.size());
    const std::string part = file.substr(0, static_cast<size_t>(std::min(have, size)));
    const int64_t extent = HeaderExtent(Bytes(part), size, name);
    if (extent <= static_cast<int64_t>(part.size())) return extent;
    have = extent;
  }
  return -1;
}

TEST(HeaderExtent, OfAGgufEndsBeforeItsTensors) {
  const std::string file =
      ReadFile(std::string(TAEL_SOURCE_ROOT) + "/tests/golden/quant/gguf/pure_Q4_K.gguf");
  const int64_t extent = Walk(file, "m.gguf");
  EXPECT_GT(extent, 1000);
  EXPECT_LT(extent, static_cast<int64_t>(file.size()) / 2);
  EXPECT_THROW(HeaderExtent(Bytes("<html>log in</html>"), 19, "m.gguf"), Error);
  std::string huge = file;
  huge[8] = huge[12] = '\x7f';  // the number of tensors
  EXPECT_THROW(Walk(huge, "m.gguf"), Error);
}

TEST(HeaderExtent, OfSafetensorsIsItsFirstNumber) {
  const std::string file =
      ReadFile(std::string(TAEL_SOURCE_ROOT) + "/tests/golden/llama3/model.safetensors");
  EXPECT_GT(Walk(file, "m.safetensors"), 100);
  EXPECT_THROW(HeaderExtent(Bytes(std::string(16, '\xff')), 1 << 20, "m.safetensors"), Error);
  EXPECT_THROW(HeaderExtent(Bytes(file.substr(0, 100)), 50, "m.safetensors"), Error);
  EXPECT_EQ(HeaderExtent({}, 100, "config.json"), 0);
}

}  // namespace
}  // namespace tael
