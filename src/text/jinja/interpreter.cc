// Variables, scopes and calls; loops in loops.cc, macros in macros.cc.
#include "text/jinja/interpreter.h"

#include "text/jinja/interpreter_guards.h"
#include "text/jinja/operators.h"

namespace tael::jinja {

namespace {

class NativeFunction final : public Object {
 public:
  NativeFunction(Native function, const Value& self, std::string_view name)
      : function_(function), self_(self), name_(name) {}
  std::string_view TypeName() const override { return "builtin_function_or_method"; }
  Value Call(Interpreter& in, const Args& args) override {
    if (self_.is_string()) ChargeScan(in.heap(), *self_.string);
    return function_(in, self_, args);
  }
  void Print(TextBuilder& out) const override {
    out.Append(fmt::format("<function {}>", name_), true);
  }

 private:
  Native function_;
  Value self_;
  std::string_view name_;
};

}  // namespace

Value* Scope::Find(int id) {
  for (auto& variable : variables) {
    if (variable.first == id) return &variable.second;
  }
  return nullptr;
}

void Scope::Set(int id, const Value& value) {
  if (Value* existing = Find(id)) {
    *existing = value;
  } else {
    variables.emplace_back(id, value);
  }
}

Interpreter::Interpreter(Heap& heap, const Program& program, const RenderLimits& limits,
                         int64_t unix_time)
    : heap_(heap),
      program_(program),
      limits_(limits),
      unix_time_(unix_time),
      context_(program.names.size(), Value(), &heap),
      top_(heap, nullptr),
      scope_(&top_),
      main_out_(heap, limits.max_output_bytes),
      out_(&main_out_) {
  for (const NativeEntry& entry : Globals()) {
    if (program.ids.contains(entry.name)) {
      Define(entry.name, NewNative(*this, entry.function, Value(), entry.name));
    }
  }
}

void Interpreter::Define(std::string_view name, const Value& value) {
  if (const auto it = program_.ids.find(name); it != program_.ids.end()) {
    context_[static_cast<size_t>(it->second)] = value;
  }
}

const TextBuilder& Interpreter::Run() {
  Exec(program_.body);
  return main_out_;
}

Value Interpreter::Eval(const Expr& expr) {
  heap_.Step();
  const Heap::Nest nest(heap_);
  const Node* saved = current_;
  current_ = &expr;
  const Value value = expr.Eval(*this);
  current_ = saved;
  return value;
}

Flow Interpreter::Exec(const Body& body) {
  const Heap::Nest nest(heap_);
  for (const Stmt* statement : body) {
    heap_.Step();
    current_ = statement;
    const Flow flow = statement->Exec(*this);
    if (flow != Flow::kNormal) return flow;
  }
  return Flow::kNormal;
}

Value Interpreter::Lookup(const NameExpr& name) {
  for (Scope* scope = scope_; scope != nullptr; scope = scope->parent) {
    if (const Value* value = scope->Find(name.id)) return *value;
  }
  const Value& global = context_[static_cast<size_t>(name.id)];
  return global.missing() ? Value::Undefined(name.name) : global;
}

void Interpreter::Assign(const Target& target, const Value& value) {
  if (target.is_tuple) {
    const Vector<Value> items = ToItems(heap_, value);
    if (items.size() != target.parts.size()) {
      RaiseType("cannot unpack {} values into {} names", items.size(), target.parts.size());
    }
    for (size_t i = 0; i < items.size(); ++i) Assign(target.parts[i], items[i]);
    return;
  }
  if (target.attribute == nullptr) {
    Set(target.id, value);
    return;
  }
  NameExpr name;
  name.id = target.id;
  name.name = target.name;
  const Value object = Lookup(name);
  if (!object.Is(Kind::kNamespace)) {
    RaiseType("cannot assign attribute '{}' of '{}': it is no namespace", target.attribute->text,
              target.name->text);
  }
  object.dict->Set(heap_, Value::Str(target.attribute), value);
}

Value Interpreter::Call(const Value& callee, const Args& args) {
  if (callee.Is(Kind::kUndefined)) RaiseUndefined(callee);
  if (!callee.Is(Kind::kObject)) RaiseType("'{}' object is not callable", TypeName(callee));
  const Heap::Nest nest(heap_);
  return callee.object->Call(*this, args);
}

namespace {

// Evaluated arguments, kept together.
struct EvaluatedArgs {
  explicit EvaluatedArgs(Heap& heap) : positional(&heap), named(&heap) {}
  Vector<Value> positional;
  Vector<NamedArg> named;
  Args args() const { return {positional, named}; }
};

void Evaluate(Interpreter& in, const ArgumentList& list, EvaluatedArgs& out) {
  out.positional.reserve(list.positional.size());
  for (const Expr* expr : list.positional) out.positional.push_back(in.Eval(*expr));
  for (const auto& [name, expr] : list.named) out.named.push_back({name, in.Eval(*expr)});
  if (list.star != nullptr) {
    const Vector<Value> items = ToItems(in.heap(), in.Eval(*list.star));
    out.positional.insert(out.positional.end(), items.begin(), items.end());
  }
  if (list.double_star != nullptr) {
    const Value extra = in.Eval(*list.double_star);
    if (!extra.Is(Kind::kDict)) RaiseType("the value behind ** must be a mapping");
    for (const auto& [key, value] : extra.dict->entries) {
      if (!key.is_string()) RaiseType("keywords must be strings");
      out.named.push_back({key.string, value});
    }
  }
}

}  // namespace

Value Interpreter::CallWith(const ArgumentList& arguments, const Value& callee,
                            const Value& caller) {
  EvaluatedArgs evaluated(heap_);
  Evaluate(*this, arguments, evaluated);
  if (!caller.missing()) evaluated.named.push_back({program_.names[kCallerId], caller});
  return Call(callee, evaluated.args());
}

Value Interpreter::CallNative(Native function, const Value& self, const ArgumentList& arguments) {
  if (self.is_string()) ChargeScan(heap_, *self.string);
  EvaluatedArgs evaluated(heap_);
  Evaluate(*this, arguments, evaluated);
  return function(*this, self, evaluated.args());
}

Value Interpreter::EvalFiltered(const Expr& filter, const String* text) {
  block_text_ = Value::Str(text);
  return Eval(filter);
}

const String* Interpreter::Capture(const Body& body, Scope* parent) {
  const OutputGuard output(*this);
  ExecInScope(body, parent);
  return output.Finish();
}

Flow Interpreter::ExecInScope(const Body& body, Scope* parent) {
  const ScopeGuard guard(*this, heap_.New<Scope>(heap_, parent != nullptr ? parent : scope_));
  return Exec(body);
}

List* NewList(Interpreter& in) { return in.heap().New<List>(in.heap()); }

Value NewPair(Interpreter& in, const Value& first, const Value& second) {
  List* pair = NewList(in);
  pair->items.push_back(first);
  pair->items.push_back(second);
  return Value::OfList(pair, Kind::kTuple);
}

Value NewNative(Interpreter& in, Native function, const Value& self, std::string_view name) {
  return Value::OfObject(in.heap().New<NativeFunction>(function, self, name));
}

}  // namespace tael::jinja
