// The engine from outside: a template text and a JSON context in, output with origins out.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "text/jinja/lexer.h"

namespace tael::jinja {

struct Program;

struct EngineLimits {
  int64_t max_steps = 2'000'000;
  int64_t max_output_bytes = 16 << 20;
  int64_t max_memory_bytes = 128 << 20;
  int64_t max_source_bytes = 1 << 20;
  int max_depth = 200;
};

// One variable of a rendering. `value` must outlive the rendering.
struct Variable {
  std::string_view name;
  const Json* value;
  bool trusted = false;  // its text counts as written by the template
  bool frozen = false;   // the template may not change it
};

struct OutputSpan {
  std::string text;
  bool trusted;
};

// A parsed template. Immutable; Render is safe from several threads.
class Engine {
 public:
  // `name` stands in messages. Throws tael::Error: kCorrupt, kUnsupported, kExhausted.
  Engine(std::string_view source, std::string name, const SyntaxOptions& options,
         const EngineLimits& limits);
  ~Engine();
  Engine(Engine&&) noexcept;

  // Neighbouring spans differ in trust. A later variable replaces an earlier one of that name.
  // Throws tael::Error "name:line: in `expression`: what": kInvalidArgument, kUnsupported,
  // kExhausted.
  std::vector<OutputSpan> Render(const std::vector<Variable>& variables, int64_t unix_time) const;

  // True when the template names this variable, method or attribute anywhere.
  bool Mentions(std::string_view name) const;

 private:
  std::string name_;
  EngineLimits limits_;
  std::unique_ptr<const Program> program_;
};

}  // namespace tael::jinja
