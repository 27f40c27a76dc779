// `tael tokenize`: text to ids, one text as an argument or a stream of JSON lines.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <memory>
#include <optional>

#include "app/command.h"
#include "app/model_store.h"
#include "app/terminal.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/open.h"
#include "runtime/worker_pool.h"
#include "text/tokenizer.h"

namespace tael {
namespace {

struct TokenizeOptions {
  std::string model, tokenizer;
  std::optional<std::string> text;
  bool add_special = false, no_parse_special = false, json = false;
  int threads = 0;
};

std::unique_ptr<Tokenizer> OpenTokenizer(const std::string& path) {
  if (path.ends_with(".gguf")) return Tokenizer::FromGguf(OpenGguf(path).metadata);
  if (!DirectoryExists(path)) return Tokenizer::FromPath(path);
  for (const char* name : {"tokenizer.json", "tokenizer.json.gz", "tokenizer.model"}) {
    if (FileExists(JoinPath(path, name))) return Tokenizer::FromPath(path);
  }
  const auto names = ListDirectory(path);
  const bool has_gguf = std::any_of(names.begin(), names.end(),
                                    [](const std::string& n) { return n.ends_with(".gguf"); });
  return has_gguf ? Tokenizer::FromCheckpoint(OpenCheckpoint(path)) : Tokenizer::FromPath(path);
}

void AppendIds(const std::vector<TokenId>& ids, std::string& out) {
  out += "{\"ids\":[";
  for (size_t i = 0; i < ids.size(); ++i) {
    if (i > 0) out.push_back(',');
    out += fmt::format_int(ids[i]).c_str();
  }
  out += "]}\n";
}

bool Flag(const Json& line, const char* key, bool fallback, const std::string& where) {
  const Json* value = line.Find(key);
  if (value == nullptr) return fallback;
  if (!value->is_bool())
    Fail(ErrorCode::kInvalidArgument, "{}: '{}' must be true or false", where, key);
  return value->as_bool();
}

// One input line to one output line.
void Answer(const Tokenizer& tokenizer, const TokenizeOptions& options, std::string_view line,
            int64_t number, std::string& out) {
  const std::string where = fmt::format("stdin line {}", number);
  const Json json = ParseJson(line, where);
  EncodeOptions encode;
  encode.add_special_tokens = Flag(json, "add_special", options.add_special, where);
  encode.parse_added_tokens = Flag(json, "parse_special", !options.no_parse_special, where);
  const Json* text = json.Find("text");
  if (text == nullptr || !text->is_string()) {
    Fail(ErrorCode::kInvalidArgument, "{}: needed an object {{\"text\": \"...\"}}, found {}", where,
         text != nullptr ? "a 'text' that is no string" : json.type_name());
  }
  AppendIds(tokenizer.Encode(text->as_string(), encode), out);
}

// Lines are answered in parallel and printed in order, as many at a time as have arrived, so that a
// caller who waits for each answer gets it.
class LineStream {
 public:
  LineStream(const Tokenizer& tokenizer, const TokenizeOptions& options)
      : tokenizer_(tokenizer), options_(options), pool_(options.threads) {}

  void Run() {
    std::vector<char> buffer(size_t{1} << 20);
    while (true) {
      const ssize_t got = read(STDIN_FILENO, buffer.data(), buffer.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) Fail(ErrorCode::kUnavailable, "standard input: {}", std::strerror(errno));
      if (got == 0) break;
      pending_.append(buffer.data(), static_cast<size_t>(got));
      const size_t end = pending_.rfind('\n');
      if (end == std::string::npos) continue;
      AnswerAll(std::string_view(pending_).substr(0, end));
      pending_.erase(0, end + 1);
    }
    AnswerAll(pending_);
  }

