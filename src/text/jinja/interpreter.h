// The state of one rendering: variables, output, clock and the place that is being evaluated.
#pragma once

#include <cstdint>
#include <string_view>

#include "text/jinja/ast.h"

namespace tael::jinja {

struct RenderLimits {
  int64_t max_output_bytes = 16 << 20;
  int max_calls = 200;  // nested macro and recursive loop calls
};

// Variables of one block. Lives in the heap, so that macros may keep it.
struct Scope {
  Scope(Heap& heap, Scope* p) : parent(p), variables(&heap) {}
  Value* Find(int id);
  void Set(int id, const Value& value);

  Scope* parent;
  Vector<std::pair<int, Value>> variables;
  bool captured = false;  // a macro or loop refers to it: it must not be reused
};

// Used by one thread for one rendering.
class Interpreter {
 public:
  // `program` and `heap` must outlive this. `unix_time`: see TemplateInput.
  Interpreter(Heap& heap, const Program& program, const RenderLimits& limits, int64_t unix_time);
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  // A variable of the outermost level; ignored when the template never names it.
  void Define(std::string_view name, const Value& value);
  // Runs the template. Throws Fault; current() tells where.
  const TextBuilder& Run();
  const Node* current() const { return current_; }

  // Used by the nodes of the tree.
  Value Eval(const Expr& expr);
  Flow Exec(const Body& body);
  Value Lookup(const NameExpr& name);
  void Assign(const Target& target, const Value& value);
  void Set(int id, const Value& value) { scope_->Set(id, value); }
  Value Call(const Value& callee, const Args& args);
  Value CallWith(const ArgumentList& arguments, const Value& callee, const Value& caller);
  Value CallNative(Native function, const Value& self, const ArgumentList& arguments);
  Value MakeMacro(const MacroDefinition& definition);
  // Runs `body` in a scope of its own (child of `parent`, or of the current one when null) and
  // returns what it printed.
  const String* Capture(const Body& body, Scope* parent = nullptr);
  Flow ExecInScope(const Body& body, Scope* parent);
  Flow RunLoop(const ForStmt& loop, const Value& iterable, Scope* outer, int depth);
  Value RunLoopCall(const ForStmt& loop, const Value& iterable, Scope* outer, int depth);
  Value CallMacro(const MacroDefinition& definition, Scope* closure, const Args& args);

  Heap& heap() { return heap_; }
  TextBuilder& out() { return *out_; }
  Scope* scope() { return scope_; }
  Scope* top_scope() { return &top_; }
  int64_t unix_time() const { return unix_time_; }
  const Value& block_text() const { return block_text_; }
  Value EvalFiltered(const Expr& filter, const String* text);

 private:
  friend class ScopeGuard;
  friend class OutputGuard;
  friend class CallGuard;
  void BindMacroArgs(const MacroDefinition& definition, const Args& args, Scope& scope);

  Heap& heap_;
  const Program& program_;
  RenderLimits limits_;
  int64_t unix_time_;
  Vector<Value> context_;  // by id; kMissing = not defined
  Scope top_;
  Scope* scope_;
  TextBuilder main_out_;
  TextBuilder* out_;
  const Node* current_ = nullptr;
  Value block_text_;
  int calls_ = 0;
};

// Shorthands for natives.
inline Value MakeText(Interpreter& in, std::string_view text, bool trusted = true) {
  return Value::Str(CopyString(in.heap(), text, trusted));
}
// An empty list in the heap.
List* NewList(Interpreter& in);
Value NewPair(Interpreter& in, const Value& first, const Value& second);
// A function value for a table entry; `self` is bound to it.
Value NewNative(Interpreter& in, Native function, const Value& self, std::string_view name);

}  // namespace tael::jinja
