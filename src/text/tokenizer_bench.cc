// Speed of encoding: MB per second of processor time of one tokenizer over text files.
//   tokenizer_bench TOKENIZER TEXT...   (files may be gzipped; each is encoded until 1 s has
//   passed, once as a whole and once line by line)
#include <fmt/core.h>

#include <algorithm>
#include <ctime>

#include "base/error.h"
#include "base/file.h"
#include "text/tokenizer.h"

namespace {

// Processor time, so that other programs do not count.
double Now() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

std::vector<std::string> Lines(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

void Measure(const tael::Tokenizer& tokenizer, const std::string& label,
             const std::vector<std::string>& texts) {
  double best = 1e9;
  size_t tokens = 0, bytes = 0;
  for (const std::string& text : texts) bytes += text.size();
  for (const double start = Now(); Now() - start < 1.0;) {
    const double begin = Now();
    tokens = 0;
    for (const std::string& text : texts) tokens += tokenizer.Encode(text, {}).size();
    best = std::min(best, Now() - begin);
  }
  fmt::print("{:40} {:8.2f} MB/s  {} bytes, {} tokens\n", label,
             static_cast<double>(bytes) / best / 1e6, bytes, tokens);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "usage: tokenizer_bench TOKENIZER TEXT...\n");
    return 2;
  }
  try {
    const double start = Now();
    const auto tokenizer = tael::Tokenizer::FromPath(argv[1]);
    fmt::print("{}: loaded in {:.0f} ms\n", tael::BaseName(argv[1]), (Now() - start) * 1e3);
    constexpr size_t kMaxBytes = 4 << 20;  // a part of a large file is enough
    for (int i = 2; i < argc; ++i) {
      const std::string text = tael::ReadMaybeGzip(argv[i]).substr(0, kMaxBytes);
      Measure(*tokenizer, tael::BaseName(argv[i]), {text});
      Measure(*tokenizer, "  line by line", Lines(text));
    }
  } catch (const tael::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
