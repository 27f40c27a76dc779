// Scanners against the regular expression engine: the same pieces for every text.
#include "text/scanner.h"

#include <gtest/gtest.h>

#include <random>

#include "base/file.h"
#include "base/json.h"
#include "base/utf8.h"
#include "tests/support/shared_data.h"
#include "text/regex.h"

namespace tael {
namespace {

std::vector<std::string> Texts(std::string_view text, const std::vector<Piece>& pieces) {
  std::vector<std::string> out;
  for (const Piece piece : pieces) out.emplace_back(PieceText(text, piece));
  return out;
}

std::vector<std::string> ByRegex(const Regex& regex, std::string_view text) {
  std::vector<std::string> out;
  size_t done = 0;
  for (auto match = regex.Find(text, 0); match.first != std::string_view::npos;
       match = regex.Find(text, done)) {
    if (match.first > done) out.emplace_back(text.substr(done, match.first - done));
    out.emplace_back(text.substr(match.first, match.second - match.first));
    done = match.second;
    if (done >= text.size()) break;
  }
  if (done < text.size()) out.emplace_back(text.substr(done));
  return out;
}

void CheckAll(const std::string& text) {
  static const std::vector<std::pair<SplitFunction, std::unique_ptr<Regex>>> all = [] {
    std::vector<std::pair<SplitFunction, std::unique_ptr<Regex>>> list;
    for (const std::string_view pattern : ScannerPatterns()) {
      bool covers = false;
      list.emplace_back(FindScanner(pattern, &covers), std::make_unique<Regex>(pattern, "test"));
    }
    return list;
  }();
  for (size_t i = 0; i < all.size(); ++i) {
    std::vector<Piece> pieces;
    all[i].first(text, {0, static_cast<uint32_t>(text.size())}, pieces);
    ASSERT_EQ(Texts(text, pieces), ByRegex(*all[i].second, text))
        << ScannerPatterns()[i] << "\n"
        << DumpJson(Json(text.substr(0, 300)));
  }
}

TEST(Scanner, EqualsTheRegexOnHandPickedText) {
  for (const char* text : {"",
                           " ",
                           "  ",
                           "a",
                           "It's WE'LL 'S 'ſ don't",
                           "  x\n\n  y \r\n",
                           "x   ",
                           "\t\tif (a) {\n",
                           "ABCdef GHI ǅx ʰʰ ªa",
                           "1234567 ١٢٣ Ⅷ½",
                           "e\u0301\u0301 \u0301\u0301x",
                           "你好，世界 中a国",
                           "a\u00A0b\u3000\u3000c\u2028",
                           "//\n/ path/to/\n\n",
                           "!a !1 !! a!b",
                           "\x01\x02 a\x03",
                           "'",
                           "'l",
                           "'r\u00e9",
                           "''ll",
                           "⺀⺀ 〇一",
                           "ｶﾀカナひら",
                           "\U0001F600\U0001F468\u200D\U0001F469"}) {
    CheckAll(text);
  }
}

TEST(Scanner, EqualsTheRegexOnTheHostileCorpus) {
  const auto path = SharedPath("assets/tokenizers/corpus.jsonl.gz");
  if (!path) GTEST_SKIP() << "shared data not found (corpus.jsonl.gz)";
  const std::string lines = ReadMaybeGzip(*path);
  const Regex unassigned("\\p{Cn}", "test");
  int left_out = 0;
  for (size_t begin = 0; begin < lines.size();) {
    const size_t end = std::min(lines.find('\n', begin), lines.size());
    const Json row = ParseJson(lines.substr(begin, end - begin), *path);
    const std::string& text = row.Find("t")->as_string();
    // PCRE2 10.42 knows Unicode 14: texts with characters it has not heard of do not compare.
    if (unassigned.Find(text, 0).first == std::string::npos) {
      CheckAll(text);
    } else {
      ++left_out;
    }
    if (HasFailure()) return;
    begin = end + 1;
  }
  EXPECT_LT(left_out, 40);
}

TEST(Scanner, EqualsTheRegexOnRandomMixtures) {
  const char32_t alphabet[] = {
      U' ',  U' ',  U'\n',  U'\r',  U'\t', 0xA0,    0x3000, U'a',   U'S',   U't',  U'L',   U'l',
      U'\'', U'\'', 0x17F,  0x1C5,  0x2B0, 0x4E00,  0x3042, 0x301,  U'1',   0x661, 0x2160, U'!',
      U'/',  U'+',  0x20AC, 0x200D, 1,     0x1F600, 0x3007, 0x2E80, 0xE000, 0x378};
  std::mt19937 random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (unsigned i = random() % 14; i > 0; --i) {
      AppendUtf8(alphabet[random() % std::size(alphabet)], text);
    }
    CheckAll(text);
  }
}

TEST(Regex, ALimitIsAnErrorAndNotAWrongAnswer) {
  const Regex regex("(a+)+b|c", "test");
  EXPECT_THROW(regex.Find(std::string(5000, 'a'), 0), std::exception);
}

}  // namespace
}  // namespace tael
