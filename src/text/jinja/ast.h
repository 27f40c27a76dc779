// The syntax tree of a template. Nodes are immutable, live in the template's heap and evaluate
// themselves (eval_*.cc, exec_*.cc).
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "text/jinja/registry.h"
#include "text/jinja/value.h"

namespace tael::jinja {

class Interpreter;

// A place in the source: what error messages name.
struct Node {
  int line = 1;
  uint32_t begin = 0, end = 0;  // byte offsets
};

struct Expr : Node {
  virtual ~Expr() = default;
  virtual Value Eval(Interpreter& in) const = 0;
};

enum class Flow { kNormal, kBreak, kContinue };

struct Stmt : Node {
  virtual ~Stmt() = default;
  virtual Flow Exec(Interpreter& in) const = 0;
};

using ExprList = Vector<const Expr*>;
using Body = Vector<const Stmt*>;

struct ArgumentList {
  explicit ArgumentList(Heap& heap) : positional(&heap), named(&heap) {}
  ExprList positional;
  Vector<std::pair<const String*, const Expr*>> named;
  const Expr* star = nullptr;         // *args
  const Expr* double_star = nullptr;  // **kwargs
};

// What `set`, `for` and `with` assign to: a name, a namespace's attribute, or a tuple of targets.
struct Target {
  explicit Target(Heap& heap) : parts(&heap) {}
  int id = -1;                   // variable
  const String* name = nullptr;  // its name
  const String* attribute = nullptr;
  bool is_tuple = false;
  Vector<Target> parts;
};

struct LiteralExpr final : Expr {
  Value value;
  Value Eval(Interpreter& in) const override;
};
struct NameExpr final : Expr {
  int id = 0;
  const String* name = nullptr;
  Value Eval(Interpreter& in) const override;
};
struct SequenceExpr final : Expr {
  SequenceExpr(Heap& heap, Kind k) : kind(k), items(&heap) {}
  Kind kind;  // kList or kTuple
  ExprList items;
  Value Eval(Interpreter& in) const override;
};
struct DictExpr final : Expr {
  explicit DictExpr(Heap& heap) : items(&heap) {}
  Vector<std::pair<const Expr*, const Expr*>> items;
  Value Eval(Interpreter& in) const override;
};
struct UnaryExpr final : Expr {
  char op = '-';  // '-', '+', '!' (not)
  const Expr* operand = nullptr;
  Value Eval(Interpreter& in) const override;
};
using BinaryFunction = Value (*)(Interpreter& in, const Value& left, const Value& right);
struct BinaryExpr final : Expr {
  BinaryFunction function = nullptr;
  const Expr *left = nullptr, *right = nullptr;
  Value Eval(Interpreter& in) const override;
};
struct LogicalExpr final : Expr {
  bool is_and = false;
  const Expr *left = nullptr, *right = nullptr;
  Value Eval(Interpreter& in) const override;
};
struct ConcatExpr final : Expr {
  explicit ConcatExpr(Heap& heap) : items(&heap) {}
  ExprList items;
  Value Eval(Interpreter& in) const override;
};
enum class CompareOp { kEq, kNe, kLt, kLe, kGt, kGe, kIn, kNotIn };
struct CompareExpr final : Expr {
  explicit CompareExpr(Heap& heap) : rest(&heap) {}
  const Expr* first = nullptr;
  Vector<std::pair<CompareOp, const Expr*>> rest;
  Value Eval(Interpreter& in) const override;
};
struct ConditionalExpr final : Expr {
  const Expr *condition = nullptr, *then = nullptr, *otherwise = nullptr;  // otherwise may be null
  Value Eval(Interpreter& in) const override;
};
struct AttributeExpr final : Expr {
  const Expr* object = nullptr;
  const String* name = nullptr;
  Value Eval(Interpreter& in) const override;
};
struct ItemExpr final : Expr {
  const Expr *object = nullptr, *index = nullptr;
  Value Eval(Interpreter& in) const override;
};
struct SliceExpr final : Expr {
  const Expr *object = nullptr, *start = nullptr, *stop = nullptr, *step = nullptr;
  Value Eval(Interpreter& in) const override;
};
struct CallExpr final : Expr {
  explicit CallExpr(Heap& heap) : arguments(heap) {}
  const Expr* callee = nullptr;
  ArgumentList arguments;
  Value Eval(Interpreter& in) const override;
};
struct FilterExpr final : Expr {
  explicit FilterExpr(Heap& heap) : arguments(heap) {}
  const Expr* input = nullptr;
  const String* name = nullptr;
  Native function = nullptr;  // null: unknown name, an error when evaluated
  ArgumentList arguments;
  Value Eval(Interpreter& in) const override;
};
struct TestExpr final : Expr {
  explicit TestExpr(Heap& heap) : arguments(heap) {}
  const Expr* input = nullptr;
  const String* name = nullptr;
  Native function = nullptr;
  ArgumentList arguments;
  Value Eval(Interpreter& in) const override;
};
// The text of a filter block or set block, as input of its first filter.
struct BlockTextExpr final : Expr {
  Value Eval(Interpreter& in) const override;
};

struct DataStmt final : Stmt {
  const String* text = nullptr;
  Flow Exec(Interpreter& in) const override;
};
struct OutputStmt final : Stmt {
  const Expr* value = nullptr;
  Flow Exec(Interpreter& in) const override;
};
struct IfStmt final : Stmt {
  explicit IfStmt(Heap& heap) : branches(&heap) {}
  Vector<std::pair<const Expr*, Body>> branches;  // a null condition is `else`
  Flow Exec(Interpreter& in) const override;
};
struct ForStmt final : Stmt {
  explicit ForStmt(Heap& heap) : target(heap), body(&heap), otherwise(&heap) {}
  Target target;
  const Expr *iterable = nullptr, *condition = nullptr;  // condition may be null
  bool recursive = false;
  Body body, otherwise;
  Flow Exec(Interpreter& in) const override;
};
struct LoopControlStmt final : Stmt {
  Flow flow = Flow::kBreak;
  Flow Exec(Interpreter& in) const override;
};
struct SetStmt final : Stmt {
  explicit SetStmt(Heap& heap) : target(heap) {}
  Target target;
  const Expr* value = nullptr;
  Flow Exec(Interpreter& in) const override;
};
struct SetBlockStmt final : Stmt {
  explicit SetBlockStmt(Heap& heap) : target(heap), body(&heap) {}
  Target target;
  const Expr* filter = nullptr;  // a chain that begins with BlockTextExpr
  Body body;
  Flow Exec(Interpreter& in) const override;
};
struct FilterBlockStmt final : Stmt {
  explicit FilterBlockStmt(Heap& heap) : body(&heap) {}
  const Expr* filter = nullptr;
  Body body;
  Flow Exec(Interpreter& in) const override;
};
struct WithStmt final : Stmt {
  explicit WithStmt(Heap& heap) : bindings(&heap), body(&heap) {}
  Vector<std::pair<Target, const Expr*>> bindings;
  Body body;
  Flow Exec(Interpreter& in) const override;
};
// `block` and `generation`: a body with variables of its own.
struct ScopeStmt final : Stmt {
  explicit ScopeStmt(Heap& heap) : body(&heap) {}
  bool isolated = false;  // an unscoped `block`: sees only the variables of the top level
  Body body;
  Flow Exec(Interpreter& in) const override;
};
// The common part of macros and call blocks.
struct MacroDefinition {
  explicit MacroDefinition(Heap& heap) : parameters(&heap), body(&heap) {}
  struct Parameter {
    int id;
    const String* name;
    const Expr* default_value;  // may be null
  };
  const String* name = nullptr;
  Vector<Parameter> parameters;
  bool uses_varargs = false, uses_kwargs = false, uses_caller = false;
  Body body;
};
struct MacroStmt final : Stmt {
  explicit MacroStmt(Heap& heap) : macro(heap) {}
  int id = -1;
  MacroDefinition macro;
  Flow Exec(Interpreter& in) const override;
};
struct CallBlockStmt final : Stmt {
  explicit CallBlockStmt(Heap& heap) : caller(heap) {}
  const CallExpr* call = nullptr;
  MacroDefinition caller;
  Flow Exec(Interpreter& in) const override;
};

// Names with a meaning of their own; interned first, so their ids are fixed.
enum SpecialName : int { kLoopId, kCallerId, kVarargsId, kKwargsId, kSpecialNames };

// A parsed template: the source, its tree and its variables. Immutable after parsing; rendering
// from several threads is safe.
struct Program {
  explicit Program(const Budget& budget) : heap(budget), body(&heap) {}
  std::string source;  // normalised
  Heap heap;
  Body body;
  Vector<const String*> names{&heap};             // by id
  std::unordered_map<std::string_view, int> ids;  // views into `names`
};

}  // namespace tael::jinja
