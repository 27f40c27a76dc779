#include "server/random_id.h"

#include <random>

namespace tael {

uint64_t RandomBits() {
  thread_local std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

std::string RandomLetters(size_t count) {
  constexpr char kLetters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr uint64_t kCount = sizeof kLetters - 1;
  thread_local std::random_device device;
  std::uniform_int_distribution<uint64_t> letter(0, kCount - 1);
  std::string text;
  while (text.size() < count) text += kLetters[letter(device)];
  return text;
}

std::string RandomCallId(bool short_form) {
  return short_form ? RandomLetters(9) : "call_" + RandomLetters(24);
}

}  // namespace tael
