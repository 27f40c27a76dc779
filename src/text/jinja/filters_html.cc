// Filters for markup and addresses: escape, striptags, urlencode, xmlattr.
#include "base/utf8.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"
#include "text/jinja/string_ops.h"

namespace tael::jinja {
namespace {

constexpr std::string_view kEscaped = "&<>'\"";
constexpr std::string_view kEntities[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};

const String* ForceEscape(Heap& heap, const String& text) {
  TextBuilder builder(heap);
  size_t plain = 0;
  for (size_t pos = 0; pos < text.text.size(); ++pos) {
    const size_t which = kEscaped.find(text.text[pos]);
    if (which == std::string_view::npos) continue;
    builder.AppendRange(text, plain, pos);
    builder.Append(kEntities[which], text.TrustedAt(pos));
    plain = pos + 1;
  }
  builder.AppendRange(text, plain, text.text.size());
  return builder.Finish(/*markup=*/true);
}

}  // namespace

const String* EscapeHtml(Heap& heap, const String& text) {
  return text.markup ? &text : ForceEscape(heap, text);
}

namespace {

Value FilterEscape(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("escape", args, {});
  return Value::Str(EscapeHtml(in.heap(), *ToStr(in.heap(), self)));
}

Value FilterForceEscape(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("forceescape", args, {});
  return Value::Str(ForceEscape(in.heap(), *ToStr(in.heap(), self)));
}

// Replaces the five entities that escaping makes.
const String* Unescape(Heap& heap, const String& text) {
  TextBuilder builder(heap);
  size_t plain = 0;
  for (size_t pos = 0; pos < text.text.size(); ++pos) {
    for (size_t which = 0; which < std::size(kEntities); ++which) {
      if (text.text.substr(pos, kEntities[which].size()) != kEntities[which]) continue;
      builder.AppendRange(text, plain, pos);
      builder.Append(kEscaped.substr(which, 1), text.TrustedAt(pos));
      pos += kEntities[which].size() - 1;
      plain = pos + 1;
      break;
    }
  }
  builder.AppendRange(text, plain, text.text.size());
  return builder.Finish();
}

// Without comments and tags, with white space collapsed.
Value FilterStripTags(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("striptags", args, {});
  Heap& heap = in.heap();
  const String& text = *ToStr(heap, self);
  TextBuilder builder(heap);
  for (size_t pos = 0; pos < text.text.size();) {
    const size_t open = std::min(text.text.find('<', pos), text.text.size());
    builder.AppendRange(text, pos, open);
    if (open == text.text.size()) break;
    const bool comment = text.text.substr(open, 4) == "<!--";
    const size_t close = comment ? FindText(text.text, "-->", open) : text.text.find('>', open);
    if (close == std::string_view::npos) {
      builder.AppendRange(text, open, text.text.size());
      break;
    }
    pos = close + (comment ? 3 : 1);
  }
  const String blank{.text = " "};
  const List* words = Split(heap, *builder.Finish(), nullptr, -1);
  return Value::Str(Unescape(heap, *Join(heap, words->items, blank)));
}

// In a query a slash is encoded and a blank is a plus sign.
void AppendUrl(TextBuilder& out, const String& text, bool is_query) {
  for (size_t pos = 0; pos < text.text.size(); ++pos) {
    const char c = text.text[pos];
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("_.-~").find(c) != std::string_view::npos ||
                       (c == '/' && !is_query);
    if (plain) {
      out.AppendRange(text, pos, pos + 1);
    } else if (c == ' ' && is_query) {
      out.Append("+", text.TrustedAt(pos));
    } else {
      out.Append(fmt::format("%{:02X}", static_cast<unsigned char>(c)), text.TrustedAt(pos));
    }
  }
}

Value FilterUrlencode(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("urlencode", args, {});
  Heap& heap = in.heap();
  TextBuilder builder(heap);
  if (self.is_string() ||
      !(self.Is(Kind::kDict) || self.is_sequence() || self.Is(Kind::kIterator))) {
    AppendUrl(builder, *ToStr(heap, self), /*is_query=*/false);
    return Value::Str(builder.Finish());
  }
  Vector<Value> pairs(&heap);
  if (self.Is(Kind::kDict)) {
    for (const auto& [key, value] : self.dict->entries) pairs.push_back(NewPair(in, key, value));
  } else {
    pairs = ToItems(heap, self);
  }
  for (size_t i = 0; i < pairs.size(); ++i) {
    const Vector<Value> pair = ToItems(heap, pairs[i]);
    if (pair.size() != 2) RaiseType("urlencode needs pairs");
    if (i > 0) builder.Append("&", true);
    AppendUrl(builder, *ToStr(heap, pair[0]), /*is_query=*/true);
    builder.Append("=", true);
    AppendUrl(builder, *ToStr(heap, pair[1]), /*is_query=*/true);
  }
  return Value::Str(builder.Finish());
}

Value FilterXmlAttr(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("xmlattr", args, {"autospace"});
  if (!self.Is(Kind::kDict)) RaiseType("xmlattr needs a mapping, not '{}'", TypeName(self));
  Heap& heap = in.heap();
  TextBuilder builder(heap);
  for (const auto& [key, value] : self.dict->entries) {
    if (value.Is(Kind::kNone) || value.Is(Kind::kUndefined)) continue;
    const String& name = *ToStr(heap, key);
    if (name.text.find_first_of(" \t\n\r\f\v/>=") != std::string_view::npos) {
      RaiseType("xmlattr: '{}' is no attribute name", name.text);
    }
    if (!builder.text().empty() || p.Bool(0, true)) builder.Append(" ", true);
    builder.Append(*EscapeHtml(heap, name));
    builder.Append("=\"", true);
    builder.Append(*EscapeHtml(heap, *ToStr(heap, value)));
    builder.Append("\"", true);
  }
  return Value::Str(builder.Finish());
}

Value FilterUrlize(Interpreter&, const Value&, const Args&) {
  Raise(ErrorCode::kUnsupported, "urlize: prompts are not HTML");
}

constexpr NativeEntry kEntries[] = {
    {"escape", &FilterEscape},           {"e", &FilterEscape},
    {"forceescape", &FilterForceEscape}, {"striptags", &FilterStripTags},
    {"urlencode", &FilterUrlencode},     {"xmlattr", &FilterXmlAttr},
    {"urlize", &FilterUrlize},
};

}  // namespace

std::span<const NativeEntry> HtmlFilters() { return kEntries; }

}  // namespace tael::jinja
