// What `tokenizer.ggml.pre` names stand for.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tael {

struct GgufPreTokenizer {
  std::vector<std::string_view> splits;  // regular expressions, applied one after the other
  bool ignore_merges = false;
  bool adds_bos = false;  // when tokenizer.ggml.add_bos_token is absent
  bool nfc = false;
  // Applied after the text was spelled in the byte alphabet (Falcon cuts digits there).
  std::vector<std::string_view> mapped_splits = {};
};

// Throws kUnsupported for an unknown name, listing the known ones.
GgufPreTokenizer FindGgufPreTokenizer(std::string_view name, std::string_view where);

// The other way round: a name that stands for these splits; "" when there is none. Spellings of the
// same expression count as equal.
std::string NameGgufPreTokenizer(const std::vector<std::string>& splits, bool ignore_merges,
                                 bool nfc);

}  // namespace tael