 private:
  void AnswerAll(std::string_view text) {
    std::vector<std::pair<std::string_view, int64_t>> lines;
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      ++number_;
      std::string_view line = text.substr(0, end);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (!line.empty()) lines.emplace_back(line, number_);
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    std::vector<std::string> answers(lines.size());
    std::vector<std::exception_ptr> errors(lines.size());
    pool_.ParallelFor(static_cast<int64_t>(lines.size()), 1, [&](int64_t begin, int64_t end) {
      for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
        try {
          Answer(tokenizer_, options_, lines[i].first, lines[i].second, answers[i]);
        } catch (...) {  // carried to the calling thread: loops of the pool must not throw
          errors[i] = std::current_exception();
        }
      }
    });
    for (size_t i = 0; i < lines.size(); ++i) {
      if (errors[i]) {
        FlushOut();
        std::rethrow_exception(errors[i]);
      }
      PrintOut(answers[i]);
    }
    FlushOut();
  }

  const Tokenizer& tokenizer_;
  const TokenizeOptions& options_;
  WorkerPool pool_;
  std::string pending_;
  int64_t number_ = 0;
};

void PrintText(const Tokenizer& tokenizer, const std::string& text,
               const TokenizeOptions& options) {
  EncodeOptions encode;
  encode.add_special_tokens = options.add_special;
  encode.parse_added_tokens = !options.no_parse_special;
  const std::vector<TokenId> ids = tokenizer.Encode(text, encode);
  if (options.json) {
    std::string out;
    AppendIds(ids, out);
    PrintOut(out);
    return;
  }
  std::vector<std::vector<std::string>> rows = {{"id", "token"}};
  for (const TokenId id : ids) {
    rows.push_back({std::to_string(id), tokenizer.TokenText(id).value_or("?")});
  }
  PrintOut(FormatTable(rows));
}

int Execute(const TokenizeOptions& options, const LoadedSettings& settings) {
  if (options.model.empty() == options.tokenizer.empty()) {
    throw UsageError("name a MODEL or --tokenizer PATH, one of them");
  }
  const std::string path =
      options.tokenizer.empty() ? ResolveModel(options.model, settings.values) : options.tokenizer;
  const auto tokenizer = options.tokenizer.empty() && !path.ends_with(".gguf")
                             ? Tokenizer::FromCheckpoint(OpenCheckpoint(path))
                             : OpenTokenizer(path);
  if (options.text) {
    PrintText(*tokenizer, *options.text, options);
  } else {
    LineStream(*tokenizer, options).Run();
  }
  return kExitOk;
}

}  // namespace

Command AddTokenizeCommand(CommandParser& program) {
  auto options = std::make_shared<TokenizeOptions>();
  CommandParser& command = program.AddCommand(
      {.name = "tokenize",
       .description = "Text to token ids",
       .footer = "A line may also hold \"add_special\" and \"parse_special\" (true or false)."});
  command.AddOption("model", &options->model, "whose tokenizer to use", {.type = "MODEL"});
  command.AddOption("text", &options->text,
                    "one text; without it JSON lines {\"text\":..} from stdin give {\"ids\":[..]}",
                    {.type = "TEXT"});
  command.AddOption("--tokenizer", &options->tokenizer,
                    "tokenizer.json, tokenizer.model, *.tiktoken, GGUF, or a folder with one",
                    {.type = "PATH"});
  command.AddFlag("--add-special", &options->add_special, "add BOS etc. as the model expects");
  command.AddFlag("--no-parse-special", &options->no_parse_special,
                  "control tokens in the text are plain text");
  command.AddOption("--threads", &options->threads, "worker threads (0 = all available CPUs)",
                    {.check = IntRange{0, 1024}});
  command.AddFlag("--json", &options->json, "with TEXT: print {\"ids\":[..]}");
  return {&command, [options](const LoadedSettings& settings) {
            if (!options->tokenizer.empty() && !options->model.empty() && !options->text) {
              options->text = std::move(options->model);  // tokenize --tokenizer PATH TEXT
              options->model.clear();
            }
            return Execute(*options, settings);
          }};
}

}  // namespace tael
