// Expressions, with Jinja's precedence: if-else, or, and, not, comparison, + -, ~, * / // %, **,
// unary, then what parser_postfix.cc reads.
#include <algorithm>

#include "text/jinja/operators.h"
#include "text/jinja/parser_impl.h"

namespace tael::jinja {

const Expr* Parser::ParseExpression() {
  const Nest nest(*this);
  const Token& first = Current();
  const size_t unknown = unknown_.size();
  const Expr* result = ParseOr();
  while (SkipName("if")) {
    unknown_.resize(unknown);  // the operand was parsed before its condition was seen
    const Leniency leniency(*this, true);
    auto* node = Make<ConditionalExpr>(first);
    node->then = result;
    node->condition = ParseOr();
    if (SkipName("else")) node->otherwise = ParseExpression();
    result = Close(node);
  }
  return result;
}

const Expr* Parser::ParseOr() {
  const Token& first = Current();
  const Expr* left = ParseAnd();
  while (SkipName("or")) {
    auto* node = Make<LogicalExpr>(first);
    node->left = left;
    node->right = ParseAnd();
    left = Close(node);
  }
  return left;
}

const Expr* Parser::ParseAnd() {
  const Token& first = Current();
  const Expr* left = ParseNot();
  while (SkipName("and")) {
    auto* node = Make<LogicalExpr>(first);
    node->is_and = true;
    node->left = left;
    node->right = ParseNot();
    left = Close(node);
  }
  return left;
}

const Expr* Parser::ParseNot() {
  const Token& first = Current();
  if (!SkipName("not")) return ParseCompare();
  const Nest nest(*this);
  auto* node = Make<UnaryExpr>(first);
  node->op = '!';
  node->operand = ParseNot();
  return Close(node);
}

const Expr* Parser::ParseCompare() {
  static constexpr std::pair<std::string_view, CompareOp> kOps[] = {
      {"==", CompareOp::kEq}, {"!=", CompareOp::kNe}, {"<", CompareOp::kLt},
      {"<=", CompareOp::kLe}, {">", CompareOp::kGt},  {">=", CompareOp::kGe}};
  const Token& first = Current();
  const Expr* left = ParseSum();
  CompareExpr* node = nullptr;
  while (true) {
    CompareOp op = CompareOp::kIn;
    if (SkipName("in")) {
      op = CompareOp::kIn;
    } else if (Current().IsName("not") && Look().IsName("in")) {
      Next();
      Next();
      op = CompareOp::kNotIn;
    } else {
      const auto* found = std::find_if(std::begin(kOps), std::end(kOps), [this](const auto& row) {
        return Current().IsOp(row.first);
      });
      if (found == std::end(kOps)) break;
      Next();
      op = found->second;
    }
    if (node == nullptr) {
      node = Make<CompareExpr>(first, heap_);
      node->first = left;
    }
    node->rest.emplace_back(op, ParseSum());
    Close(node);
  }
  return node != nullptr ? node : left;
}

const Expr* Parser::ParseSum() {
  const Token& first = Current();
  const Expr* left = ParseConcat();
  while (Current().IsOp("+") || Current().IsOp("-")) {
    auto* node = Make<BinaryExpr>(first);
    node->function = Next().text == "+" ? &Add : &Subtract;
    node->left = left;
    node->right = ParseConcat();
    left = Close(node);
  }
  return left;
}

const Expr* Parser::ParseConcat() {
  const Token& first = Current();
  const Expr* left = ParseProduct();
  if (!Current().IsOp("~")) return left;
  auto* node = Make<ConcatExpr>(first, heap_);
  node->items.push_back(left);
  while (SkipOp("~")) node->items.push_back(ParseProduct());
  return Close(node);
}

const Expr* Parser::ParseProduct() {
  static constexpr std::pair<std::string_view, BinaryFunction> kOps[] = {
      {"*", &Multiply}, {"/", &Divide}, {"//", &FloorDivide}, {"%", &Modulo}};
  const Token& first = Current();
  const Expr* left = ParsePower();
  while (true) {
    const auto* found = std::find_if(std::begin(kOps), std::end(kOps),
                                     [this](const auto& row) { return Current().IsOp(row.first); });
    if (found == std::end(kOps)) return left;
    Next();
    auto* node = Make<BinaryExpr>(first);
    node->function = found->second;
    node->left = left;
    node->right = ParsePower();
    left = Close(node);
  }
}

// Jinja's ** binds to the left, unlike Python's.
const Expr* Parser::ParsePower() {
  const Token& first = Current();
  const Expr* left = ParseUnary();
  while (SkipOp("**")) {
    auto* node = Make<BinaryExpr>(first);
    node->function = &Power;
    node->left = left;
    node->right = ParseUnary();
    left = Close(node);
  }
  return left;
}

const Expr* Parser::ParseUnary(bool with_filter) {
  const Token& first = Current();
  const Expr* result = nullptr;
  if (first.IsOp("-") || first.IsOp("+")) {
    const Nest nest(*this);
    Next();
    auto* node = Make<UnaryExpr>(first);
    node->op = first.text[0];
    node->operand = ParseUnary(false);
    result = Close(node);
  } else {
    result = ParsePrimary();
  }
  result = ParsePostfix(result, first);
  return with_filter ? ParseFilters(result, first) : result;
}

const Expr* Parser::Literal(const Token& token, const Value& value) {
  auto* node = Make<LiteralExpr>(token);
  node->value = value;
  return node;
}

const Expr* Parser::ParseNameOrConstant() {
  const Token& token = Next();
  if (token.text == "true" || token.text == "True") return Literal(token, Value::Bool(true));
  if (token.text == "false" || token.text == "False") return Literal(token, Value::Bool(false));
  if (token.text == "none" || token.text == "None") return Literal(token, Value::None());
  auto* node = Make<NameExpr>(token);
  node->id = Intern(token.text);
  node->name = program_.names[static_cast<size_t>(node->id)];
  if (macro_ != nullptr) {
    macro_->uses_caller |= node->id == kCallerId;
    macro_->uses_varargs |= node->id == kVarargsId;
    macro_->uses_kwargs |= node->id == kKwargsId;
  }
  return node;
}

// Adjacent literals are one string.
const Expr* Parser::ParseStringLiteral() {
  const Token& token = Next();
  const String* text = token.value.string;
  if (Current().type == TokenType::kString) {
    TextBuilder builder(heap_);
    builder.Append(*text);
    while (Current().type == TokenType::kString) builder.Append(*Next().value.string);
    text = builder.Finish();
  }
  auto* node = Make<LiteralExpr>(token);
  node->value = Value::Str(text);
  return Close(node);
}

const Expr* Parser::ParsePrimary() {
  const Token& token = Current();
  switch (token.type) {
    case TokenType::kName:
      return ParseNameOrConstant();
    case TokenType::kString:
      return ParseStringLiteral();
    case TokenType::kInteger:
    case TokenType::kFloat:
      Next();
      return Literal(token, token.value);
    default:
      break;
  }
  if (token.IsOp("[")) return ParseList();
  if (token.IsOp("{")) return ParseDict();
  if (!token.IsOp("(")) FailUnexpected();
  Next();
  const Expr* inner = ParseTuple(Tuple::kParenthesised);
  ExpectOp(")");
  return inner;
}

bool Parser::AtTupleEnd(std::string_view end_name) const {
  const Token& token = Current();
  return token.type == TokenType::kVariableEnd || token.type == TokenType::kBlockEnd ||
         token.IsOp(")") || (!end_name.empty() && token.IsName(end_name));
}

const Expr* Parser::ParseTuple(Tuple mode, std::string_view end_name) {
  const Nest nest(*this);
  const Token& first = Current();
  SequenceExpr* tuple = nullptr;
  const Expr* single = nullptr;
  while (!AtTupleEnd(end_name)) {
    const Expr* item = mode == Tuple::kNoCondition ? ParseOr() : ParseExpression();
    if (tuple != nullptr) tuple->items.push_back(item);
    if (tuple == nullptr) single = item;
    if (!SkipOp(",")) break;
    if (tuple == nullptr) {
      tuple = Make<SequenceExpr>(first, heap_, Kind::kTuple);
      tuple->items.push_back(single);
    }
  }
  if (tuple != nullptr) return Close(tuple);
  if (single != nullptr) return single;
  if (mode != Tuple::kParenthesised) Fail("an expression is missing");
  return Make<SequenceExpr>(first, heap_, Kind::kTuple);
}

const Expr* Parser::ParseList() {
  auto* node = Make<SequenceExpr>(Next(), heap_, Kind::kList);
  while (!Current().IsOp("]")) {
    node->items.push_back(ParseExpression());
    if (!SkipOp(",")) break;
  }
  ExpectOp("]");
  return Close(node);
}

const Expr* Parser::ParseDict() {
  auto* node = Make<DictExpr>(Next(), heap_);
  while (!Current().IsOp("}")) {
    const Expr* key = ParseExpression();
    ExpectOp(":");
    node->items.emplace_back(key, ParseExpression());
    if (!SkipOp(",")) break;
  }
  ExpectOp("}");
  return Close(node);
}

}  // namespace tael::jinja
