// Fuzzes the template engine: the input is a template, rendered with a fixed conversation and small
// budgets. Whatever the template says, it ends with output or a tael::Error.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/error.h"
#include "base/json.h"
#include "text/jinja/engine.h"

namespace {

const char kContext[] =
    R"({"messages":[{"role":"user","content":"héllo <b>"},{"role":"assistant","content":null,)"
    R"("tool_calls":[{"function":{"name":"f","arguments":{"a":1,"b":[1.5,true]}}}]}],)"
    R"("tools":null,"add_generation_prompt":true,"n":7,"s":"a,b c","l":[3,1,2]})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const tael::Json context = tael::ParseJson(kContext, "context");
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const tael::jinja::EngineLimits limits{.max_steps = 20'000,
                                         .max_output_bytes = 1 << 16,
                                         .max_memory_bytes = 1 << 20,
                                         .max_source_bytes = 1 << 14,
                                         .max_depth = 60};
  try {
    const tael::jinja::Engine engine(source, "fuzz", {}, limits);
    std::vector<tael::jinja::Variable> variables;
    for (const auto& [name, value] : context.as_object()) {
      variables.push_back({.name = name, .value = &value, .frozen = name == "messages"});
    }
    engine.Render(variables, 1'768'480'496);
  } catch (const tael::Error&) {
    // the expected end of most inputs
  }
  return 0;
}
