#include "net/http_target.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/utf8.h"
#include "net/http_text.h"

namespace tael {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = LowerAscii(c);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The value at the front of `text`, a word or a quoted text, which is taken off. None when there is
// neither.
std::optional<std::string> TakeValue(std::string_view* text) {
  std::string value;
  if (!text->starts_with('"')) {
    const size_t end = std::min(text->find_first_of("; \t"), text->size());
    value = text->substr(0, end);
    text->remove_prefix(end);
    return IsToken(value) ? std::optional(value) : std::nullopt;
  }
  for (size_t i = 1; i < text->size(); ++i) {
    if ((*text)[i] == '"') {
      text->remove_prefix(i + 1);
      return value;
    }
    if ((*text)[i] == '\\' && ++i == text->size()) break;
    value += (*text)[i];
  }
  return std::nullopt;  // the quote does not end
}

template <typename Pairs>
const std::string* FindValue(const Pairs& pairs, std::string_view name) {
  for (const auto& [key, value] : pairs) {
    if (key == name) return &value;
  }
  return nullptr;
}

}  // namespace

std::string PercentDecoded(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : HexDigit(text[i + 2]);
    if (low < 0) throw HttpError(400, "target: '%' needs two hex digits behind it");
    decoded += static_cast<char>(high * 16 + low);
    i += 2;
  }
  if (decoded.find('\0') != std::string::npos) throw HttpError(400, "target: holds a NUL");
  if (!IsValidUtf8(decoded)) throw HttpError(400, "target: no UTF-8");
  return decoded;
}

std::vector<std::pair<std::string, std::string>> ParseQuery(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> found;
  while (!query.empty()) {
    const std::string_view part = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(part.size() + 1, query.size()));
    if (part.empty()) continue;
    std::string text(part);
    std::replace(text.begin(), text.end(), '+', ' ');
    const size_t equals = std::min(text.find('='), text.size());
    std::string name = PercentDecoded(std::string_view(text).substr(0, equals));
    if (FindValue(found, name) != nullptr) {
      throw HttpError(400, fmt::format("query: '{}' comes twice", name));
    }
    std::string value;
    if (equals < text.size()) value = PercentDecoded(std::string_view(text).substr(equals + 1));
    found.emplace_back(std::move(name), std::move(value));
  }
  return found;
}

const std::string* MediaType::Find(std::string_view name) const {
  return FindValue(parameters, name);
}

std::optional<MediaType> ParseMediaType(std::string_view value) {
  value = Trimmed(value);
  MediaType found;
  std::string_view rest = value;
  const std::string_view type = Trimmed(value.substr(0, value.find(';')));
  const size_t slash = type.find('/');
  if (slash == std::string_view::npos || !IsToken(type.substr(0, slash)) ||
      !IsToken(type.substr(slash + 1))) {
    return std::nullopt;
  }
  found.type = LowerAscii(type);
  rest.remove_prefix(std::min(value.find(';'), value.size()));
  while (!rest.empty()) {
    if (!rest.starts_with(';')) return std::nullopt;
    rest = Trimmed(rest.substr(1));
    if (rest.empty() || rest.starts_with(';')) continue;  // allowed: nothing between two of them
    const size_t equals = rest.find('=');
    if (equals == std::string_view::npos || !IsToken(rest.substr(0, equals))) return std::nullopt;
    std::string name = LowerAscii(rest.substr(0, equals));
    rest.remove_prefix(equals + 1);
    auto parameter = TakeValue(&rest);
    if (!parameter || found.Find(name) != nullptr) return std::nullopt;
    found.parameters.emplace_back(std::move(name), std::move(*parameter));
    rest = Trimmed(rest);
  }
  return found;
}

bool IsJson(const MediaType& type) {
  const std::string* charset = type.Find("charset");
  if (charset != nullptr && !SameWord(*charset, "utf-8") && !SameWord(*charset, "utf8")) {
    return false;
  }
  return type.type == "application/json" ||
         (type.type.starts_with("application/") && type.type.ends_with("+json"));
}

}  // namespace tael
