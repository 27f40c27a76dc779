// llhttp's vectors (assets/conformance/http): what its strict parser refuses is refused here, what
// it accepts is accepted, but for the listed cases.
#include <gtest/gtest.h>

#include <set>

#include "base/file.h"
#include "net/http_request_reader.h"
#include "tests/support/shared_data.h"
#include "tests/support/tar.h"

namespace tael {
namespace {

// Accepted by llhttp and refused here.
const std::set<std::string> kRefused = {
    // No request of HTTP/1.
    "SOURCE request with ICE",
    "OPTIONS request with RTSP",
    "ANNOUNCE request with RTSP",
    "No HTTP version",
    // Methods that Beast does not know.
    "SOURCE request",
    "QUERY request",
    // Codings that nobody would undo.
    "POST with `chunked` as last transfer-encoding",
    "POST with `chunked` as last transfer-encoding (multiple headers)",
};
struct Vector {
  std::string name, input, log;
};

std::string Unescaped(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      if (text[i] == '\n') out += '\r';  // lines of a vector end in CR LF
      out += text[i];
      continue;
    }
    const char kind = text[++i];
    if (kind == '\n') continue;  // the line goes on
    if (kind == 'r') out += '\r';
    if (kind == 'n') out += '\n';
    if (kind == 't') out += '\t';
    if (kind == 'f') out += '\f';
    if (kind == 'x') {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    }
  }
  return out;
}

// What stands between the lines "```KIND" and "```" behind `from`.
std::string Block(const std::string& text, const std::string& kind, size_t from) {
  const size_t begin = text.find("```" + kind + "\n", from);
  if (begin == std::string::npos) return "";
  const size_t first = begin + kind.size() + 4;
  return text.substr(first, text.find("\n```", first) - first);
}

std::vector<Vector> VectorsOf(const std::string& text) {
  std::vector<Vector> found;
  const std::string meta = "<!-- meta={\"type\": \"request\"} -->";
  for (size_t at = text.find(meta); at != std::string::npos; at = text.find(meta, at + 1)) {
    const size_t title = text.rfind("\n#", at);
    const size_t name = text.find(' ', title) + 1;
    found.push_back({text.substr(name, text.find('\n', name) - name),
                     Unescaped(Block(text, "http", at)), Block(text, "log", at)});
  }
  return found;
}

// The vectors name no host, which HTTP/1.1 needs.
std::string WithHosts(std::string text) {
  const std::string version = " HTTP/1.1\r\n";
  for (size_t at = text.find(version); at != std::string::npos; at = text.find(version, at + 1)) {
    const size_t end = text.find("\r\n\r\n", at);
    const std::string head = text.substr(at, end - at);
    if (head.find("\r\nHost:") == std::string::npos &&
        head.find("\r\nHOST:") == std::string::npos) {
      text.insert(at + version.size(), "Host: x\r\n");
    }
  }
  return text;
}

// Requests that were read; -1 when something was refused.
int Count(const std::string& bytes, bool* refused) {
  HttpRequestReader reader{HttpSizes{}};
  int count = 0;
  *refused = false;
  try {
    reader.Feed(bytes);
    while (const auto request = reader.Take()) {
      ++count;
      if (!request->keep_alive) break;
    }
  } catch (const HttpError&) {
    *refused = true;
  }
  return count;
}

int Occurrences(const std::string& text, const std::string& word) {
  int count = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

void Check(const Vector& vector) {
  SCOPED_TRACE(vector.name + "\n" + vector.log);
  if (vector.log.find("pause") != std::string::npos) return;  // of llhttp's callbacks
  const std::string input = WithHosts(vector.input);
  const int complete = Occurrences(vector.log, "message complete");
  bool refused = false;
  int count = Count(input, &refused);
  if (kRefused.contains(vector.name)) {
    EXPECT_TRUE(refused);
  } else if (vector.log.find("error code=22") != std::string::npos) {
    EXPECT_GE(count, 1);  // another protocol follows
  } else if (vector.log.find("Data after `Connection: close`") != std::string::npos) {
    EXPECT_EQ(count, complete);
  } else if (vector.log.find("error code") != std::string::npos) {
    // Some are cut before the end of their head, which is looked at as a whole.
    if (!refused) count = Count(input + "\r\n\r\n", &refused);
    EXPECT_TRUE(refused);
    EXPECT_LE(count, complete);
  } else {
    EXPECT_FALSE(refused);
    EXPECT_EQ(count, complete);
  }
}

TEST(HttpVectors, WhatIsRefusedElsewhereIsRefused) {
  const auto path = SharedPath("assets/conformance/http/llhttp-test-vectors.tar.gz");
  if (!path) GTEST_SKIP() << "shared data not found (llhttp's vectors)";
  int checked = 0;
  for (const auto& [name, text] : ReadTarGz(*path)) {
    if (name.find("/request/") == std::string::npos) continue;
    for (const Vector& vector : VectorsOf(text)) {
      Check(vector);
      ++checked;
    }
  }
  EXPECT_GT(checked, 80);
}

}  // namespace
}  // namespace tael
