// The process's environment: the only place that reads environment variables.
#pragma once

#include <optional>
#include <string>

namespace tael {

// nullopt when unset or empty.
std::optional<std::string> EnvironmentVariable(const char* name);

std::string HomeDirectory();    // $HOME, else the user database, else "."
std::string ConfigDirectory();  // ${XDG_CONFIG_HOME:-~/.config}/tael
std::string DataDirectory();    // ${XDG_DATA_HOME:-~/.local/share}/tael
std::string StateDirectory();   // ${XDG_STATE_HOME:-~/.local/state}/tael
std::string CacheDirectory();   // ${XDG_CACHE_HOME:-~/.cache}/tael

}  // namespace tael
