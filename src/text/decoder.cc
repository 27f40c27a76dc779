// The decoder steps of tokenizer.json.
#include "text/decoder.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "text/byte_alphabet.h"
#include "text/json_fields.h"
#include "text/regex.h"

namespace tael {
namespace {

constexpr const char* kKnown = "Sequence, ByteLevel, ByteFallback, Fuse, Replace, Strip, Metaspace";
constexpr const char* kReplacement = "\xEF\xBF\xBD";
constexpr const char* kMetaspace = "\xE2\x96\x81";
constexpr int kMaxDepth = 16;
constexpr size_t kMaxTokenText = size_t{1} << 26;  // against rules that blow a token up

class ByteLevelDecoder : public DecoderStep {
 public:
  void Apply(std::vector<std::string>& tokens) const override {
    std::string all;
    for (std::string& token : tokens) {
      ApplyToOne(token, false);
      all += token;
    }
    tokens = {ReplaceInvalidUtf8(all)};
  }
  // A token with a character outside the alphabet (an added token) stays as it is.
  void ApplyToOne(std::string& token, bool) const override {
    if (auto bytes = UnmapBytes(token)) token = std::move(*bytes);
  }
};

class ByteFallbackDecoder : public DecoderStep {
 public:
  void Apply(std::vector<std::string>& tokens) const override {
    std::vector<std::string> out;
    std::string bytes;
    const auto flush = [&] {
      if (bytes.empty()) return;
      if (IsValidUtf8(bytes)) {
        out.push_back(bytes);
      } else {
        for (size_t i = 0; i < bytes.size(); ++i) out.emplace_back(kReplacement);
      }
      bytes.clear();
    };
    for (std::string& token : tokens) {
      const int byte = ParseByteToken(token);
      if (byte >= 0) {
        bytes.push_back(static_cast<char>(byte));
        continue;
      }
      flush();
      out.push_back(std::move(token));
    }
    flush();
    tokens = std::move(out);
  }
  void ApplyToOne(std::string& token, bool) const override {
    const int byte = ParseByteToken(token);
    if (byte >= 0) token.assign(1, static_cast<char>(byte));
  }
};

class FuseDecoder : public DecoderStep {
 public:
  void Apply(std::vector<std::string>& tokens) const override {
    std::string all;
    for (const std::string& token : tokens) all += token;
    tokens = {std::move(all)};
  }
  void ApplyToOne(std::string&, bool) const override {}
};

class ReplaceDecoder : public DecoderStep {
 public:
  ReplaceDecoder(PatternField pattern, std::string content, std::string_view where)
      : literal_(std::move(pattern.text)), content_(std::move(content)) {
    if (pattern.is_regex) regex_ = std::make_unique<Regex>(literal_, where);
  }
  void Apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) ApplyToOne(token, false);
  }
  void ApplyToOne(std::string& token, bool) const override {
    std::string out;
    size_t done = 0;
    for (auto match = Find(token, 0); match.first != std::string::npos; match = Find(token, done)) {
      out.append(token, done, match.first - done);
      out += content_;
      done = match.second;
      if (out.size() > kMaxTokenText) {
        Fail(ErrorCode::kExhausted, "tokenizer: the decoder turns a token into more than {} bytes",
             kMaxTokenText);
      }
    }
    if (done == 0) return;
    out.append(token, done);
    token = std::move(out);
  }

 private:
  std::pair<size_t, size_t> Find(const std::string& text, size_t from) const {
    if (regex_) return regex_->Find(text, from);
    const size_t at = literal_.empty() ? std::string::npos : text.find(literal_, from);
    return {at, at + literal_.size()};
  }
  std::string literal_, content_;
  std::unique_ptr<Regex> regex_;
};

class StripDecoder : public DecoderStep {
 public:
  StripDecoder(std::string content, size_t start, size_t stop)
      : content_(std::move(content)), start_(start), stop_(stop) {}
  void Apply(std::vector<std::string>& tokens) const override {
    for (std::string& token : tokens) {
      StripFront(token);
      for (size_t i = 0; i < stop_ && token.ends_with(content_); ++i) {
        token.resize(token.size() - content_.size());
      }
    }
  }
  void ApplyToOne(std::string& token, bool first) const override {
    if (first) StripFront(token);
  }

 private:
  void StripFront(std::string& token) const {
    for (size_t i = 0; i < start_ && token.starts_with(content_); ++i) {
      token.erase(0, content_.size());
    }
  }
  std::string content_;
  size_t start_, stop_;
};

