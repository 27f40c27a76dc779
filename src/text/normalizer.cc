// The normalizer steps of tokenizer.json.
#include "text/normalizer.h"

#include <algorithm>
#include <functional>

#include "base/error.h"
#include "base/utf8.h"
#include "text/json_fields.h"
#include "text/regex.h"

namespace tael {
namespace {

constexpr const char* kKnown =
    "Sequence, NFC, NFD, NFKC, NFKD, Lowercase, Strip, Replace, Prepend, Precompiled (empty)";
constexpr int kMaxDepth = 16;
constexpr size_t kMaxText = size_t{1} << 28;  // a file whose rules blow text up must not eat memory

class UnicodeStep : public NormalizerStep {
 public:
  explicit UnicodeStep(unicode::NormalForm form) : form_(form) {}
  void Apply(TrackedText& text, const SectionPlace&) const override {
    if (unicode::IsNormalized(text.text, form_)) return;
    if (!text.tracked()) {
      std::string out;
      out.reserve(text.text.size());
      unicode::AppendNormalized(text.text, form_, out);
      text.text = std::move(out);
      return;
    }
    TextBuilder builder(text);
    for (size_t i = 0; i < text.text.size();) {
      bool plain = true;
      const std::string_view rest = std::string_view(text.text).substr(i);
      const size_t length = unicode::NormalSegment(rest, form_, &plain);
      std::string segment;
      unicode::AppendNormalized(rest.substr(0, length), form_, segment);
      builder.Write(segment, i, i + length);
      i += length;
    }
    text = builder.Take();
  }

 private:
  unicode::NormalForm form_;
};

class LowercaseStep : public NormalizerStep {
 public:
  void Apply(TrackedText& text, const SectionPlace&) const override {
    TextBuilder builder(text);
    for (size_t i = 0; i < text.text.size();) {
      const auto length = static_cast<size_t>(DecodeUtf8(text.text, i).length);
      std::string lower;
      unicode::AppendLowercase(std::string_view(text.text).substr(i, length), lower);
      builder.Write(lower, i, i + length);
      i += length;
    }
    text = builder.Take();
  }
};

class StripStep : public NormalizerStep {
 public:
  StripStep(bool left, bool right) : left_(left), right_(right) {}
  void Apply(TrackedText& text, const SectionPlace&) const override {
    const std::string_view all = text.text;
    size_t begin = all.size(), end = 0;  // of the characters that are no space
    for (size_t i = 0; i < all.size();) {
      const CodePoint point = DecodeUtf8(all, i);
      const size_t next = i + static_cast<size_t>(point.length);
      if ((unicode::ClassOf(point.value) & unicode::kSpace) == 0) {
        begin = std::min(begin, i);
        end = next;
      }
      i = next;
    }
    if (!left_) begin = 0;
    if (!right_) end = all.size();
    TextBuilder builder(text);
    if (begin < end) builder.Keep(begin, end);
    text = builder.Take();
  }

 private:
  bool left_, right_;
};

class ReplaceStep : public NormalizerStep {
 public:
  using Finder = std::function<std::pair<size_t, size_t>(std::string_view, size_t)>;
  ReplaceStep(Finder find, std::string content)
      : find_(std::move(find)), content_(std::move(content)) {}
  void Apply(TrackedText& text, const SectionPlace&) const override {
    auto match = find_(text.text, 0);
    if (match.first == std::string_view::npos) return;
    TextBuilder builder(text);
    size_t done = 0;
    while (match.first != std::string_view::npos) {
      builder.Keep(done, match.first);
      builder.Write(content_, match.first, match.second);
      done = match.second;
      match = find_(text.text, done);
    }
    builder.Keep(done, text.text.size());
    text = builder.Take();
  }

 private:
  Finder find_;  // [begin, end) of the next match that is not empty
  std::string content_;
};

class PrependStep : public NormalizerStep {
 public:
  explicit PrependStep(std::string text) : prefix_(std::move(text)) {}
  void Apply(TrackedText& text, const SectionPlace&) const override {
    if (text.text.empty()) return;
    if (text.tracked()) text.trust.insert(0, prefix_.size(), '\1');
    text.text.insert(0, prefix_);
  }

