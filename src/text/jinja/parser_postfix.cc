// What follows an expression: attributes, subscripts, calls, filters and tests.
#include "text/jinja/operators.h"
#include "text/jinja/parser_impl.h"

namespace tael::jinja {

const Expr* Parser::ParsePostfix(const Expr* object, const Token& first) {
  while (true) {
    if (Current().IsOp(".")) {
      object = ParseDot(object, first);
    } else if (Current().IsOp("[")) {
      object = ParseSubscript(object, first);
    } else if (Current().IsOp("(")) {
      object = ParseCall(object, first);
    } else {
      return object;
    }
  }
}

const Expr* Parser::ParseDot(const Expr* object, const Token& first) {
  Next();
  const Token& name = Next();
  if (name.type == TokenType::kInteger) {
    auto* node = Make<ItemExpr>(first);
    node->object = object;
    node->index = Literal(name, name.value);
    return Close(node);
  }
  if (name.type != TokenType::kName) FailAt(name, "a name or a number must follow '.'");
  auto* node = Make<AttributeExpr>(first);
  node->object = object;
  node->name = Name(name.text);
  return Close(node);
}

const Expr* Parser::ParseSubscript(const Expr* object, const Token& first) {
  Next();
  if (Current().IsOp("]")) {  // a[] is a[()], as in Jinja
    auto* node = Make<ItemExpr>(first);
    node->object = object;
    node->index = Make<SequenceExpr>(Next(), heap_, Kind::kTuple);
    return Close(node);
  }
  const Expr* result = ParseSubscriptIndex(object, first);
  ExpectOp("]");
  return result;
}

const Expr* Parser::ParseSubscriptIndex(const Expr* object, const Token& first) {
  const Expr* parts[3] = {nullptr, nullptr, nullptr};
  if (!Current().IsOp(":")) {
    const Token& start = Current();
    parts[0] = ParseExpression();
    if (!Current().IsOp(":")) {
      auto* node = Make<ItemExpr>(first);
      node->object = object;
      node->index = parts[0];
      if (Current().IsOp(",")) {
        auto* tuple = Make<SequenceExpr>(start, heap_, Kind::kTuple);
        tuple->items.push_back(parts[0]);
        while (SkipOp(",")) tuple->items.push_back(ParseExpression());
        node->index = Close(tuple);
      }
      Close(node)->end += 1;  // with the bracket
      return node;
    }
  }
  for (int i = 1; i < 3 && SkipOp(":"); ++i) {
    if (!Current().IsOp(":") && !Current().IsOp("]")) parts[i] = ParseExpression();
  }
  auto* node = Make<SliceExpr>(first);
  node->object = object;
  node->start = parts[0];
  node->stop = parts[1];
  node->step = parts[2];
  Close(node)->end += 1;
  return node;
}

CallExpr* Parser::ParseCall(const Expr* callee, const Token& first) {
  auto* node = Make<CallExpr>(first, heap_);
  node->callee = callee;
  ParseArguments(node->arguments);
  return Close(node);
}

void Parser::ParseArguments(ArgumentList& arguments) {
  ExpectOp("(");
  while (!Current().IsOp(")")) {
    if (SkipOp("*")) {
      if (arguments.star != nullptr || arguments.double_star != nullptr) FailUnexpected();
      arguments.star = ParseExpression();
    } else if (SkipOp("**")) {
      if (arguments.double_star != nullptr) FailUnexpected();
      arguments.double_star = ParseExpression();
    } else if (Current().type == TokenType::kName && Look().IsOp("=")) {
      if (arguments.double_star != nullptr) FailUnexpected();
      const String* name = Name(Next().text);
      Next();
      arguments.named.emplace_back(name, ParseExpression());
    } else {
      if (arguments.star != nullptr || !arguments.named.empty()) {
        Fail("a positional argument must not follow named ones");
      }
      arguments.positional.push_back(ParseExpression());
    }
    if (!SkipOp(",")) break;
  }
  ExpectOp(")");
}

const Expr* Parser::ParseFilters(const Expr* input, const Token& first) {
  while (true) {
    if (Current().IsOp("|")) {
      Next();
      input = ParseFilter(input, first);
    } else if (Current().IsName("is")) {
      input = ParseTest(input, first);
    } else if (Current().IsOp("(")) {
      input = ParseCall(input, first);
    } else {
      return input;
    }
  }
}

std::string Parser::ParseDottedName() {
  std::string name(ExpectIdentifier());
  while (SkipOp(".")) name += "." + std::string(ExpectIdentifier());
  return name;
}

const Expr* Parser::ParseFilter(const Expr* input, const Token& first) {
  auto* node = Make<FilterExpr>(first, heap_);
  const Token& at = Current();
  const std::string name = ParseDottedName();
  node->input = input;
  node->name = Name(name);
  node->function = FindFilter(name);
  if (node->function == nullptr) NoteUnknown(at, "filter", name);
  if (Current().IsOp("(")) ParseArguments(node->arguments);
  return Close(node);
}

const Expr* Parser::ParseTest(const Expr* input, const Token& first) {
  Next();  // is
  const bool negated = SkipName("not");
  auto* node = Make<TestExpr>(first, heap_);
  const Token& at = Current();
  const std::string name = ParseDottedName();
  node->input = input;
  node->name = Name(name);
  node->function = FindTest(name);
  if (node->function == nullptr) NoteUnknown(at, "test", name);
  const Token& next = Current();
  const bool literal = next.type == TokenType::kString || next.type == TokenType::kInteger ||
                       next.type == TokenType::kFloat || next.IsOp("[") || next.IsOp("{");
  if (next.IsOp("(")) {
    ParseArguments(node->arguments);
  } else if (literal || (next.type == TokenType::kName && !next.IsName("else") &&
                         !next.IsName("or") && !next.IsName("and"))) {
    if (next.IsName("is")) Fail("tests cannot be chained with 'is'");
    node->arguments.positional.push_back(ParsePostfix(ParsePrimary(), next));
  }
  Close(node);
  if (!negated) return node;
  auto* negation = Make<UnaryExpr>(first);
  negation->op = '!';
  negation->operand = node;
  return Close(negation);
}

}  // namespace tael::jinja
