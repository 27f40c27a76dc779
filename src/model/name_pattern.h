// Patterns over module names, as quantization configurations write them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tael {

// A regular expression that is matched from the start of a name, not necessarily to its end, as
// Python's re.match does: characters, ".", "[a-z]", "\d", "\w", "\.", "*", "+", "?", "|",
// groups, "^", "$". Matching takes time polynomial in the sizes of both.
class NameRegex {
 public:
  // Throws kUnsupported naming `where`, the pattern and what in it is not understood.
  NameRegex(std::string_view pattern, std::string_view where);
  bool Matches(std::string_view name) const;

 private:
  struct Node {
    enum Kind : uint8_t { kSet, kSequence, kChoice, kRepeat, kStart, kEnd } kind = kSequence;
    std::vector<bool> set;      // kSet: [256]
    std::vector<size_t> parts;  // kSequence, kChoice, kRepeat (one)
    bool optional = false;      // kRepeat: none is enough
    bool once = false;          // kRepeat: at most one
  };
  using Places = std::vector<bool>;  // [name size + 1]: positions where a match may stand

  size_t Add(Node node);
  size_t ParseChoice(int depth);
  size_t ParseSequence(int depth);
  size_t ParseAtom(int depth);
  size_t ParseEscape();
  size_t ParseBrackets();
  size_t ParseRepeat(size_t atom);
  char Next();  // throws at the end of the pattern
  [[noreturn]] void Refuse(std::string_view what) const;

  Places Step(size_t node, const Places& from, std::string_view name) const;

  std::string pattern_, where_;
  size_t at_ = 0;  // while parsing
  std::vector<Node> nodes_;
  size_t root_ = 0;
};

// A name, or a part of one between dots ("lm_head", "mlp.gate", "model.layers.*.self_attn"; a "*"
// stands for any run of characters).
class NamePart {
 public:
  explicit NamePart(std::string part) : part_(std::move(part)) {}
  // Whether the part occurs in `name` with a dot or an end of the name on each side.
  bool Occurs(std::string_view name) const;

 private:
  std::string part_;
};

}  // namespace tael
