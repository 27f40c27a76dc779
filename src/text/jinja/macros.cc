// Macros: values that hold their definition and the scope they were made in.
#include <algorithm>

#include "text/jinja/interpreter_guards.h"
#include "text/jinja/operators.h"

namespace tael::jinja {
namespace {

void Capture(Scope* scope) {
  for (; scope != nullptr && !scope->captured; scope = scope->parent) scope->captured = true;
}

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

}  // namespace

Value Interpreter::MakeMacro(const MacroDefinition& definition) {
  jinja::Capture(scope_);
  return Value::OfObject(heap_.New<Macro>(definition, scope_));
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

}  // namespace tael::jinja
