// The pre-tokenizer steps of tokenizer.json.
#include "text/pre_tokenizer.h"

#include <algorithm>

#include "base/error.h"
#include "base/utf8.h"
#include "text/byte_alphabet.h"
#include "text/json_fields.h"
#include "text/split_step.h"

namespace tael {
namespace {

constexpr const char* kKnown =
    "Sequence, Split, ByteLevel, Metaspace, Digits, Punctuation, Whitespace, WhitespaceSplit";
constexpr int kMaxDepth = 16;

// Rebuilds the text piece by piece.
class Rewriter {
 public:
  explicit Rewriter(const PreTokens& source) : source_(source) {}
  // Appends one piece made by `write(old text, out)`.
  template <typename Write>
  void Piecewise(Write write) {
    for (const Piece piece : source_.pieces) {
      const auto begin = static_cast<uint32_t>(out_.text.size());
      write(PieceText(source_.text, piece), out_.text);
      if (out_.text.size() > (size_t{1} << 30)) {
        Fail(ErrorCode::kExhausted, "tokenizer: the pre-tokenizer blows the text up above 1 GiB");
      }
      const auto end = static_cast<uint32_t>(out_.text.size());
      if (end > begin) out_.pieces.push_back({begin, end});
    }
  }
  PreTokens Take() { return std::move(out_); }

 private:
  const PreTokens& source_;
  PreTokens out_;
};

// ByteLevel's own parts: a space in front, and the spelling in the byte alphabet if steps follow.
class ByteLevelStep : public PreTokenizerStep {
 public:
  ByteLevelStep(bool add_space, bool map) : add_space_(add_space), map_(map) {}
  void Apply(PreTokens& tokens, const SectionPlace&) const override {
    Rewriter rewriter(tokens);
    rewriter.Piecewise([&](std::string_view piece, std::string& out) {
      std::string text(piece);
      if (add_space_ && !text.starts_with(' ')) text.insert(0, 1, ' ');
      out += map_ ? MapBytes(text) : text;
    });
    tokens = rewriter.Take();
  }

 private:
  bool add_space_, map_;
};

enum class PrependScheme { kNever, kFirst, kAlways };

class MetaspaceStep : public PreTokenizerStep {
 public:
  MetaspaceStep(std::string replacement, PrependScheme scheme, bool split)
      : replacement_(std::move(replacement)),
        scheme_(scheme),
        split_(SplitStep::FromString(replacement_, SplitBehavior::kMergedWithNext, false)),
        is_split_(split) {}
  void Apply(PreTokens& tokens, const SectionPlace& place) const override {
    Rewriter rewriter(tokens);
    rewriter.Piecewise([&](std::string_view piece, std::string& out) {
      const size_t begin = out.size();
      for (const char c : piece) {
        if (c == ' ') {
          out += replacement_;
        } else {
          out.push_back(c);
        }
      }
      const bool wanted = scheme_ == PrependScheme::kAlways ||
                          (scheme_ == PrependScheme::kFirst && place.first && begin == 0);
      if (wanted && out.compare(begin, replacement_.size(), replacement_) != 0) {
        out.insert(begin, replacement_);
      }
    });
    tokens = rewriter.Take();
    if (is_split_) split_->Apply(tokens, place);
  }

 private:
  std::string replacement_;
  PrependScheme scheme_;
  std::unique_ptr<SplitStep> split_;
  bool is_split_;
};

// The next character whose class, tested by `kTest`, is wanted.
template <bool (*kTest)(char32_t)>
std::pair<size_t, size_t> FindChar(std::string_view text, size_t from) {
  while (from < text.size()) {
    const CodePoint point = DecodeUtf8(text, from);
    const size_t next = from + static_cast<size_t>(point.length);
    if (kTest(point.value)) return {from, next};
    from = next;
  }
  return {std::string_view::npos, std::string_view::npos};
}

bool IsSpaceChar(char32_t c) { return (unicode::ClassOf(c) & unicode::kSpace) != 0; }
bool IsPunctuationChar(char32_t c) {
  const uint16_t ascii = c < 0x80 ? unicode::kSymbol : 0;  // "$+<=>^`|~" count as punctuation
  return (unicode::ClassOf(c) & (unicode::kPunctuation | ascii)) != 0;
}

std::unique_ptr<PreTokenizerStep> ReadMetaspace(const JsonFields& fields) {
  fields.AllowOnly({"replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep"});
  PrependScheme scheme = PrependScheme::kAlways;
  if (fields.Optional("prepend_scheme") != nullptr) {
    const std::string name = fields.Text("prepend_scheme");
    if (name == "never") {
      scheme = PrependScheme::kNever;
    } else if (name == "first") {
      scheme = PrependScheme::kFirst;
    } else if (name != "always") {
      FailUnknownComponent(fields.where(), "prepend_scheme", name, "always, first, never");
    }
  } else if (!fields.Flag("add_prefix_space", true)) {
    scheme = PrependScheme::kNever;
  }
  const std::string replacement = fields.Text("replacement");
  const CodePoint point = replacement.empty() ? CodePoint{} : DecodeUtf8(replacement, 0);
  if (replacement.empty() || static_cast<size_t>(point.length) != replacement.size()) {
    Fail(ErrorCode::kCorrupt, "{}: the replacement of Metaspace must be one character",
         fields.where());
  }
  return std::make_unique<MetaspaceStep>(replacement, scheme, fields.Flag("split", true));
}

std::unique_ptr<PreTokenizerStep> ReadSplit(const JsonFields& fields) {
  fields.AllowOnly({"pattern", "behavior", "invert"});
  const PatternField pattern = ReadPattern(fields);
  const SplitBehavior behavior = SplitBehaviorFromName(fields.Text("behavior"), fields.where());
  const bool invert = fields.Flag("invert", false);
  if (pattern.is_regex) {
    return SplitStep::FromRegex(pattern.text, fields.where(), behavior, invert);
  }
  return SplitStep::FromString(pattern.text, behavior, invert);
}

// Reads nested components in order; ByteLevel's mapping is left to the model if it comes last.
class Loader {
 public:
  explicit Loader(std::string_view where) : where_(where) {}

