// Lists of numbers on the command line: "-p 128,512", "-p 128 -p 512", or both.
#pragma once

#include <string>
#include <vector>

namespace tael {

// The numbers of every use of `option` in the order given, repeated ones once. Throws UsageError
// when one is no whole number from `least` to `most`, or when nothing stands between two commas.
std::vector<int> ParseCounts(const std::string& option, const std::vector<std::string>& uses,
                             int least, int most);

}  // namespace tael
