// Speed of encoding: MB per second of processor time of one tokenizer over text files.
//   tokenizer_bench TOKENIZER TEXT...   (files may be gzipped; each is encoded until 1 s has
//   passed)
#include <fmt/core.h>

#include <algorithm>
#include <ctime>

#include "base/error.h"
#include "base/file.h"
#include "text/tokenizer.h"

namespace {

// Processor time, so that other programs do not count.
double Now() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void Measure(const tael::Tokenizer& tokenizer, const std::string& path) {
  constexpr size_t kMaxBytes = 4 << 20;  // a part of a large file is enough
  std::string text = tael::ReadMaybeGzip(path).substr(0, kMaxBytes);
  double best = 1e9;
  size_t tokens = 0;
  for (const double start = Now(); Now() - start < 1.0;) {
    const double begin = Now();
    tokens = tokenizer.Encode(text, {}).size();
    best = std::min(best, Now() - begin);
  }
  fmt::print("{:40} {:8.2f} MB/s  {} bytes, {} tokens\n", tael::BaseName(path),
             static_cast<double>(text.size()) / best / 1e6, text.size(), tokens);
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
    for (int i = 2; i < argc; ++i) Measure(*tokenizer, argv[i]);
  } catch (const tael::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
