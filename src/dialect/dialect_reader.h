// What the two kinds of dialects, tags and channels, have in common: they read symbols.
#pragma once

#include <string_view>
#include <vector>

#include "dialect/call_grammar.h"
#include "dialect/dialect_options.h"

namespace tael {

class DialectReader {
 public:
  DialectReader() = default;
  DialectReader(const DialectReader&) = delete;
  DialectReader& operator=(const DialectReader&) = delete;
  virtual ~DialectReader() = default;

  // What to look for before the next symbol.
  virtual const std::vector<Marker>& Markers() const = 0;
  // False: not taken, it is to come again, as other markers count now.
  virtual bool OnSymbol(const Symbol& symbol) = 0;
  // The text ended. `closing`: while its reasoning was being closed in the model's place.
  virtual void OnEnd(bool closing) = 0;
  // Whether `begun`, the beginning of a marker at the end of the text, is nobody's answer.
  virtual bool DropsAtEnd(std::string_view begun) const = 0;
  virtual bool reasoning() const = 0;
  virtual bool in_call() const = 0;
};

}  // namespace tael