  void Add(const Json& value, int depth, bool last) {
    const std::string type = ComponentType(value, where_, "pre-tokenizer");
    const JsonFields fields(value, where_, "pre-tokenizer '" + type + "'");
    auto& steps = result_.steps;
    if (type == "Sequence") {
      if (depth >= kMaxDepth) Fail(ErrorCode::kCorrupt, "{}: pre-tokenizers nest too deep", where_);
      const JsonArray& parts = fields.Array("pretokenizers");
      for (size_t i = 0; i < parts.size(); ++i)
        Add(parts[i], depth + 1, last && i + 1 == parts.size());
    } else if (type == "Split") {
      steps.push_back(ReadSplit(fields));
    } else if (type == "ByteLevel") {
      AddByteLevel(fields, last);
    } else if (type == "Metaspace") {
      steps.push_back(ReadMetaspace(fields));
    } else if (type == "Digits") {
      fields.AllowOnly({"individual_digits"});
      const bool single = fields.Flag("individual_digits", false);
      steps.push_back(MakeIsolatedSplit(single ? patterns::kDigit : patterns::kDigits, where_));
    } else if (type == "Punctuation") {
      fields.AllowOnly({"behavior"});
      const bool named = fields.Optional("behavior") != nullptr;
      steps.push_back(SplitStep::FromFinder(
          FindChar<IsPunctuationChar>,
          SplitBehaviorFromName(named ? fields.Text("behavior") : "Isolated", where_)));
    } else if (type == "Whitespace") {
      // \w as PCRE2 has it differs from the Rust crate's in rare characters; hence the class.
      steps.push_back(SplitStep::FromRegex(
          R"re([\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\s]+)re",
          where_, SplitBehavior::kRemoved, true));
    } else if (type == "WhitespaceSplit") {
      steps.push_back(SplitStep::FromFinder(FindChar<IsSpaceChar>, SplitBehavior::kRemoved));
    } else {
      FailUnknownComponent(where_, "pre-tokenizer", type, kKnown);
    }
  }

  PreTokenizer Take() { return std::move(result_); }

 private:
  void AddByteLevel(const JsonFields& fields, bool last) {
    fields.AllowOnly({"add_prefix_space", "trim_offsets", "use_regex"});
    const bool add_space = fields.Flag("add_prefix_space", true);
    if (add_space) result_.steps.push_back(std::make_unique<ByteLevelStep>(true, false));
    if (fields.Flag("use_regex", true)) {
      result_.steps.push_back(MakeIsolatedSplit(patterns::kGpt2, where_));
    }
    if (last) {
      result_.byte_level = true;
    } else {
      result_.steps.push_back(MakeByteMapping());
    }
  }

  std::string where_;
  PreTokenizer result_;
};

}  // namespace

PreTokenizer PreTokenizerFromJson(const Json& value, std::string_view where) {
  Loader loader(where);
  if (!value.is_null()) loader.Add(value, 0, true);
  return loader.Take();
}

std::unique_ptr<PreTokenizerStep> MakeByteMapping() {
  return std::make_unique<ByteLevelStep>(false, true);
}

std::unique_ptr<PreTokenizerStep> MakeIsolatedSplit(std::string_view regex,
                                                    std::string_view where) {
  return SplitStep::FromRegex(regex, where, SplitBehavior::kIsolated, false);
}

}  // namespace tael
