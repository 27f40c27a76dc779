#include "hub/model_reference.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "hub/http_client.h"

namespace tael {
namespace {

constexpr std::string_view kNameCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";

bool IsName(std::string_view text, bool slashes = false) {
  constexpr size_t kLongest = 128;
  if (text.empty() || text.size() > kLongest || text[0] == '-' || text[0] == '.') return false;
  if (text.find("..") != text.npos || text.find("//") != text.npos || text.back() == '/') {
    return false;
  }
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return kNameCharacters.find(c) != kNameCharacters.npos || (slashes && c == '/');
  });
}

bool IsRepository(std::string_view text) {
  const size_t slash = text.find('/');
  return slash != text.npos && slash > 0 && IsName(text.substr(0, slash)) &&
         IsName(text.substr(slash + 1)) && text[0] != '/';
}

// huggingface.co/ORG/REPO[/(tree|blob|resolve)/REVISION[/FILE]], and the same with /models before
// it at modelscope.cn. nullopt: another address.
std::optional<ModelReference> FromPage(const std::string& url) {
  const UrlParts parts = SplitUrl(url, "URL");
  const bool hf = parts.host == "huggingface.co" || parts.host == "hf.co";
  const bool ms = parts.host == "modelscope.cn" || parts.host == "www.modelscope.cn";
  if (!hf && !ms) return std::nullopt;
  std::vector<std::string> path;
  for (size_t begin = 1; begin < parts.path.size();) {
    const size_t end = std::min(parts.path.find('/', begin), parts.path.size());
    path.push_back(parts.path.substr(begin, end - begin));
    begin = end + 1;
  }
  if (ms && !path.empty() && path[0] == "models") path.erase(path.begin());
  if (path.size() < 2 || path[0] == "api" || !IsRepository(path[0] + "/" + path[1])) {
    return std::nullopt;
  }
  ModelReference reference{.hub = hf ? HubKind::kHuggingFace : HubKind::kModelScope,
                           .repo = path[0] + "/" + path[1]};
  if (path.size() == 2) return reference;
  if (path[2] != "tree" && path[2] != "blob" && path[2] != "resolve") return std::nullopt;
  if (path.size() > 3 && path[3] != "main" && path[3] != "master") reference.revision = path[3];
  if (path.size() > 4) {
    const std::string file = UrlFileName(url);
    if (!file.ends_with(".gguf")) return std::nullopt;
    reference.quant = ParseSplitName(file.substr(0, file.size() - 5)).stem;
  }
  return reference;
}

bool IsDosDevice(std::string_view component) {
  std::string base(component.substr(0, component.find('.')));
  for (char& c : base) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  if (base == "CON" || base == "PRN" || base == "AUX" || base == "NUL") return true;
  return base.size() == 4 && (base.starts_with("COM") || base.starts_with("LPT")) &&
         base[3] >= '0' && base[3] <= '9';
}

// Why a component of a path cannot be a file's name, or "".
std::string Objection(std::string_view component) {
  if (component.empty() || component == "." || component == "..") {
    return "it leads to another folder";
  }
  if (component.size() > 200) return "a part of it is longer than 200 bytes";
  if (component.back() == '.' || component.back() == ' ')
    return "a part ends with a dot or a space";
  if (component.starts_with(".tael") || component == "tael-model.json") return "the name is taken";
  if (IsDosDevice(component)) return "it is the name of a device on some systems";
  for (const char c : component) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f ||
        std::string_view("\\:*?\"<>|").find(c) != std::string_view::npos) {
      return "it has characters that names of files cannot have everywhere";
    }
  }
  return "";
}

// The path for a message: without control characters, not too long.
std::string Shown(std::string_view path) {
  std::string out;
  for (const char c : path.substr(0, 120)) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte >= 0x20 && byte < 0x7f ? c : '?';
  }
  return out;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Length of a quantisation's name at the start of `text`, in capitals; 0 when there is none.
size_t QuantLength(std::string_view text) {
  for (const std::string_view whole :
       {"BF16", "FP16", "FP32", "F16", "F32", "MXFP4_MOE", "MXFP4"}) {
    if (text.starts_with(whole)) return whole.size();
  }
  size_t at = 0;
  for (const std::string_view kind : {"IQ", "TQ", "Q"}) {
    if (text.starts_with(kind)) {
      at = kind.size();
      break;
    }
  }
  if (at == 0 || at >= text.size() || !IsDigit(text[at])) return 0;
  while (at < text.size() && IsDigit(text[at])) ++at;
  // "_K", "_M", "_XXS", "_0": parts of one to three characters.
  while (at < text.size() && text[at] == '_') {
    size_t end = at + 1;
    while (end < text.size() && std::isalnum(static_cast<unsigned char>(text[end])) != 0) ++end;
    if (end == at + 1 || end - at > 4) break;
    at = end;
  }
  return at;
}

}  // namespace