 private:
  std::string prefix_;
};

ReplaceStep::Finder FindString(std::string pattern) {
  return [pattern = std::move(pattern)](std::string_view text, size_t from) {
    const size_t at = text.find(pattern, from);
    return std::pair(at, at == std::string_view::npos ? at : at + pattern.size());
  };
}

std::unique_ptr<NormalizerStep> ReadReplace(const JsonFields& fields) {
  fields.AllowOnly({"pattern", "content"});
  const PatternField pattern = ReadPattern(fields);
  std::string content = fields.Text("content");
  if (!pattern.is_regex) {
    if (pattern.text.empty()) {
      Fail(ErrorCode::kUnsupported, "{}: {} with an empty pattern", fields.where(), fields.what());
    }
    return std::make_unique<ReplaceStep>(FindString(pattern.text), std::move(content));
  }
  auto regex = std::make_shared<const Regex>(pattern.text, fields.where());
  return std::make_unique<ReplaceStep>(
      [regex](std::string_view text, size_t from) { return regex->Find(text, from); },
      std::move(content));
}

void AddSteps(const Json& value, std::string_view where, int depth, Normalizer& steps) {
  const std::string type = ComponentType(value, where, "normalizer");
  const JsonFields fields(value, std::string(where), "normalizer '" + type + "'");
  using unicode::NormalForm;
  if (type == "Sequence") {
    if (depth >= kMaxDepth) Fail(ErrorCode::kCorrupt, "{}: normalizers nest too deep", where);
    for (const Json& each : fields.Array("normalizers")) AddSteps(each, where, depth + 1, steps);
  } else if (type == "NFC") {
    steps.push_back(MakeUnicodeStep(NormalForm::kNfc));
  } else if (type == "NFD") {
    steps.push_back(MakeUnicodeStep(NormalForm::kNfd));
  } else if (type == "NFKC") {
    steps.push_back(MakeUnicodeStep(NormalForm::kNfkc));
  } else if (type == "NFKD") {
    steps.push_back(MakeUnicodeStep(NormalForm::kNfkd));
  } else if (type == "Lowercase") {
    steps.push_back(std::make_unique<LowercaseStep>());
  } else if (type == "Strip") {
    fields.AllowOnly({"strip_left", "strip_right"});
    steps.push_back(std::make_unique<StripStep>(fields.Flag("strip_left", false),
                                                fields.Flag("strip_right", false)));
  } else if (type == "Replace") {
    steps.push_back(ReadReplace(fields));
  } else if (type == "Prepend") {
    fields.AllowOnly({"prepend"});
    steps.push_back(std::make_unique<PrependStep>(fields.Text("prepend")));
  } else if (type == "Precompiled") {
    const Json* map = fields.Optional("precompiled_charsmap");
    if (map != nullptr && !(map->is_string() && map->as_string().empty())) {
      Fail(ErrorCode::kUnsupported,
           "{}: normalizer 'Precompiled' with a character map. Hint: the tokenizer.model of the "
           "same repository holds the same map and is supported.",
           where);
    }
  } else {
    FailUnknownComponent(where, "normalizer", type, kKnown);
  }
}

}  // namespace

void TextBuilder::Keep(size_t begin, size_t end) {
  out_.text.append(source_.text, begin, end - begin);
  if (source_.tracked()) out_.trust.append(source_.trust, begin, end - begin);
}

void TextBuilder::Write(std::string_view bytes, size_t begin, size_t end) {
  if (out_.text.size() + bytes.size() > kMaxText) {
    Fail(ErrorCode::kExhausted,
         "tokenizer: the normalizer turns a text of {} bytes into more than {}",
         source_.text.size(), kMaxText);
  }
  out_.text.append(bytes);
  if (!source_.tracked()) return;
  const std::string_view origin = std::string_view(source_.trust).substr(begin, end - begin);
  const bool trusted = origin.find('\0') == std::string_view::npos;
  out_.trust.append(bytes.size(), trusted ? '\1' : '\0');
}

void ApplyNormalizer(const Normalizer& normalizer, TrackedText& text, const SectionPlace& place) {
  for (const auto& step : normalizer) step->Apply(text, place);
}

std::unique_ptr<NormalizerStep> MakeUnicodeStep(unicode::NormalForm form) {
  return std::make_unique<UnicodeStep>(form);
}

std::unique_ptr<NormalizerStep> MakeReplaceStep(std::string from, std::string to) {
  return std::make_unique<ReplaceStep>(FindString(std::move(from)), std::move(to));
}

Normalizer NormalizerFromJson(const Json& value, std::string_view where) {
  Normalizer steps;
  if (!value.is_null()) AddSteps(value, where, 0, steps);
  return steps;
}

}  // namespace tael
