// Where answers end, however their text is cut into pieces.
#include "engine/stop_strings.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tael {
namespace {

// The shown text with pieces of `size` bytes; "|" marks that a stop string was found.
std::string Shown(const std::vector<std::string>& strings, const std::string& text, size_t size) {
  StopStrings stops(strings);
  std::string shown;
  for (size_t i = 0; i < text.size(); i += size) {
    shown += stops.Push(std::string_view(text).substr(i, size));
  }
  shown += stops.Finish();
  return shown + (stops.found() ? "|" : "");
}

TEST(StopStrings, CutTheTextBeforeTheFirstOneThatIsComplete) {
  const struct {
    std::vector<std::string> strings;
    std::string text, shown;
  } cases[] = {
      {{}, "abc", "abc"},
      {{"x"}, "abc", "abc"},
      {{"b"}, "abcb", "a|"},
      {{"abc"}, "abc", "|"},
      {{"abd"}, "abcab", "abcab"},
      {{"aab"}, "aaaab", "aa|"},     // the beginning starts anew inside itself
      {{"abc", "b"}, "abc", "a|"},   // "b" is complete first
      {{"c", "abc"}, "xabc", "x|"},  // complete at the same place: the longest
      {{"User:"}, "ok\nUser", "ok\nUser"},
      {{"\n\n", "###"}, "one\ntwo\n## three\n\nfour", "one\ntwo\n## three|"},
  };
  for (const auto& c : cases) {
    for (size_t size = 1; size <= 7; ++size)
      EXPECT_EQ(Shown(c.strings, c.text, size), c.shown) << size;
  }
}

TEST(StopStrings, HoldBackOnlyWhatMayBecomeOne) {
  StopStrings stops({"<end>", "<eof>"});
  EXPECT_EQ(stops.Push("a<e"), "a");
  EXPECT_EQ(stops.Push("o"), "");
  EXPECT_EQ(stops.Push("x<"), "<eox");
  EXPECT_EQ(stops.Push("end> more"), "");
  EXPECT_TRUE(stops.found());
  EXPECT_EQ(stops.Push("more"), "");
  EXPECT_EQ(stops.Finish(), "");
  EXPECT_THROW(StopStrings({"a", ""}), Error);
}

}  // namespace
}  // namespace tael
