// Comparison of a tokenizer with golden ids of a corpus; used for tokenizer goldens and for the
// token file of a real model.
#pragma once

#include <string>
#include <unordered_map>

#include "app/verify/golden.h"
#include "text/tokenizer.h"

namespace tael {

using Corpus = std::unordered_map<int64_t, std::string>;  // index -> text

// Reads corpus.jsonl(.gz): {"i", "t"} a line. Throws kCorrupt.
Corpus ReadCorpus(const std::string& path);

// Compares every line [i, ids, raw?, decoded?, alt?] of `golden_path`; fills error (wrong cases)
// and detail (the first ones).
void CompareTokens(VerifyRow& row, const std::string& golden_path, const Corpus& corpus,
                   const Tokenizer& tokenizer);

}  // namespace tael
