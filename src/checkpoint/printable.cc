// Names from untrusted files for messages: no control characters, no invalid UTF-8, short.
#include "checkpoint/printable.h"

#include "base/utf8.h"

namespace tael {

std::string Printable(std::string_view text) {
  constexpr size_t kLongest = 80;
  const bool cut = text.size() > kLongest;
  std::string_view head = text.substr(0, kLongest);
  if (cut) head.remove_suffix(static_cast<size_t>(IncompleteUtf8Suffix(head)));
  std::string shown = ReplaceInvalidUtf8(head);
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  if (cut) shown += "...";
  return shown;
}

}  // namespace tael
