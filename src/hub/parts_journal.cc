#include "hub/parts_journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/file.h"

namespace tael {
namespace {

constexpr int64_t kVersion = 1;

Json HeadOf(const std::vector<PartFile>& files) {
  Json list = JsonArray{};
  for (const PartFile& file : files) {
    Json entry = JsonObject{};
    entry.Set("name", file.name);
    entry.Set("size", file.size);
    entry.Set("identity", file.identity);
    list.Append(std::move(entry));
  }
  Json head = JsonObject{};
  head.Set("version", kVersion);
  head.Set("piece_bytes", kPieceBytes);
  head.Set("files", std::move(list));
  return head;
}

bool IsInt(const Json* value, int64_t wanted) {
  return value != nullptr && value->is_int() && value->as_int() == wanted;
}

// The files of a journal's first line; nullopt for anything else.
std::optional<std::vector<PartFile>> ReadHead(std::string_view line) {
  try {
    const Json head = ParseJson(line, "journal");
    const Json* files = head.Find("files");
    if (!IsInt(head.Find("version"), kVersion) || !IsInt(head.Find("piece_bytes"), kPieceBytes) ||
        files == nullptr || !files->is_array()) {
      return std::nullopt;
    }
    std::vector<PartFile> out;
    for (const Json& entry : files->as_array()) {
      const Json *name = entry.Find("name"), *size = entry.Find("size"),
                 *identity = entry.Find("identity");
      if (name == nullptr || !name->is_string() || size == nullptr || !size->is_int() ||
          identity == nullptr || !identity->is_string()) {
        return std::nullopt;
      }
      out.push_back({name->as_string(), size->as_int(), identity->as_string()});
    }
    return out;
  } catch (const Error&) {  // cut or damaged: as if it were not there
    return std::nullopt;
  }
}

// The next number of `text`, or nullopt; the blank before it is taken too.
std::optional<int64_t> TakeInt(std::string_view* text) {
  if (text->starts_with(' ')) text->remove_prefix(1);
  int64_t value = 0;
  const auto [rest, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc()) return std::nullopt;
  text->remove_prefix(static_cast<size_t>(rest - text->data()));
  return value;
}

}  // namespace

PartsJournal::PartsJournal(const std::string& path, std::vector<PartFile> files)
    : path_(path), files_(std::move(files)), have_(files_.size()) {
  for (size_t i = 0; i < files_.size(); ++i) {
    have_[i].assign(static_cast<size_t>(files_[i].pieces()), false);
  }
  if (FileExists(path_)) Load(ReadFile(path_));
  Write();
}

PartsJournal::~PartsJournal() {
  if (fd_ >= 0) close(fd_);
}

void PartsJournal::Load(const std::string& text) {
  std::string_view rest = text;
  const auto take_line = [&]() -> std::optional<std::string_view> {
    const size_t end = rest.find('\n');
    if (end == rest.npos) return std::nullopt;  // a line without its end was cut
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end + 1);
    return line;
  };
  const auto head = take_line();
  const auto old = head ? ReadHead(*head) : std::nullopt;
  if (!old) return;
  std::vector<std::optional<size_t>> place(old->size());  // of an old file among the present ones
  for (size_t i = 0; i < old->size(); ++i) {
    const auto found = std::find(files_.begin(), files_.end(), (*old)[i]);
    if (found != files_.end() && !found->identity.empty())
      place[i] = static_cast<size_t>(found - files_.begin());
  }
  while (auto line = take_line()) {
    if (line->size() < 3) return;
    const char kind = (*line)[0];
    std::string_view values = line->substr(1);
    const auto file = TakeInt(&values);
    if (!file || *file < 0 || *file >= static_cast<int64_t>(place.size())) return;
    const auto at = place[static_cast<size_t>(*file)];
    if (!at) continue;
    if (kind == 'p' || kind == 'd') {
      const auto piece = TakeInt(&values);
      if (!piece || *piece < 0 || *piece >= files_[*at].pieces()) return;
      have_[*at][static_cast<size_t>(*piece)] = kind == 'p';
    } else if (kind == 'f') {
      have_[*at].assign(have_[*at].size(), false);
    } else {
      return;
    }
  }
}

void PartsJournal::Write() {
  std::string text = DumpJson(HeadOf(files_)) + "\n";
  for (size_t i = 0; i < files_.size(); ++i) {
    for (size_t piece = 0; piece < have_[i].size(); ++piece) {
      if (have_[i][piece]) text += fmt::format("p {} {}\n", i, piece);
    }
  }
  WriteFileAtomically(path_, text);
  fd_ = open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (fd_ < 0) {
    Fail(ErrorCode::kUnavailable, "{}: cannot be written: {}", path_, std::strerror(errno));
  }
}

void PartsJournal::Append(const std::string& line) {
  if (write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    Fail(ErrorCode::kExhausted, "{}: writing failed: {}. Hint: is the disk full?", path_,
         std::strerror(errno));
  }
}

int64_t PartsJournal::BytesOf(size_t file) const {
  int64_t bytes = 0;
  for (size_t piece = 0; piece < have_[file].size(); ++piece) {
    const int64_t begin = static_cast<int64_t>(piece) * kPieceBytes;
    if (have_[file][piece]) bytes += std::min(kPieceBytes, files_[file].size - begin);
  }
  return bytes;
}

void PartsJournal::Add(size_t file, int64_t piece) {
  if (Has(file, piece)) return;
  Append(fmt::format("p {} {}\n", file, piece));
  have_[file][static_cast<size_t>(piece)] = true;
}

void PartsJournal::Drop(size_t file, int64_t piece) {
  if (!Has(file, piece)) return;
  Append(fmt::format("d {} {}\n", file, piece));
  have_[file][static_cast<size_t>(piece)] = false;
}

void PartsJournal::Forget(size_t file) {
  Append(fmt::format("f {}\n", file));
  have_[file].assign(have_[file].size(), false);
}

}  // namespace tael