const char* HubName(HubKind hub) {
  return hub == HubKind::kHuggingFace ? "huggingface" : "modelscope";
}

std::optional<ModelReference> ParseModelReference(const std::string& text, HubKind default_hub) {
  if (text.starts_with("http://") || text.starts_with("https://")) {
    if (auto page = FromPage(text)) return page;
    return ModelReference{.url = text};
  }
  ModelReference reference{.hub = default_hub};
  std::string rest = text;
  const bool has_prefix = rest.starts_with("hf:") || rest.starts_with("ms:");
  if (has_prefix) {
    reference.hub = rest.starts_with("hf:") ? HubKind::kHuggingFace : HubKind::kModelScope;
    rest = rest.substr(3);
  }
  if (!has_prefix && (rest.find('/') == rest.npos || rest[0] == '/' || rest[0] == '.')) {
    return std::nullopt;
  }
  const size_t colon = rest.rfind(':');
  if (colon != rest.npos) {
    reference.quant = rest.substr(colon + 1);
    rest.resize(colon);
    if (!IsName(reference.quant)) {
      Fail(ErrorCode::kInvalidArgument,
           "'{}': '{}' is no name of a quantisation, needed for example ORG/REPO:Q4_K_M", text,
           reference.quant);
    }
  }
  const size_t at = rest.find('@');
  if (at != rest.npos) {
    reference.revision = rest.substr(at + 1);
    rest.resize(at);
    if (!IsName(reference.revision, /*slashes=*/true)) {
      Fail(ErrorCode::kInvalidArgument,
           "'{}': '{}' is no branch, tag or commit, needed for example ORG/REPO@main", text,
           reference.revision);
    }
  }
  if (!IsRepository(rest)) {
    Fail(ErrorCode::kInvalidArgument,
         "'{}': '{}' is no repository, needed [hf:|ms:]ORG/REPO[@REVISION][:QUANT]", text, rest);
  }
  reference.repo = rest;
  return reference;
}

std::string StoreName(const ModelReference& reference) {
  if (!reference.url.empty()) {
    std::string name = UrlFileName(reference.url);
    if (name.ends_with(".gguf")) name.resize(name.size() - 5);
    return ParseSplitName(name).stem;
  }
  std::string name = reference.repo;
  if (!reference.revision.empty()) name += "@" + reference.revision;
  if (!reference.quant.empty()) name += ":" + reference.quant;
  return name;
}

void CheckRemotePath(std::string_view path, std::string_view where) {
  std::string objection;
  if (path.size() > 1000) objection = "it is longer than 1000 bytes";
  for (size_t begin = 0; objection.empty();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    objection = Objection(path.substr(begin, end - begin));
    if (end == path.size()) break;
    begin = end + 1;
  }
  if (objection.empty()) return;
  Fail(ErrorCode::kCorrupt, "{}: lists a file '{}', which is refused: {}", where, Shown(path),
       objection);
}

SplitName ParseSplitName(std::string_view name) {
  constexpr size_t kTail = 15;  // "-00001-of-00002"
  const SplitName whole{.stem = std::string(name)};
  if (name.size() <= kTail) return whole;
  const std::string_view tail = name.substr(name.size() - kTail);
  const std::string_view number = tail.substr(1, 5), count = tail.substr(10);
  if (tail[0] != '-' || tail.substr(6, 4) != "-of-" ||
      !std::all_of(number.begin(), number.end(), IsDigit) ||
      !std::all_of(count.begin(), count.end(), IsDigit)) {
    return whole;
  }
  SplitName split{.stem = std::string(name.substr(0, name.size() - kTail)),
                  .number = std::stoi(std::string(number)),
                  .count = std::stoi(std::string(count))};
  return split.number >= 1 && split.number <= split.count ? split : whole;
}

std::string QuantOfName(std::string_view name) {
  std::string capitals(name);
  for (char& c : capitals) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const std::string_view text = capitals;
  std::string found;
  for (size_t i = 0; i < text.size(); ++i) {
    if (i > 0 && std::isalnum(static_cast<unsigned char>(text[i - 1])) != 0) continue;
    const size_t length = QuantLength(text.substr(i));
    if (length == 0) continue;
    if (i + length < text.size() &&
        std::isalnum(static_cast<unsigned char>(text[i + length])) != 0) {
      continue;
    }
    const bool dynamic = i >= 3 && text.substr(i - 3, 3) == "UD-" &&
                         (i == 3 || std::isalnum(static_cast<unsigned char>(text[i - 4])) == 0);
    found = (dynamic ? "UD-" : "") + std::string(text.substr(i, length));
  }
  return found;
}

}  // namespace tael
