// What is written to the terminal: colour, progress, tables, human-readable sizes.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tael {

bool StdoutIsTerminal();
bool StderrIsTerminal();
bool StdinIsTerminal();

// Colour is used on a terminal only, and never when NO_COLOR is set.
enum class Style { kPlain, kBold, kDim, kRed, kGreen, kYellow };
std::string Styled(Style style, std::string_view text, bool to_stderr = false);

void PrintOut(std::string_view text);    // to stdout, not flushed
void PrintError(std::string_view text);  // to stderr
// Flushes stdout. Throws kUnavailable when what was written could not be delivered.
void FlushOut();

std::string HumanBytes(int64_t bytes);  // "93.8 MiB"
std::string HumanCount(int64_t count);  // "134.5 M"

// Columns padded to their widest cell (in code points); the first row is the head.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

// A bar on stderr for work that takes longer than a second; nothing when stderr is no terminal.
class Progress {
 public:
  Progress(std::string label, int64_t total);  // total 0 = unknown
  ~Progress();                                 // clears the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void Update(int64_t done);
  void Finish();  // clears the line; Update() may show it again
  void SetLabel(std::string label) { label_ = std::move(label); }

 private:
  std::string label_;
  int64_t total_;
  std::chrono::steady_clock::time_point start_, last_;
  bool shown_ = false;
};

}  // namespace tael
