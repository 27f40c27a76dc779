// Reads the files of a tar archive held in memory (plain, GNU and pax long names), for test data.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include "base/file.h"

namespace tael {

// Name (without a leading "./") to content of every regular file. Throws std::runtime_error.
inline std::map<std::string, std::string> ReadTar(std::string_view archive) {
  constexpr size_t kBlock = 512;
  std::map<std::string, std::string> files;
  std::string long_name;
  for (size_t at = 0; at + kBlock <= archive.size();) {
    const std::string_view header = archive.substr(at, kBlock);
    if (header[0] == '\0') break;  // the end mark
    const std::string octal(header.substr(124, 12));
    const auto size = static_cast<size_t>(std::strtoull(octal.c_str(), nullptr, 8));
    at += kBlock;
    if (size > archive.size() - at) throw std::runtime_error("tar archive is cut short");
    const std::string_view content = archive.substr(at, size);
    at += (size + kBlock - 1) / kBlock * kBlock;
    const char type = header[156];
    std::string name = long_name.empty() ? std::string(header.substr(0, 100).data()) : long_name;
    name.resize(std::min(name.size(), long_name.empty() ? size_t{100} : name.size()));
    long_name.clear();
    if (type == 'L') {
      long_name = std::string(content.substr(0, content.find('\0')));
    } else if (type == 'x') {  // pax: lines "LENGTH key=value"
      const size_t path = content.find(" path=");
      if (path == std::string_view::npos) continue;
      const std::string_view value = content.substr(path + 6);
      long_name = std::string(value.substr(0, value.find('\n')));
    } else if (type == '0' || type == '\0') {
      if (name.starts_with("./")) name.erase(0, 2);
      files[name] = std::string(content);
    }
  }
  return files;
}

// The same for a .tar.gz file on disk.
inline std::map<std::string, std::string> ReadTarGz(const std::string& path) {
  return ReadTar(Gunzip(ReadFile(path), path, int64_t{1} << 30));
}

}  // namespace tael
