// Filters on strings that change no layout: case, trim, replace, join, json, format.
#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"
#include "text/jinja/string_ops.h"

namespace tael::jinja {
namespace {

const String* Soft(Interpreter& in, const Value& value) { return ToStr(in.heap(), value); }

template <CaseMode kMode>
Value FilterCase(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("the filter", args, {});
  return Value::Str(ChangeCase(in.heap(), *Soft(in, self), kMode));
}

Value FilterTitleCase(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("title", args, {});
  return Value::Str(FilterTitle(in.heap(), *Soft(in, self)));
}

Value FilterTrim(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("trim", args, {"chars"});
  const String* chars = p.IsNoneOrMissing(0) ? nullptr : p.Text(0);
  return Value::Str(Strip(in.heap(), *Soft(in, self), chars, true, true));
}

Value FilterReplace(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("replace", args, {"old", "new", "count"}, 2);
  const int64_t count = p.IsNoneOrMissing(2) ? -1 : p.Int(2, -1);
  return Value::Str(
      ReplaceText(in.heap(), *Soft(in, self), *Soft(in, p[0]), *Soft(in, p[1]), count));
}

Value FilterString(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("string", args, {});
  return Value::Str(Soft(in, self));
}

Value FilterSafe(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("safe", args, {});
  String* text = in.heap().New<String>(*Soft(in, self));
  text->markup = true;
  return Value::Str(text);
}

Value FilterFormat(Interpreter& in, const Value& self, const Args& args) {
  if (!args.positional.empty() && !args.named.empty()) {
    RaiseType("format takes positional or named arguments, not both");
  }
  Value values;
  if (!args.named.empty()) {
    Dict* dict = in.heap().New<Dict>(in.heap());
    for (const NamedArg& named : args.named) {
      dict->Set(in.heap(), Value::Str(named.name), named.value);
    }
    values = Value::OfDict(dict);
  } else {
    List* list = NewList(in);
    list->items.assign(args.positional.begin(), args.positional.end());
    values = Value::OfList(list, Kind::kTuple);
  }
  return Value::Str(FormatPercent(in, *Soft(in, self), values));
}

const String* JsonIndent(Interpreter& in, const Value& value) {
  if (value.missing() || value.Is(Kind::kNone)) return nullptr;
  if (value.is_string()) return value.string;
  if (!value.is_integral()) RaiseType("indent must be an integer or a string");
  TextBuilder builder(in.heap());
  builder.AppendSpaces(value.as_int());
  return builder.Finish();
}

// json.dumps as Hugging Face's templates see it: nothing is escaped for HTML.
Value FilterToJson(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("tojson", args, {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ascii = p.Bool(0, false);
  style.indent = JsonIndent(in, p[1]);
  style.sort_keys = p.Bool(3, false);
  style.item_separator = CopyString(in.heap(), style.indent != nullptr ? "," : ", ");
  style.key_separator = CopyString(in.heap(), ": ");
  if (!p.IsNoneOrMissing(2)) {
    const Vector<Value> pair = ToItems(in.heap(), p[2]);
    if (pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string()) {
      RaiseType("separators must be a pair of strings");
    }
    style.item_separator = pair[0].string;
    style.key_separator = pair[1].string;
  }
  TextBuilder builder(in.heap());
  PrintJson(builder, in.heap(), self, style);
  return Value::Str(builder.Finish());
}

Value FilterPprint(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("pprint", args, {});
  TextBuilder builder(in.heap());
  PrintRepr(builder, in.heap(), self);
  if (builder.text().size() > 79) {
    Raise(ErrorCode::kUnsupported, "pprint of a value that needs more than one line");
  }
  return Value::Str(builder.Finish());
}

constexpr NativeEntry kEntries[] = {
    {"upper", &FilterCase<CaseMode::kUpper>},
    {"lower", &FilterCase<CaseMode::kLower>},
    {"capitalize", &FilterCase<CaseMode::kCapitalize>},
    {"title", &FilterTitleCase},
    {"trim", &FilterTrim},
    {"replace", &FilterReplace},
    {"string", &FilterString},
    {"safe", &FilterSafe},
    {"format", &FilterFormat},
    {"tojson", &FilterToJson},
    {"pprint", &FilterPprint},
};

}  // namespace

std::span<const NativeEntry> TextFilters() { return kEntries; }

}  // namespace tael::jinja
