// Ends an answer at the first of some texts, and shows nothing that may be the beginning of one.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tael {

// The answer ends where one of the strings is complete for the first time; of several complete
// there, the longest counts. How the text is cut into pieces makes no difference. Not thread-safe.
class StopStrings {
 public:
  // Throws kInvalidArgument for an empty string. Without strings everything passes.
  explicit StopStrings(std::vector<std::string> strings);

  // The next piece of the answer; gives what can be shown. Nothing more once a string was found.
  std::string Push(std::string_view piece);
  // What was held back, when the answer ended otherwise; nothing when a string was found.
  std::string Finish();

  bool found() const { return found_; }
  const std::string& found_string() const { return found_string_; }  // "" = none was found

 private:
  std::vector<std::string> strings_;
  std::string held_;
  std::string found_string_;
  bool found_ = false;
};

}  // namespace tael
