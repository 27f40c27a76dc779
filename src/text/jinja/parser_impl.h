// The recursive-descent parser's state and rules; expressions in parser_expr.cc and
// parser_postfix.cc, statements in parser.cc.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"

namespace tael::jinja {

class Parser {
 public:
  // `tokens` ends with kEnd; both must outlive the parser.
  Parser(Program& program, const Vector<Token>& tokens, int max_depth)
      : program_(program), heap_(program.heap), tokens_(tokens), max_depth_(max_depth) {}

  void Run();

 private:
  // Every rule that can contain itself holds one.
  class Nest {
   public:
    explicit Nest(Parser& parser);
    ~Nest() { --parser_.depth_; }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;

   private:
    Parser& parser_;
  };
  // Inside `if` an unknown filter or test is an error only when it is used (templates ask for
  // features that way); elsewhere it is an error of the template.
  class Leniency {
   public:
    Leniency(Parser& parser, bool lenient) : parser_(parser), saved_(parser.lenient_) {
      parser.lenient_ = lenient;
    }
    ~Leniency() { parser_.lenient_ = saved_; }
    Leniency(const Leniency&) = delete;
    Leniency& operator=(const Leniency&) = delete;

   private:
    Parser& parser_;
    bool saved_;
  };

  const Token& Current() const { return tokens_[at_]; }
  const Token& Look() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  const Token& Next() { return tokens_[at_ + 1 < tokens_.size() ? at_++ : at_]; }
  bool SkipName(std::string_view name);
  bool SkipOp(std::string_view op);
  void ExpectName(std::string_view name);
  void ExpectOp(std::string_view op);
  void ExpectType(TokenType type, std::string_view what);
  std::string_view ExpectIdentifier();
  [[noreturn]] void Fail(const std::string& message) const { FailAt(Current(), message); }
  [[noreturn]] void FailAt(const Token& token, const std::string& message,
                           ErrorCode code = ErrorCode::kCorrupt) const;
  [[noreturn]] void FailUnexpected() const;

  int Intern(std::string_view name);
  const String* Name(std::string_view name) { return program_.names[size_t(Intern(name))]; }
  template <typename T, typename... Args>
  T* Make(const Token& first, Args&&... args);
  // Sets the node's end to the last token read.
  template <typename T>
  T* Close(T* node);

  const Expr* ParseExpression();
  const Expr* ParseOr();
  const Expr* ParseAnd();
  const Expr* ParseNot();
  const Expr* ParseCompare();
  const Expr* ParseSum();
  const Expr* ParseConcat();
  const Expr* ParseProduct();
  const Expr* ParsePower();
  const Expr* ParseUnary(bool with_filter = true);
  const Expr* ParsePrimary();
  const Expr* ParseNameOrConstant();
  const Expr* ParseStringLiteral();
  const Expr* ParsePostfix(const Expr* object, const Token& first);
  const Expr* ParseFilters(const Expr* input, const Token& first);
  const Expr* ParseFilter(const Expr* input, const Token& first);
  const Expr* ParseTest(const Expr* input, const Token& first);
  const Expr* ParseDot(const Expr* object, const Token& first);
  const Expr* ParseSubscript(const Expr* object, const Token& first);
  const Expr* ParseSubscriptIndex(const Expr* object, const Token& first);
  CallExpr* ParseCall(const Expr* callee, const Token& first);
  void ParseArguments(ArgumentList& arguments);
  enum class Tuple { kPlain, kParenthesised, kNoCondition };
  const Expr* ParseTuple(Tuple mode, std::string_view end_name = "");
  bool AtTupleEnd(std::string_view end_name) const;
  const Expr* ParseList();
  const Expr* ParseDict();
  const Expr* Literal(const Token& token, const Value& value);
  std::string ParseDottedName();

  // Statements until one of `ends` (which is left as the current token, behind "{%").
  void ParseBody(Body& body, std::initializer_list<std::string_view> ends);
  // The same, then reads the end tag's name.
  void ParseBodyAndEnd(Body& body, std::string_view end);
  const Stmt* ParseStatement();
  const Stmt* ParseOutput();
  const Stmt* ParseIf();
  const Stmt* ParseFor();
  const Stmt* ParseSet();
  const Stmt* ParseMacro();
  const Stmt* ParseCallBlock();
  const Stmt* ParseFilterBlock();
  const Stmt* ParseWith();
  const Stmt* ParseBlock();
  const Stmt* ParseGeneration();
  const Stmt* ParseAutoescape();
  const Stmt* ParseLoopControl();
  const Stmt* ParsePrint();
  void ParseSignature(MacroDefinition& macro);
  void ParseMacroBody(MacroDefinition& macro, std::string_view end);
  Target ParseTarget(std::string_view end_name, bool allow_attribute);
  Target ParseSingleTarget(bool allow_attribute);

  // Notes an unknown filter or test: an error of the template unless a condition guards it.
  void NoteUnknown(const Token& token, const char* what, std::string_view name);

  friend struct StatementRule;

  Program& program_;
  Heap& heap_;
  const Vector<Token>& tokens_;
  size_t at_ = 0;
  int max_depth_;
  int depth_ = 0;
  int loops_ = 0;  // enclosing `for` bodies within the current macro
  bool lenient_ = false;
  std::vector<SyntaxFault> unknown_;
  MacroDefinition* macro_ = nullptr;  // the innermost one being parsed
};

template <typename T, typename... Args>
T* Parser::Make(const Token& first, Args&&... args) {
  heap_.Step();
  T* node = heap_.New<T>(std::forward<Args>(args)...);
  node->line = first.line;
  node->begin = first.begin;
  node->end = first.end;
  return node;
}

template <typename T>
T* Parser::Close(T* node) {
  if (at_ > 0) node->end = tokens_[at_ - 1].end;
  return node;
}

}  // namespace tael::jinja
