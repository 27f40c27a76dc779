#include "app/lost_file.h"

#include <unistd.h>

#include <csignal>
#include <string_view>

namespace tael {
namespace {

void OnBusError(int) {
  static constexpr std::string_view kMessage =
      "tael: error: a page of the model's file could not be read: the file became shorter, or its "
      "disk failed. Hint: replace a model file by renaming a new one over it\n";
  // Nothing else is safe here. What write() says does not matter any more.
  [[maybe_unused]] const ssize_t written = write(2, kMessage.data(), kMessage.size());
  _exit(1);
}

}  // namespace

void ReportLostFiles() {
  struct sigaction action{};
  action.sa_handler = &OnBusError;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, nullptr);
}

}  // namespace tael
