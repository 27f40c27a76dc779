#include "app/terminal.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "app/environment.h"
#include "base/error.h"

namespace tael {
namespace {

const char* EscapeCode(Style style) {
  switch (style) {
    case Style::kPlain:
      return "";
    case Style::kBold:
      return "\x1b[1m";
    case Style::kDim:
      return "\x1b[2m";
    case Style::kRed:
      return "\x1b[31m";
    case Style::kGreen:
      return "\x1b[32m";
    case Style::kYellow:
      return "\x1b[33m";
  }
  return "";
}

size_t CodePoints(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string Scaled(double value, double step, const std::vector<const char*>& units) {
  size_t unit = 0;
  while (value >= step && unit + 1 < units.size()) value /= step, ++unit;
  return unit == 0 ? fmt::format("{:.0f} {}", value, units[0])
                   : fmt::format("{:.1f} {}", value, units[unit]);
}

}  // namespace

bool StdoutIsTerminal() { return isatty(STDOUT_FILENO) != 0; }
bool StderrIsTerminal() { return isatty(STDERR_FILENO) != 0; }
bool StdinIsTerminal() { return isatty(STDIN_FILENO) != 0; }

std::string Styled(Style style, std::string_view text, bool to_stderr) {
  const bool terminal = to_stderr ? StderrIsTerminal() : StdoutIsTerminal();
  if (style == Style::kPlain || !terminal || EnvironmentVariable("NO_COLOR")) {
    return std::string(text);
  }
  return fmt::format("{}{}\x1b[0m", EscapeCode(style), text);
}

void PrintOut(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }
void PrintError(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

void FlushOut() {
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    Fail(ErrorCode::kUnavailable, "standard output: the text could not be written: {}",
         std::strerror(errno));
  }
}

std::string HumanBytes(int64_t bytes) {
  return Scaled(static_cast<double>(bytes), 1024, {"B", "KiB", "MiB", "GiB", "TiB"});
}

std::string HumanCount(int64_t count) {
  return Scaled(static_cast<double>(count), 1000, {"", "K", "M", "B", "T"});
}

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    if (row.size() > widths.size()) widths.resize(row.size(), 0);
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], CodePoints(row[i]));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      line += row[i] + std::string(widths[i] - CodePoints(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

Progress::Progress(std::string label, int64_t total)
    : label_(std::move(label)),
      total_(total),
      start_(std::chrono::steady_clock::now()),
      last_(start_) {}

Progress::~Progress() { Finish(); }

void Progress::Finish() {
  if (shown_) PrintError("\r\x1b[K");
  shown_ = false;
}

void Progress::Update(int64_t done) {
  using std::chrono::milliseconds;
  const auto now = std::chrono::steady_clock::now();
  if (!StderrIsTerminal() || now - start_ < milliseconds(1000) || now - last_ < milliseconds(100)) {
    return;
  }
  last_ = now;
  shown_ = true;
  if (total_ <= 0) {
    PrintError(fmt::format("\r\x1b[K{} ...", label_));
    return;
  }
  const double share =
      total_ > 0 ? std::clamp(static_cast<double>(done) / static_cast<double>(total_), 0.0, 1.0)
                 : 0;
  constexpr int kWidth = 28;
  const int filled = static_cast<int>(share * kWidth);
  const std::string bar = std::string(static_cast<size_t>(filled), '#') +
                          std::string(static_cast<size_t>(kWidth - filled), '.');
  PrintError(fmt::format("\r\x1b[K{} [{}] {:3.0f} %", label_, bar, share * 100));
}

}  // namespace tael
