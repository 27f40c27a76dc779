// PCRE2 behind the Regex class: options, budgets, and errors instead of wrong answers.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "text/regex.h"

#include <pcre2.h>

#include "base/error.h"

namespace tael {
namespace {

// Steps for one match; far above what any tokenizer's pattern needs on sane text.
constexpr uint32_t kMatchLimit = 10'000'000;
constexpr uint32_t kHeapKilobytes = 256 * 1024;
constexpr size_t kMaxPatternBytes = 64 * 1024;

struct FreeCode {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
};
struct FreeContext {
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
};
struct FreeMatch {
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

std::string ErrorText(int code) {
  PCRE2_UCHAR buffer[256] = {};
  pcre2_get_error_message(code, buffer, sizeof(buffer));
  return reinterpret_cast<const char*>(buffer);
}

pcre2_code* Compile(std::string_view pattern, int* error, PCRE2_SIZE* offset) {
  // MULTILINE: in the dialect of tokenizer.json, ^ and $ match at every line.
  constexpr uint32_t kOptions = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C;
  return pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), kOptions,
                       error, offset, nullptr);
}

// Refuses what means something else in the dialect of tokenizer.json (Oniguruma) than in PCRE2:
// intersections and sets inside a bracket, and \h.
void CheckDialect(std::string_view pattern, std::string_view where) {
  bool in_class = false;
  for (size_t i = 0; i < pattern.size(); ++i) {
    const std::string_view rest = pattern.substr(i);
    const bool foreign = rest.starts_with("\\h") || rest.starts_with("\\H") ||
                         (in_class && rest.starts_with("&&")) ||
                         (in_class && rest[0] == '[' && !rest.starts_with("[:"));
    if (foreign) {
      Fail(ErrorCode::kUnsupported, "{}: '{}' in the regular expression '{}' is not implemented",
           where, rest.substr(0, 2), pattern.substr(0, 200));
    }
    if (rest[0] == '\\') {
      ++i;
    } else if (rest[0] == '[' && !in_class) {
      in_class = true;
      if (rest.size() > 1 && rest[1] == '^') ++i;
      if (i + 1 < pattern.size() && pattern[i + 1] == ']') ++i;  // a bracket in front is plain
    } else if (rest.starts_with("[:")) {
      const size_t end = rest.find(":]");
      if (end != std::string_view::npos) i += end + 1;
    } else if (rest[0] == ']') {
      in_class = false;
    }
  }
}

// Spells out what PCRE2 understands otherwise: \p{Han} (there the script extensions, elsewhere the
// script) and \s (there with U+180E, elsewhere the property White_Space).
std::string Translate(std::string_view pattern) {
  std::string out;
  for (size_t i = 0; i < pattern.size(); ++i) {
    out.push_back(pattern[i]);
    if (pattern[i] != '\\' || i + 1 == pattern.size()) continue;
    out.push_back(pattern[++i]);
    if (pattern[i] == 's' || pattern[i] == 'S') {
      out.back() = pattern[i] == 's' ? 'p' : 'P';
      out += "{White_Space}";
    }
    if ((pattern[i] != 'p' && pattern[i] != 'P') || pattern.substr(i + 1, 1) != "{") continue;
    const size_t end = std::min(pattern.find('}', i), pattern.size());
    const std::string_view name = pattern.substr(i + 2, end - i - 2);
    const std::string script = "\\p{sc:" + std::string(name) + "}";
    int error = 0;
    PCRE2_SIZE offset = 0;
    const std::unique_ptr<pcre2_code, FreeCode> code(
        name.size() < 3 ? nullptr : Compile(script, &error, &offset));
    if (code) {
      out += "{sc:";
      ++i;
    }
  }
  return out;
}

}  // namespace

struct Regex::Impl {
  std::string pattern;
  std::unique_ptr<pcre2_code, FreeCode> code;
  std::unique_ptr<pcre2_match_context, FreeContext> context;
};

Regex::Regex(std::string_view pattern, std::string_view where) : impl_(std::make_unique<Impl>()) {
  if (pattern.size() > kMaxPatternBytes) {
    Fail(ErrorCode::kUnsupported, "{}: a regular expression of {} bytes; at most {} are accepted",
         where, pattern.size(), kMaxPatternBytes);
  }
  impl_->pattern = pattern;
  int error = 0;
  PCRE2_SIZE offset = 0;
  CheckDialect(pattern, where);
  impl_->code.reset(Compile(Translate(pattern), &error, &offset));
  if (!impl_->code) {
    Fail(ErrorCode::kUnsupported, "{}: regular expression '{}' cannot be compiled at byte {}: {}",
         where, pattern.substr(0, 200), offset, ErrorText(error));
  }
  // Interpreted, not compiled to machine code: the interpreter keeps its stack on the heap, where
  // the limits below hold, and rewriting text to memory that can run would be a risk for little.
  impl_->context.reset(pcre2_match_context_create(nullptr));
  TAEL_CHECK(impl_->context != nullptr);
  pcre2_set_match_limit(impl_->context.get(), kMatchLimit);
  pcre2_set_heap_limit(impl_->context.get(), kHeapKilobytes);
}

Regex::~Regex() = default;
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;

std::pair<size_t, size_t> Regex::Find(std::string_view text, size_t from) const {
  const std::unique_ptr<pcre2_match_data, FreeMatch> data(pcre2_match_data_create(1, nullptr));
  TAEL_CHECK(data != nullptr);
  const int status =
      pcre2_match(impl_->code.get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                  PCRE2_NO_UTF_CHECK | PCRE2_NOTEMPTY, data.get(), impl_->context.get());
  if (status == PCRE2_ERROR_NOMATCH) return {std::string_view::npos, std::string_view::npos};
  if (status < 0) {
    Fail(ErrorCode::kExhausted, "regular expression '{}' on a text of {} bytes: {}",
         impl_->pattern.substr(0, 100), text.size(), ErrorText(status));
  }
  const PCRE2_SIZE* ends = pcre2_get_ovector_pointer(data.get());
  // \K in a lookahead may put the begin after the end: treat as malformed rather than loop.
  if (ends[0] < from || ends[1] <= ends[0]) {
    Fail(ErrorCode::kUnsupported, "regular expression '{}' matches backwards",
         impl_->pattern.substr(0, 100));
  }
  return {ends[0], ends[1]};
}

}  // namespace tael
