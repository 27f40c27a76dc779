#include "app/environment.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "base/file.h"

namespace tael {
namespace {

std::string XdgDirectory(const char* variable, const char* below_home) {
  const auto base = EnvironmentVariable(variable);
  return JoinPath(base ? *base : JoinPath(HomeDirectory(), below_home), "tael");
}

}  // namespace

std::optional<std::string> EnvironmentVariable(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return value;
}

std::string HomeDirectory() {
  if (const auto home = EnvironmentVariable("HOME")) return *home;
  const passwd* user = getpwuid(getuid());
  return user != nullptr && user->pw_dir != nullptr ? user->pw_dir : ".";
}

std::string ConfigDirectory() { return XdgDirectory("XDG_CONFIG_HOME", ".config"); }
std::string DataDirectory() { return XdgDirectory("XDG_DATA_HOME", ".local/share"); }
std::string StateDirectory() { return XdgDirectory("XDG_STATE_HOME", ".local/state"); }
std::string CacheDirectory() { return XdgDirectory("XDG_CACHE_HOME", ".cache"); }

}  // namespace tael
