#include "model/name_pattern.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace tael {
namespace {

// Longer patterns and deeper groups are refused: matching costs pattern size x name size squared.
constexpr size_t kMaxPattern = 1000;
constexpr int kMaxDepth = 6;

void SetRange(std::vector<bool>& set, unsigned char first, unsigned char last) {
  for (size_t c = first; c <= last; ++c) set[c] = true;
}

// Whether `pattern` with "*" for any run of characters is all of `text`.
bool GlobMatches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace

NameRegex::NameRegex(std::string_view pattern, std::string_view where)
    : pattern_(pattern), where_(where) {
  if (pattern_.size() > kMaxPattern) Refuse("more than 1000 characters");
  root_ = ParseChoice(0);
  if (at_ != pattern_.size()) Refuse("a ')' without its '('");
}

void NameRegex::Refuse(std::string_view what) const {
  Fail(ErrorCode::kUnsupported, "{}: the pattern '{}' has {}, which is not understood", where_,
       pattern_.substr(0, 120), what);
}

size_t NameRegex::Add(Node node) {
  nodes_.push_back(std::move(node));
  return nodes_.size() - 1;
}

char NameRegex::Next() {
  if (at_ == pattern_.size()) Refuse("an end inside an expression");
  return pattern_[at_++];
}

size_t NameRegex::ParseChoice(int depth) {
  if (depth > kMaxDepth) Refuse("groups inside groups to more than 6 levels");
  Node choice{.kind = Node::kChoice, .set = {}, .parts = {ParseSequence(depth)}};
  while (at_ < pattern_.size() && pattern_[at_] == '|') {
    ++at_;
    choice.parts.push_back(ParseSequence(depth));
  }
  return Add(std::move(choice));
}

size_t NameRegex::ParseSequence(int depth) {
  Node sequence;
  while (at_ < pattern_.size() && pattern_[at_] != '|' && pattern_[at_] != ')') {
    const size_t atom = ParseAtom(depth);
    sequence.parts.push_back(ParseRepeat(atom));
  }
  return Add(std::move(sequence));
}

size_t NameRegex::ParseAtom(int depth) {
  const char c = Next();
  if (c == '^') return Add({.kind = Node::kStart, .set = {}, .parts = {}});
  if (c == '$') return Add({.kind = Node::kEnd, .set = {}, .parts = {}});
  if (c == '\\') return ParseEscape();
  if (c == '[') return ParseBrackets();
  if (c == '(') {
    if (at_ < pattern_.size() && pattern_[at_] == '?') {
      ++at_;
      if (Next() != ':') Refuse("'(?' with something other than ':'");
    }
    const size_t inner = ParseChoice(depth + 1);
    if (at_ == pattern_.size()) Refuse("a '(' without its ')'");
    ++at_;
    return inner;
  }
  if (c == '*' || c == '+' || c == '?' || c == '{') Refuse("a repetition of nothing");
  Node one{.kind = Node::kSet, .set = std::vector<bool>(256, c == '.'), .parts = {}};
  one.set[static_cast<unsigned char>(c)] = true;
  return Add(std::move(one));
}

size_t NameRegex::ParseEscape() {
  const char c = Next();
  Node one{.kind = Node::kSet, .set = std::vector<bool>(256), .parts = {}};
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  if (c == 'd' || c == 'w') {
    SetRange(one.set, '0', '9');
  } else if (letter) {
    Refuse(std::string("'\\") + c + "'");
  } else {
    one.set[static_cast<unsigned char>(c)] = true;
  }
  if (c == 'w') {
    SetRange(one.set, 'a', 'z');
    SetRange(one.set, 'A', 'Z');
    one.set['_'] = true;
  }
  return Add(std::move(one));
}

size_t NameRegex::ParseBrackets() {
  Node one{.kind = Node::kSet, .set = std::vector<bool>(256), .parts = {}};
  const bool inverted = at_ < pattern_.size() && pattern_[at_] == '^';
  if (inverted) ++at_;
  char c = Next();
  do {
    if (c == '\\' || c == '[') Refuse("'\\' or '[' inside brackets");
    const auto first = static_cast<unsigned char>(c);
    auto last = first;
    c = Next();
    if (c == '-' && at_ < pattern_.size() && pattern_[at_] != ']') {
      last = static_cast<unsigned char>(Next());
      c = Next();
    }
    SetRange(one.set, first, last);
  } while (c != ']');
  if (inverted) one.set.flip();
  return Add(std::move(one));
}

size_t NameRegex::ParseRepeat(size_t atom) {
  if (at_ == pattern_.size()) return atom;
  const char c = pattern_[at_];
  if (c == '{') Refuse("a counted repetition");
  if (c != '*' && c != '+' && c != '?') return atom;
  ++at_;
  // "*?" and "+?" match the same names: only the length of the match differs.
  if (c != '?' && at_ < pattern_.size() && pattern_[at_] == '?') ++at_;
  return Add(
      {.kind = Node::kRepeat, .set = {}, .parts = {atom}, .optional = c != '+', .once = c == '?'});
}

NameRegex::Places NameRegex::Step(size_t index, const Places& from, std::string_view name) const {
  const Node& node = nodes_[index];
  Places to(from.size());
  switch (node.kind) {
    case Node::kSet:
      for (size_t i = 0; i < name.size(); ++i) {
        if (from[i] && node.set[static_cast<unsigned char>(name[i])]) to[i + 1] = true;
      }
      return to;
    case Node::kStart:
      to[0] = from[0];
      return to;
    case Node::kEnd:
      to.back() = from.back();
      return to;
    case Node::kSequence:
      to = from;
      for (const size_t part : node.parts) to = Step(part, to, name);
      return to;
    case Node::kChoice:
      for (const size_t part : node.parts) {
        const Places other = Step(part, from, name);
        for (size_t i = 0; i < to.size(); ++i) to[i] = to[i] || other[i];
      }
      return to;
    case Node::kRepeat:
      break;
  }
  Places reached = from;  // where the next repetition may begin
  bool grew = true;
  for (bool first = true; grew && (first || !node.once); first = false) {
    grew = false;
    const Places next = Step(node.parts[0], reached, name);
    for (size_t i = 0; i < to.size(); ++i) {
      if (!next[i]) continue;
      to[i] = true;
      if (reached[i]) continue;
      reached[i] = grew = true;
    }
  }
  return node.optional ? reached : to;
}

bool NameRegex::Matches(std::string_view name) const {
  Places start(name.size() + 1);
  start[0] = true;
  const Places ends = Step(root_, start, name);
  return std::find(ends.begin(), ends.end(), true) != ends.end();
}

bool NamePart::Occurs(std::string_view name) const {
  for (const char* form : {"{}", "*.{}", "{}.*", "*.{}.*"}) {
    std::string pattern(form);
    pattern.replace(pattern.find("{}"), 2, part_);
    if (GlobMatches(pattern, name)) return true;
  }
  return false;
}

}  // namespace tael
