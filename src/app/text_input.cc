#include "app/text_input.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/file.h"

namespace tael {

std::string ReadStdin() {
  constexpr size_t kMaxBytes = size_t{1} << 30;
  std::string text;
  std::array<char, 1 << 16> buffer;
  while (true) {
    const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
    if (got == 0) return text;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) Fail(ErrorCode::kUnavailable, "standard input: {}", std::strerror(errno));
    text.append(buffer.data(), static_cast<size_t>(got));
    if (text.size() > kMaxBytes) {
      Fail(ErrorCode::kExhausted, "standard input: more than {} bytes", kMaxBytes);
    }
  }
}

std::string ReadFileOrStdin(const std::string& path) {
  return path == "-" ? ReadStdin() : ReadFile(path);
}

Json ChatMessage(std::string_view role, std::string_view content) {
  Json message = JsonObject{};
  message.Set("role", role);
  message.Set("content", content);
  return message;
}

}  // namespace tael
