// Variables, scopes, macros and loops.
#include "text/jinja/interpreter.h"

#include "text/jinja/operators.h"

namespace tael::jinja {

// Switches to a scope for the life of the guard.
class ScopeGuard {
 public:
  ScopeGuard(Interpreter& in, Scope* scope) : in_(in), saved_(in.scope_) { in.scope_ = scope; }
  ~ScopeGuard() { in_.scope_ = saved_; }
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;

 private:
  Interpreter& in_;
  Scope* saved_;
};

// Sends output to a builder of its own for the life of the guard.
class OutputGuard {
 public:
  explicit OutputGuard(Interpreter& in) : builder_(in.heap_), in_(in), saved_(in.out_) {
    in.out_ = &builder_;
  }
  ~OutputGuard() { in_.out_ = saved_; }
  OutputGuard(const OutputGuard&) = delete;
  OutputGuard& operator=(const OutputGuard&) = delete;
  const String* Finish() const { return builder_.Finish(); }

 private:
  TextBuilder builder_;
  Interpreter& in_;
  TextBuilder* saved_;
};

class CallGuard {
 public:
  explicit CallGuard(Interpreter& in) : in_(in) {
    if (in.calls_ >= in.limits_.max_calls) {
      Raise(ErrorCode::kExhausted, "calls are nested deeper than {} levels", in.limits_.max_calls);
    }
    ++in.calls_;
  }
  ~CallGuard() { --in_.calls_; }
  CallGuard(const CallGuard&) = delete;
  CallGuard& operator=(const CallGuard&) = delete;

 private:
  Interpreter& in_;
};

namespace {

void Capture(Scope* scope) {
  for (; scope != nullptr && !scope->captured; scope = scope->parent) scope->captured = true;
}

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

class Macro final : public Object {
 public:
  Macro(const MacroDefinition& definition, Scope* closure)
      : definition_(definition), closure_(closure) {}
  std::string_view TypeName() const override { return "Macro"; }
  Value Call(Interpreter& in, const Args& args) override {
    return in.CallMacro(definition_, closure_, args);
  }
  Value Attribute(Interpreter& in, std::string_view name) override {
    if (name == "name") return Value::Str(definition_.name);
    if (name == "caller") return Value::Bool(definition_.uses_caller);
    if (name == "catch_kwargs") return Value::Bool(definition_.uses_kwargs);
    if (name == "catch_varargs") return Value::Bool(definition_.uses_varargs);
    if (name != "arguments") return {};
    List* names = NewList(in);
    for (const auto& parameter : definition_.parameters) {
      names->items.push_back(Value::Str(parameter.name));
    }
    return Value::OfList(names, Kind::kTuple);
  }
  void Print(TextBuilder& out) const override {
    out.Append(fmt::format("<Macro '{}'>", definition_.name->text), true);
  }

 private:
  const MacroDefinition& definition_;
  Scope* closure_;
};

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

Value Interpreter::MakeMacro(const MacroDefinition& definition) {
  jinja::Capture(scope_);
  return Value::OfObject(heap_.New<Macro>(definition, scope_));
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

void Interpreter::BindMacroArgs(const MacroDefinition& definition, const Args& args, Scope& scope) {
  const auto& parameters = definition.parameters;
  const size_t given = std::min(args.positional.size(), parameters.size());
  for (size_t i = 0; i < given; ++i) scope.Set(parameters[i].id, args.positional[i]);
  Dict* extra = heap_.New<Dict>(heap_);
  bool has_caller = false;
  for (const NamedArg& named : args.named) {
    size_t i = 0;
    while (i < parameters.size() && parameters[i].name->text != named.name->text) ++i;
    if (i < given) {
      RaiseType("macro '{}' got several values for argument '{}'", definition.name->text,
                named.name->text);
    }
    if (i < parameters.size()) {
      scope.Set(parameters[i].id, named.value);
    } else if (named.name->text == "caller" && definition.uses_caller) {
      has_caller = true;
      scope.Set(kCallerId, named.value);
    } else {
      extra->Set(heap_, Value::Str(named.name), named.value);
    }
  }
  if (!extra->entries.empty() && !definition.uses_kwargs) {
    RaiseType("macro '{}' takes no keyword argument '{}'", definition.name->text,
              extra->entries[0].first.string->text);
  }
  if (args.positional.size() > given && !definition.uses_varargs) {
    RaiseType("macro '{}' takes not more than {} argument(s)", definition.name->text,
              parameters.size());
  }
  if (definition.uses_caller && !has_caller) {
    scope.Set(kCallerId, Value::Undefined(program_.names[kCallerId]));
  }
  if (definition.uses_kwargs) scope.Set(kKwargsId, Value::OfDict(extra));
  if (definition.uses_varargs) {
    List* rest = NewList(*this);
    rest->items.assign(args.positional.begin() + static_cast<std::ptrdiff_t>(given),
                       args.positional.end());
    scope.Set(kVarargsId, Value::OfList(rest, Kind::kTuple));
  }
}

Value Interpreter::CallMacro(const MacroDefinition& definition, Scope* closure, const Args& args) {
  const CallGuard call(*this);
  Scope* scope = heap_.New<Scope>(heap_, closure);
  BindMacroArgs(definition, args, *scope);
  const ScopeGuard guard(*this, scope);
  for (const auto& parameter : definition.parameters) {
    if (scope->Find(parameter.id) != nullptr) continue;
    scope->Set(parameter.id, parameter.default_value != nullptr ? Eval(*parameter.default_value)
                                                                : Value::Undefined(parameter.name));
  }
  const OutputGuard output(*this);
  const Node* saved = current_;
  Exec(definition.body);
  current_ = saved;
  return Value::Str(output.Finish());
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
