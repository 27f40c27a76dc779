// Suggestions for mistyped names.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tael {

// Candidates close to `word` (edit distance at most a third of its length, at least 2; or one
// contains the other), best first, at most `limit`.
std::vector<std::string> NearNames(std::string_view word,
                                   const std::vector<std::string>& candidates, size_t limit = 3);

// " Did you mean 'a' or 'b'?" or "" when nothing is near.
std::string DidYouMean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace tael