class MetaspaceDecoder : public DecoderStep {
 public:
  MetaspaceDecoder(std::string replacement, bool drop_first)
      : replacement_(std::move(replacement)), drop_first_(drop_first) {}
  void Apply(std::vector<std::string>& tokens) const override {
    for (size_t i = 0; i < tokens.size(); ++i) ApplyToOne(tokens[i], i == 0);
  }
  void ApplyToOne(std::string& token, bool first) const override {
    std::string out;
    size_t done = 0;
    for (size_t at; (at = token.find(replacement_, done)) != std::string::npos;) {
      out.append(token, done, at - done);
      if (!(first && drop_first_)) out.push_back(' ');
      done = at + replacement_.size();
    }
    out.append(token, done);
    token = std::move(out);
  }

 private:
  std::string replacement_;
  bool drop_first_;
};

size_t ReadCount(const JsonFields& fields, std::string_view key) {
  const int64_t value = fields.Integer(key, 0);
  if (value < 0 || value > 1000) {
    Fail(ErrorCode::kCorrupt, "{}: '{}' of {} is {}, needed 0..1000", fields.where(), key,
         fields.what(), value);
  }
  return static_cast<size_t>(value);
}

void AddSteps(const Json& value, std::string_view where, int depth, Decoder& decoder) {
  const std::string type = ComponentType(value, where, "decoder");
  const JsonFields fields(value, std::string(where), "decoder '" + type + "'");
  auto& steps = decoder.steps;
  if (type == "Sequence") {
    if (depth >= kMaxDepth) Fail(ErrorCode::kCorrupt, "{}: decoders nest too deep", where);
    for (const Json& each : fields.Array("decoders")) AddSteps(each, where, depth + 1, decoder);
  } else if (type == "ByteLevel") {
    steps.push_back(std::make_unique<ByteLevelDecoder>());
  } else if (type == "ByteFallback") {
    steps.push_back(std::make_unique<ByteFallbackDecoder>());
  } else if (type == "Fuse") {
    steps.push_back(std::make_unique<FuseDecoder>());
  } else if (type == "Replace") {
    fields.AllowOnly({"pattern", "content"});
    steps.push_back(
        std::make_unique<ReplaceDecoder>(ReadPattern(fields), fields.Text("content"), where));
  } else if (type == "Strip") {
    fields.AllowOnly({"content", "start", "stop"});
    const std::string content = fields.Text("content");
    if (content.empty()) Fail(ErrorCode::kCorrupt, "{}: decoder 'Strip' without content", where);
    steps.push_back(std::make_unique<StripDecoder>(content, ReadCount(fields, "start"),
                                                   ReadCount(fields, "stop")));
  } else if (type == "Metaspace") {
    fields.AllowOnly({"replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep"});
    const bool named = fields.Optional("prepend_scheme") != nullptr;
    const bool drop =
        named ? fields.Text("prepend_scheme") != "never" : fields.Flag("add_prefix_space", true);
    const std::string replacement = fields.Text("replacement");
    if (replacement.empty()) Fail(ErrorCode::kCorrupt, "{}: Metaspace replaces nothing", where);
    steps.push_back(std::make_unique<MetaspaceDecoder>(replacement, drop));
  } else {
    FailUnknownComponent(where, "decoder", type, kKnown);
  }
}

}  // namespace

std::string Decoder::Decode(std::vector<std::string> tokens) const {
  for (const auto& step : steps) step->Apply(tokens);
  std::string out;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0 && join_with_spaces) out.push_back(' ');
    out += tokens[i];
  }
  return ReplaceInvalidUtf8(out);
}

Decoder DecoderFromJson(const Json& value, std::string_view where) {
  Decoder decoder;
  if (value.is_null()) {
    decoder.join_with_spaces = true;
  } else {
    AddSteps(value, where, 0, decoder);
  }
  return decoder;
}

Decoder MakeByteLevelDecoder() {
  Decoder decoder;
  decoder.steps.push_back(std::make_unique<ByteLevelDecoder>());
  return decoder;
}

Decoder MakeSentencePieceDecoder(bool replace_metaspace, bool strip_space) {
  Decoder decoder;
  if (replace_metaspace) {
    decoder.steps.push_back(
        std::make_unique<ReplaceDecoder>(PatternField{false, kMetaspace}, " ", ""));
  }
  decoder.steps.push_back(std::make_unique<ByteFallbackDecoder>());
  decoder.steps.push_back(std::make_unique<FuseDecoder>());
  if (strip_space) decoder.steps.push_back(std::make_unique<StripDecoder>(" ", 1, 0));
  return decoder;
}

}  // namespace tael
