// Fuzz target: a configuration file, read with every type under the keys it has.
#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"
#include "checkpoint/config_view.h"

namespace {

template <typename Read>
void Try(const Read& read) {
  try {
    read();
  } catch (const tael::Error&) {
    // A value of another type is refused.
  }
}

void ReadAll(const tael::ConfigView& config, int depth) {
  for (const auto& [key, value] : config.values().as_object()) {
    const std::string& name = key;
    Try([&] { config.Int(name); });
    Try([&] { config.Int64(name); });
    Try([&] { config.Double(name, 1.0); });
    Try([&] { config.Bool(name, false); });
    Try([&] { config.String(name, ""); });
    Try([&] { config.Ints(name); });
    Try([&] { config.Doubles(name); });
    Try([&] { config.Strings(name); });
    Try([&] {
      const auto inner = config.Object(name);
      if (inner && depth < 4) ReadAll(*inner, depth + 1);
    });
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const tael::ConfigView config(tael::ParseJson(text, "fuzz"), "fuzz");
    config.UnreadKeys();
    ReadAll(config, 0);
    config.UnreadKeys();
  } catch (const tael::Error&) {
    // Refusing is the expected outcome.
  }
  return 0;
}
