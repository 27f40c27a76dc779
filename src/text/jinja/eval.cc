// How every node of the tree evaluates or executes itself.
#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"

namespace tael::jinja {

Value LiteralExpr::Eval(Interpreter&) const { return value; }

Value NameExpr::Eval(Interpreter& in) const { return in.Lookup(*this); }

Value SequenceExpr::Eval(Interpreter& in) const {
  List* list = NewList(in);
  list->items.reserve(items.size());
  for (const Expr* item : items) list->items.push_back(in.Eval(*item));
  return Value::OfList(list, kind);
}

Value DictExpr::Eval(Interpreter& in) const {
  Dict* dict = in.heap().New<Dict>(in.heap());
  for (const auto& [key, value] : items) {
    const Value name = in.Eval(*key);
    dict->Set(in.heap(), name, in.Eval(*value));
  }
  return Value::OfDict(dict);
}

Value UnaryExpr::Eval(Interpreter& in) const {
  const Value value = in.Eval(*operand);
  if (op == '!') return Value::Bool(!Truthy(value));
  if (value.Is(Kind::kUndefined)) RaiseUndefined(value);
  if (!value.is_number()) RaiseType("bad operand type for unary {}: '{}'", op, TypeName(value));
  if (op == '-') return Negate(value);
  return value.Is(Kind::kBool) ? Value::Int(value.as_int()) : value;
}

Value BinaryExpr::Eval(Interpreter& in) const {
  const Value a = in.Eval(*left);
  return function(in, a, in.Eval(*right));
}

Value LogicalExpr::Eval(Interpreter& in) const {
  const Value a = in.Eval(*left);
  return Truthy(a) == is_and ? in.Eval(*right) : a;
}

Value ConcatExpr::Eval(Interpreter& in) const {
  TextBuilder builder(in.heap());
  for (const Expr* item : items) PrintStr(builder, in.heap(), in.Eval(*item));
  return Value::Str(builder.Finish());
}

namespace {

bool Compare(Interpreter& in, CompareOp op, const Value& a, const Value& b) {
  Heap& heap = in.heap();
  switch (op) {
    case CompareOp::kEq:
      return Equals(heap, a, b);
    case CompareOp::kNe:
      return !Equals(heap, a, b);
    case CompareOp::kLt:
      return Less(heap, a, b);
    case CompareOp::kGt:
      return Less(heap, b, a);
    case CompareOp::kLe:
      return Less(heap, a, b) || Equals(heap, a, b);
    case CompareOp::kGe:
      return Less(heap, b, a) || Equals(heap, a, b);
    case CompareOp::kIn:
      return Contains(in, b, a);
    case CompareOp::kNotIn:
      return !Contains(in, b, a);
  }
  return false;
}

}  // namespace

Value CompareExpr::Eval(Interpreter& in) const {
  Value left = in.Eval(*first);
  for (const auto& [op, expr] : rest) {
    const Value right = in.Eval(*expr);
    if (!Compare(in, op, left, right)) return Value::Bool(false);
    left = right;
  }
  return Value::Bool(true);
}

Value ConditionalExpr::Eval(Interpreter& in) const {
  if (Truthy(in.Eval(*condition))) return in.Eval(*then);
  return otherwise != nullptr ? in.Eval(*otherwise) : Value::Undefined();
}

Value AttributeExpr::Eval(Interpreter& in) const {
  return GetAttribute(in, in.Eval(*object), *name);
}

Value ItemExpr::Eval(Interpreter& in) const {
  const Value owner = in.Eval(*object);
  return GetItem(in, owner, in.Eval(*index));
}

Value SliceExpr::Eval(Interpreter& in) const {
  const Value owner = in.Eval(*object);
  const auto part = [&](const Expr* expr) { return expr != nullptr ? in.Eval(*expr) : Value(); };
  const Value from = part(start), to = part(stop), by = part(step);
  return GetSlice(in, owner, from, to, by);
}

Value CallExpr::Eval(Interpreter& in) const {
  return in.CallWith(arguments, in.Eval(*callee), Value());
}

Value FilterExpr::Eval(Interpreter& in) const {
  if (function == nullptr) RaiseType("there is no filter '{}'", name->text);
  const Value value = in.Eval(*input);
  return in.CallNative(function, value, arguments);
}

Value TestExpr::Eval(Interpreter& in) const {
  if (function == nullptr) RaiseType("there is no test '{}'", name->text);
  const Value value = in.Eval(*input);
  return in.CallNative(function, value, arguments);
}

Value BlockTextExpr::Eval(Interpreter& in) const { return in.block_text(); }

Flow DataStmt::Exec(Interpreter& in) const {
  in.out().Append(*text);
  return Flow::kNormal;
}

Flow OutputStmt::Exec(Interpreter& in) const {
  PrintStr(in.out(), in.heap(), in.Eval(*value));
  return Flow::kNormal;
}

Flow IfStmt::Exec(Interpreter& in) const {
  for (const auto& [condition, body] : branches) {
    if (condition == nullptr || Truthy(in.Eval(*condition))) return in.Exec(body);
  }
  return Flow::kNormal;
}

Flow ForStmt::Exec(Interpreter& in) const {
  return in.RunLoop(*this, in.Eval(*iterable), in.scope(), 0);
}

Flow LoopControlStmt::Exec(Interpreter&) const { return flow; }

Flow SetStmt::Exec(Interpreter& in) const {
  in.Assign(target, in.Eval(*value));
  return Flow::kNormal;
}

Flow SetBlockStmt::Exec(Interpreter& in) const {
  const String* text = in.Capture(body);
  in.Assign(target, filter != nullptr ? in.EvalFiltered(*filter, text) : Value::Str(text));
  return Flow::kNormal;
}

Flow FilterBlockStmt::Exec(Interpreter& in) const {
  PrintStr(in.out(), in.heap(), in.EvalFiltered(*filter, in.Capture(body)));
  return Flow::kNormal;
}

Flow WithStmt::Exec(Interpreter& in) const {
  Scope* scope = in.heap().New<Scope>(in.heap(), in.scope());
  for (const auto& [target, value] : bindings) scope->Set(target.id, in.Eval(*value));
  return in.ExecInScope(body, scope);
}

Flow ScopeStmt::Exec(Interpreter& in) const {
  return in.ExecInScope(body, isolated ? in.top_scope() : nullptr);
}

Flow MacroStmt::Exec(Interpreter& in) const {
  in.Set(id, in.MakeMacro(macro));
  return Flow::kNormal;
}

Flow CallBlockStmt::Exec(Interpreter& in) const {
  const Value macro = in.MakeMacro(caller);
  const Value callee = in.Eval(*call->callee);
  PrintStr(in.out(), in.heap(), in.CallWith(call->arguments, callee, macro));
  return Flow::kNormal;
}

}  // namespace tael::jinja
