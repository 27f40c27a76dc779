// Normal forms against the Unicode conformance file.
#include "text/unicode.h"

#include <gtest/gtest.h>

#include <sstream>

#include "base/file.h"
#include "base/utf8.h"
#include "tests/support/shared_data.h"

namespace tael::unicode {
namespace {

std::string Normal(std::string_view text, NormalForm form) {
  std::string out;
  AppendNormalized(text, form, out);
  EXPECT_TRUE(!IsNormalized(text, form) || out == text) << "quick check is wrong";
  return out;
}

std::string FromHex(const std::string& field) {
  std::istringstream words(field);
  std::string word, out;
  while (words >> word) AppendUtf8(static_cast<char32_t>(std::stoul(word, nullptr, 16)), out);
  return out;
}

TEST(Normalization, PassesTheConformanceFile) {
  const auto path = SharedPath("assets/unicode/NormalizationTest-15.0.0.txt.gz");
  if (!path) GTEST_SKIP() << "shared data not found (NormalizationTest-15.0.0.txt.gz)";
  std::istringstream lines(ReadMaybeGzip(*path));
  std::string line;
  int rows = 0;
  while (std::getline(lines, line)) {
    if (line.empty() || line[0] == '#' || line[0] == '@') continue;
    std::istringstream fields(line);
    std::string c[5], field;
    for (std::string& each : c) {
      std::getline(fields, field, ';');
      each = FromHex(field);
    }
    for (int i = 0; i < 5; ++i) {
      const std::string& canonical_nfc = i < 3 ? c[1] : c[3];
      const std::string& canonical_nfd = i < 3 ? c[2] : c[4];
      ASSERT_EQ(Normal(c[i], NormalForm::kNfc), canonical_nfc) << line;
      ASSERT_EQ(Normal(c[i], NormalForm::kNfd), canonical_nfd) << line;
      ASSERT_EQ(Normal(c[i], NormalForm::kNfkc), c[3]) << line;
      ASSERT_EQ(Normal(c[i], NormalForm::kNfkd), c[4]) << line;
    }
    ++rows;
  }
  EXPECT_GT(rows, 19000);
}

TEST(Normalization, ComposesHangulAndAccents) {
  EXPECT_EQ(Normal("e\u0301\u1112\u1161\u11ab", NormalForm::kNfc), "\u00e9\ud55c");
  EXPECT_EQ(Normal("\ufb01", NormalForm::kNfc), "\ufb01");
  EXPECT_EQ(Normal("\ufb01", NormalForm::kNfkc), "fi");
}

TEST(Normalization, AMegabyteOfMarksTakesNoQuadraticTime) {
  std::string marks = "a";
  while (marks.size() < (1u << 20)) marks += "\u0301\u0323";
  EXPECT_GT(Normal(marks, NormalForm::kNfc).size(), 1000u);
}

TEST(CharClass, KnowsTheClassesThePatternsUse) {
  EXPECT_TRUE(ClassOf(U'A') & kUpper);
  EXPECT_TRUE(ClassOf(0x01C5) & kTitle);
  EXPECT_TRUE(ClassOf(0x3000) & kSpace);
  EXPECT_TRUE(ClassOf(0x85) & kSpace);
  EXPECT_FALSE(ClassOf(0x200B) & kSpace);
  EXPECT_TRUE(ClassOf(0x4E2D) & kHan);
  EXPECT_TRUE(ClassOf(0x0661) & kNumber);
  EXPECT_TRUE(ClassOf(0x0301) & kMark);
  EXPECT_EQ(ClassOf(0x10FFFF), 0);
}

TEST(Lowercase, MapsEveryCharacterOnItsOwn) {
  std::string out;
  AppendLowercase("ÀΣİß", out);
  EXPECT_EQ(out, "àσi\u0307ß");
}

}  // namespace
}  // namespace tael::unicode
