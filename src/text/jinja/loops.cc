// Loops, and the variable `loop` inside them.
#include "text/jinja/interpreter_guards.h"
#include "text/jinja/operators.h"

namespace tael::jinja {
namespace {

// The variable `loop`.
class Loop final : public Object {
 public:
  Loop(Interpreter& in, const ForStmt& statement, Scope* outer, int depth)
      : items(&in.heap()), statement_(statement), outer_(outer), depth_(depth) {}

  std::string_view TypeName() const override { return "LoopContext"; }
  Value Attribute(Interpreter& in, std::string_view name) override;
  Value Call(Interpreter& in, const Args& args) override {
    const Parameters p("loop", args, {"iterable"}, 1);
    if (!statement_.recursive) RaiseType("'loop' can only be called in a 'recursive' loop");
    return in.RunLoopCall(statement_, p[0], outer_, depth_ + 1);
  }
  void Print(TextBuilder& out) const override {
    out.Append(fmt::format("<LoopContext {}/{}>", index + 1, items.size()), true);
  }

  Vector<Value> items;
  int64_t index = 0;
  List* changed = nullptr;  // arguments of the last call of loop.changed

 private:
  const ForStmt& statement_;
  Scope* outer_;
  int depth_;
};

Value LoopCycle(Interpreter&, const Value& self, const Args& args) {
  if (args.positional.empty()) RaiseType("loop.cycle needs at least one value");
  const auto& loop = static_cast<const Loop&>(*self.object);
  return args.positional[static_cast<size_t>(loop.index) % args.positional.size()];
}

Value LoopChanged(Interpreter& in, const Value& self, const Args& args) {
  auto& loop = static_cast<Loop&>(*self.object);
  List* values = NewList(in);
  values->items.assign(args.positional.begin(), args.positional.end());
  const bool same = loop.changed != nullptr &&
                    Equals(in.heap(), Value::OfList(loop.changed), Value::OfList(values));
  loop.changed = values;
  return Value::Bool(!same);
}

Value Loop::Attribute(Interpreter& in, std::string_view name) {
  const auto length = static_cast<int64_t>(items.size());
  const auto at = static_cast<size_t>(index);
  if (name == "index") return Value::Int(index + 1);
  if (name == "index0") return Value::Int(index);
  if (name == "first") return Value::Bool(index == 0);
  if (name == "last") return Value::Bool(index + 1 == length);
  if (name == "length") return Value::Int(length);
  if (name == "revindex") return Value::Int(length - index);
  if (name == "revindex0") return Value::Int(length - index - 1);
  if (name == "depth") return Value::Int(depth_ + 1);
  if (name == "depth0") return Value::Int(depth_);
  if (name == "previtem") return index > 0 ? items[at - 1] : Value::Undefined();
  if (name == "nextitem") return index + 1 < length ? items[at + 1] : Value::Undefined();
  if (name == "cycle") return NewNative(in, &LoopCycle, Value::OfObject(this), "cycle");
  if (name == "changed") return NewNative(in, &LoopChanged, Value::OfObject(this), "changed");
  return {};
}

}  // namespace

Flow Interpreter::RunLoop(const ForStmt& statement, const Value& iterable, Scope* outer,
                          int depth) {
  const ScopeGuard guard(*this, outer);
  Loop* loop = heap_.New<Loop>(*this, statement, outer, depth);
  loop->items = ToItems(heap_, iterable);
  if (statement.condition != nullptr) {
    Vector<Value> chosen(&heap_);
    for (const Value& item : loop->items) {
      scope_ = heap_.New<Scope>(heap_, outer);
      Assign(statement.target, item);
      if (Truthy(Eval(*statement.condition))) chosen.push_back(item);
    }
    loop->items = std::move(chosen);
  }
  if (loop->items.empty()) return ExecInScope(statement.otherwise, outer);
  Scope* scope = heap_.New<Scope>(heap_, outer);
  for (size_t i = 0; i < loop->items.size(); ++i) {
    heap_.Step();
    if (scope->captured) scope = heap_.New<Scope>(heap_, outer);
    scope->variables.clear();
    scope_ = scope;
    loop->index = static_cast<int64_t>(i);
    Set(kLoopId, Value::OfObject(loop));
    current_ = &statement;
    Assign(statement.target, loop->items[i]);
    if (Exec(statement.body) == Flow::kBreak) break;
  }
  return Flow::kNormal;
}

Value Interpreter::RunLoopCall(const ForStmt& statement, const Value& iterable, Scope* outer,
                               int depth) {
  const CallGuard call(*this);
  const OutputGuard output(*this);
  RunLoop(statement, iterable, outer, depth);
  return Value::Str(output.Finish());
}

}  // namespace tael::jinja
