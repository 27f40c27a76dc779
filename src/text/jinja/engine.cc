// Ties lexer, parser and interpreter together, and turns faults into errors with a place.
#include "text/jinja/engine.h"

#include "base/utf8.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/parser.h"

namespace tael::jinja {
namespace {

// Parsing: a token costs a step; the tree takes some hundred bytes per token.
constexpr int64_t kParseSteps = 20'000'000;
// Native call levels per level of nesting that a template or its data may have.
constexpr int kNestingFactor = 8;

Budget ParseBudget(const EngineLimits& limits) {
  return {kParseSteps, limits.max_memory_bytes, limits.max_depth * kNestingFactor};
}

const String* TextOf(Heap& heap, const std::string& text, bool trusted) {
  if (IsValidUtf8(text)) return ViewString(heap, text, trusted);
  return CopyString(heap, ReplaceInvalidUtf8(text), trusted);
}

Value FromJson(Heap& heap, const Json& json, const Variable& variable) {
  heap.Step();
  const Heap::Nest nest(heap);
  if (json.is_string()) return Value::Str(TextOf(heap, json.as_string(), variable.trusted));
  if (json.is_array()) {
    List* list = heap.New<List>(heap);
    list->frozen = variable.frozen;
    list->items.reserve(json.as_array().size());
    for (const Json& item : json.as_array()) list->items.push_back(FromJson(heap, item, variable));
    return Value::OfList(list);
  }
  if (json.is_object()) {
    Dict* dict = heap.New<Dict>(heap);
    dict->frozen = variable.frozen;
    dict->entries.reserve(json.as_object().size());
    for (const auto& [key, value] : json.as_object()) {
      dict->Set(heap, Value::Str(TextOf(heap, key, variable.trusted)),
                FromJson(heap, value, variable));
    }
    return Value::OfDict(dict);
  }
  Value value = json.is_bool()    ? Value::Bool(json.as_bool())
                : json.is_int()   ? Value::Int(json.as_int())
                : json.is_float() ? Value::Float(json.as_double())
                                  : Value::None();
  value.untrusted = !variable.trusted;
  return value;
}

// Values may be part of a message; a message stays readable.
std::string Shortened(const std::string& message) {
  constexpr size_t kMax = 2000;
  return message.size() <= kMax ? message : ReplaceInvalidUtf8(message.substr(0, kMax)) + "...";
}

std::string Excerpt(const Program& program, const Node& node) {
  constexpr size_t kMax = 80;
  std::string text = program.source.substr(node.begin, node.end - node.begin);
  text = text.substr(0, text.find('\n'));
  if (text.size() <= kMax) return text;
  size_t cut = kMax;
  while (cut > 0 && (text[cut] & 0xC0) == 0x80) --cut;
  return text.substr(0, cut) + "...";
}

}  // namespace

Engine::Engine(std::string_view source, std::string name, const SyntaxOptions& options,
               const EngineLimits& limits)
    : name_(std::move(name)), limits_(limits) {
  if (static_cast<int64_t>(source.size()) > limits.max_source_bytes) {
    Fail(ErrorCode::kExhausted, "{}: the template has {} bytes, at most {} are accepted", name_,
         source.size(), limits.max_source_bytes);
  }
  try {
    program_ = ParseTemplate(source, options, ParseBudget(limits), limits.max_depth);
  } catch (const SyntaxFault& fault) {
    Fail(fault.code, "{}:{}: {}", name_, fault.line, fault.message);
  } catch (const Fault& fault) {
    Fail(fault.code, "{}: {}", name_, fault.message);
  }
}

Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;

std::vector<OutputSpan> Engine::Render(const std::vector<Variable>& variables,
                                       int64_t unix_time) const {
  Heap heap({limits_.max_steps, limits_.max_memory_bytes, limits_.max_depth * kNestingFactor});
  const RenderLimits render_limits{limits_.max_output_bytes, limits_.max_depth};
  const Node* place = nullptr;
  try {
    Interpreter in(heap, *program_, render_limits, unix_time);
    try {
      for (const Variable& variable : variables) {
        if (!Mentions(variable.name)) continue;
        in.Define(variable.name, FromJson(heap, *variable.value, variable));
      }
      const TextBuilder& out = in.Run();
      std::vector<OutputSpan> spans;
      size_t begin = 0;
      for (const Run& run : out.runs()) {
        spans.push_back({std::string(out.text().substr(begin, run.end - begin)), run.trusted});
        begin = run.end;
      }
      return spans;
    } catch (const Fault&) {
      place = in.current();
      throw;
    }
  } catch (const Fault& fault) {
    if (place == nullptr) Fail(fault.code, "{}: {}", name_, Shortened(fault.message));
    Fail(fault.code, "{}:{}: in `{}`: {}", name_, place->line, Excerpt(*program_, *place),
         Shortened(fault.message));
  }
}

bool Engine::Mentions(std::string_view name) const { return program_->ids.contains(name); }

}  // namespace tael::jinja
