// Statements of the parser, and its token helpers.
#include "text/jinja/parser.h"

#include <algorithm>

#include "text/jinja/parser_impl.h"

namespace tael::jinja {

Parser::Nest::Nest(Parser& parser) : parser_(parser) {
  if (++parser.depth_ > parser.max_depth_) {
    --parser.depth_;
    parser.FailAt(parser.Current(), fmt::format("nested deeper than {} levels", parser.max_depth_),
                  ErrorCode::kExhausted);
  }
}

void Parser::FailAt(const Token& token, const std::string& message, ErrorCode code) const {
  throw SyntaxFault{code, token.line, message};
}

void Parser::FailUnexpected() const {
  const Token& token = Current();
  if (token.type == TokenType::kEnd) Fail("the template ends too early");
  if (token.type == TokenType::kBlockEnd || token.type == TokenType::kVariableEnd) {
    Fail("the tag ends too early");
  }
  Fail(fmt::format("unexpected '{}'", token.text.substr(0, 40)));
}

void Parser::NoteUnknown(const Token& token, const char* what, std::string_view name) {
  if (lenient_) return;
  unknown_.push_back(
      {ErrorCode::kCorrupt, token.line, fmt::format("there is no {} '{}'", what, name)});
}

bool Parser::SkipName(std::string_view name) {
  if (!Current().IsName(name)) return false;
  Next();
  return true;
}

bool Parser::SkipOp(std::string_view op) {
  if (!Current().IsOp(op)) return false;
  Next();
  return true;
}

void Parser::ExpectName(std::string_view name) {
  if (!SkipName(name)) FailUnexpected();
}

void Parser::ExpectOp(std::string_view op) {
  if (!SkipOp(op)) FailUnexpected();
}

void Parser::ExpectType(TokenType type, std::string_view what) {
  if (Current().type != type) Fail(fmt::format("expected {}", what));
  Next();
}

std::string_view Parser::ExpectIdentifier() {
  if (Current().type != TokenType::kName) FailUnexpected();
  return Next().text;
}

int Parser::Intern(std::string_view name) {
  if (const auto it = program_.ids.find(name); it != program_.ids.end()) return it->second;
  const String* text = CopyString(heap_, name);
  const int id = static_cast<int>(program_.names.size());
  program_.names.push_back(text);
  program_.ids.emplace(text->text, id);
  return id;
}

void Parser::Run() {
  for (const char* name : {"loop", "caller", "varargs", "kwargs"}) Intern(name);
  ParseBody(program_.body, {});
  if (!unknown_.empty()) throw unknown_.front();
}

void Parser::ParseBody(Body& body, std::initializer_list<std::string_view> ends) {
  const Nest nest(*this);
  while (true) {
    const Token& token = Current();
    if (token.type == TokenType::kEnd) {
      if (ends.size() > 0) Fail(fmt::format("'{}' is missing", *(ends.end() - 1)));
      return;
    }
    if (token.type == TokenType::kData) {
      auto* data = Make<DataStmt>(Next());
      data->text = token.value.string;
      body.push_back(data);
    } else if (token.type == TokenType::kVariableBegin) {
      body.push_back(ParseOutput());
    } else {
      Next();  // {%
      const Token& name = Current();
      if (std::any_of(ends.begin(), ends.end(), [&](auto end) { return name.IsName(end); })) return;
      body.push_back(ParseStatement());
      ExpectType(TokenType::kBlockEnd, "the end of the tag");
    }
  }
}

void Parser::ParseBodyAndEnd(Body& body, std::string_view end) {
  ExpectType(TokenType::kBlockEnd, "the end of the tag");
  ParseBody(body, {end});
  ExpectName(end);
}

const Stmt* Parser::ParseOutput() {
  auto* node = Make<OutputStmt>(Next());
  node->value = ParseTuple(Tuple::kPlain);
  node->begin = node->value->begin;
  Close(node);
  ExpectType(TokenType::kVariableEnd, "the end of the tag");
  return node;
}

// The tags and the rules behind them.
struct StatementRule {
  std::string_view tag;
  const Stmt* (Parser::*parse)();
  static const StatementRule kRules[];
  static const StatementRule* Find(std::string_view tag);
};

const StatementRule StatementRule::kRules[] = {
    {"if", &Parser::ParseIf},
    {"for", &Parser::ParseFor},
    {"set", &Parser::ParseSet},
    {"macro", &Parser::ParseMacro},
    {"call", &Parser::ParseCallBlock},
    {"filter", &Parser::ParseFilterBlock},
    {"with", &Parser::ParseWith},
    {"block", &Parser::ParseBlock},
    {"generation", &Parser::ParseGeneration},
    {"autoescape", &Parser::ParseAutoescape},
    {"break", &Parser::ParseLoopControl},
    {"continue", &Parser::ParseLoopControl},
    {"print", &Parser::ParsePrint},
};

const StatementRule* StatementRule::Find(std::string_view tag) {
  const auto* found = std::find_if(std::begin(kRules), std::end(kRules),
                                   [&](const StatementRule& rule) { return rule.tag == tag; });
  return found == std::end(kRules) ? nullptr : found;
}

const Stmt* Parser::ParseStatement() {
  const Token& tag = Current();
  if (tag.type != TokenType::kName) FailUnexpected();
  if (const StatementRule* rule = StatementRule::Find(tag.text)) return (this->*rule->parse)();
  for (const std::string_view other : {"include", "import", "from", "extends"}) {
    if (tag.text == other) {
      FailAt(tag, fmt::format("'{{% {} %}}': a chat template cannot load other templates", other),
             ErrorCode::kUnsupported);
    }
  }
  Fail(fmt::format("unknown tag '{}'", tag.text));
}

const Stmt* Parser::ParseIf() {
  const Leniency leniency(*this, true);
  auto* node = Make<IfStmt>(Next(), heap_);
  const Expr* condition = ParseTuple(Tuple::kNoCondition);
  while (true) {
    ExpectType(TokenType::kBlockEnd, "the end of the tag");
    node->branches.emplace_back(condition, Body(&heap_));
    Body& body = node->branches.back().second;
    if (condition == nullptr) {
      ParseBody(body, {"endif"});
    } else {
      ParseBody(body, {"elif", "else", "endif"});
    }
    if (SkipName("endif")) return node;
    if (SkipName("elif")) {
      condition = ParseTuple(Tuple::kNoCondition);
    } else {
      ExpectName("else");
      condition = nullptr;
    }
  }
}

Target Parser::ParseSingleTarget(bool allow_attribute) {
  Target target(heap_);
  const Token& name = Current();
  if (name.type == TokenType::kOperator && (name.text == "(" || name.text == "[")) {
    const Nest nest(*this);
    Next();
    target = ParseTarget("", false);
    ExpectOp(name.text == "(" ? ")" : "]");
    return target;
  }
  ExpectIdentifier();
  for (const std::string_view constant : {"true", "false", "none", "True", "False", "None"}) {
    if (name.text == constant) FailAt(name, fmt::format("cannot assign to '{}'", name.text));
  }
  target.id = Intern(name.text);
  target.name = program_.names[static_cast<size_t>(target.id)];
  if (allow_attribute && SkipOp(".")) target.attribute = Name(ExpectIdentifier());
  return target;
}

Target Parser::ParseTarget(std::string_view end_name, bool allow_attribute) {
  Target first = ParseSingleTarget(allow_attribute);
  if (!Current().IsOp(",")) return first;
  Target tuple(heap_);
  tuple.is_tuple = true;
  tuple.parts.push_back(first);
  while (SkipOp(",")) {
    if (AtTupleEnd(end_name) || Current().IsOp("=")) break;
    tuple.parts.push_back(ParseSingleTarget(allow_attribute));
  }
  return tuple;
}

const Stmt* Parser::ParseFor() {
  auto* node = Make<ForStmt>(Next(), heap_);
  node->target = ParseTarget("in", false);
  ExpectName("in");
  node->iterable = ParseTuple(Tuple::kNoCondition, "recursive");
  const Leniency leniency(*this, false);
  if (SkipName("if")) node->condition = ParseExpression();
  node->recursive = SkipName("recursive");
  Close(node);
  ExpectType(TokenType::kBlockEnd, "the end of the tag");
  ++loops_;
  ParseBody(node->body, {"else", "endfor"});
  --loops_;
  if (SkipName("else")) {
    ParseBodyAndEnd(node->otherwise, "endfor");
  } else {
    ExpectName("endfor");
  }
  return node;
}

const Stmt* Parser::ParseLoopControl() {
  auto* node = Make<LoopControlStmt>(Current());
  if (loops_ == 0) Fail(fmt::format("'{}' stands outside of a loop", Current().text));
  node->flow = Next().text == "break" ? Flow::kBreak : Flow::kContinue;
  return node;
}

const Stmt* Parser::ParseSet() {
  const Token& tag = Next();
  Target target = ParseTarget("", true);
  if (SkipOp("=")) {
    auto* node = Make<SetStmt>(tag, heap_);
    node->target = target;
    node->value = ParseTuple(Tuple::kPlain);
    return Close(node);
  }
  const Leniency leniency(*this, false);
  auto* node = Make<SetBlockStmt>(tag, heap_);
  node->target = target;
  if (Current().IsOp("|")) node->filter = ParseFilters(Make<BlockTextExpr>(tag), Current());
  Close(node);
  ParseBodyAndEnd(node->body, "endset");
  return node;
}

const Stmt* Parser::ParseFilterBlock() {
  const Leniency leniency(*this, false);
  auto* node = Make<FilterBlockStmt>(Next(), heap_);
  const Token& first = Current();
  node->filter = ParseFilters(ParseFilter(Make<BlockTextExpr>(first), first), first);
  Close(node);
  ParseBodyAndEnd(node->body, "endfilter");
  return node;
}

void Parser::ParseSignature(MacroDefinition& macro) {
  ExpectOp("(");
  bool defaults = false;
  while (!Current().IsOp(")")) {
    const Target parameter = ParseSingleTarget(false);
    if (parameter.name == nullptr) FailUnexpected();
    const Expr* value = nullptr;
    if (SkipOp("=")) {
      value = ParseExpression();
      defaults = true;
    } else if (defaults) {
      Fail("a parameter without default follows one with a default");
    }
    macro.parameters.push_back({parameter.id, parameter.name, value});
    if (!SkipOp(",")) break;
  }
  ExpectOp(")");
}

void Parser::ParseMacroBody(MacroDefinition& macro, std::string_view end) {
  const Leniency leniency(*this, false);
  MacroDefinition* outer = macro_;
  const int outer_loops = loops_;
  macro_ = &macro;
  loops_ = 0;
  ParseBodyAndEnd(macro.body, end);
  macro_ = outer;
  loops_ = outer_loops;
  if (outer != nullptr) {
    outer->uses_caller |= macro.uses_caller;
    outer->uses_varargs |= macro.uses_varargs;
    outer->uses_kwargs |= macro.uses_kwargs;
  }
}

const Stmt* Parser::ParseMacro() {
  auto* node = Make<MacroStmt>(Next(), heap_);
  const Target name = ParseSingleTarget(false);
  if (name.name == nullptr) FailUnexpected();
  node->id = name.id;
  node->macro.name = name.name;
  ParseSignature(node->macro);
  Close(node);
  ParseMacroBody(node->macro, "endmacro");
  return node;
}

const Stmt* Parser::ParseCallBlock() {
  auto* node = Make<CallBlockStmt>(Next(), heap_);
  node->caller.name = program_.names[kCallerId];
  if (Current().IsOp("(")) ParseSignature(node->caller);
  const Token& first = Current();
  node->call = dynamic_cast<const CallExpr*>(ParseExpression());
  if (node->call == nullptr) FailAt(first, "a call block needs a call");
  Close(node);
  ParseMacroBody(node->caller, "endcall");
  return node;
}

const Stmt* Parser::ParseWith() {
  const Leniency leniency(*this, false);
  auto* node = Make<WithStmt>(Next(), heap_);
  while (Current().type != TokenType::kBlockEnd) {
    if (!node->bindings.empty()) ExpectOp(",");
    Target target = ParseSingleTarget(false);
    ExpectOp("=");
    node->bindings.emplace_back(target, ParseExpression());
  }
  Close(node);
  ParseBodyAndEnd(node->body, "endwith");
  return node;
}

const Stmt* Parser::ParseBlock() {
  const Leniency leniency(*this, false);
  auto* node = Make<ScopeStmt>(Next(), heap_);
  const std::string_view name = ExpectIdentifier();
  node->isolated = !SkipName("scoped");
  SkipName("required");
  Close(node);
  ParseBodyAndEnd(node->body, "endblock");
  SkipName(name);
  return node;
}

const Stmt* Parser::ParseGeneration() {
  const Leniency leniency(*this, false);
  auto* node = Make<ScopeStmt>(Next(), heap_);
  ParseBodyAndEnd(node->body, "endgeneration");
  return node;
}

const Stmt* Parser::ParseAutoescape() {
  auto* node = Make<ScopeStmt>(Next(), heap_);
  const auto* option = dynamic_cast<const LiteralExpr*>(ParseExpression());
  if (option == nullptr || Truthy(option->value)) {
    Fail("only '{% autoescape false %}' is supported: prompts are not HTML");
  }
  ParseBodyAndEnd(node->body, "endautoescape");
  return node;
}

const Stmt* Parser::ParsePrint() {
  auto* node = Make<OutputStmt>(Next());
  node->value = ParseTuple(Tuple::kPlain);
  return Close(node);
}

std::unique_ptr<const Program> ParseTemplate(std::string_view source, const SyntaxOptions& options,
                                             const Budget& budget, int max_depth) {
  auto program = std::make_unique<Program>(budget);
  program->source = NormalizeSource(source);
  const Vector<Token> tokens = Tokenize(program->heap, program->source, options);
  Parser(*program, tokens, max_depth).Run();
  return program;
}

}  // namespace tael::jinja
