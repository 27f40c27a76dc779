// `tael run`: one prompt in, one completion or answer out.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "app/command.h"
#include "app/interrupt.h"
#include "app/model_flags.h"
#include "app/sampling_flags.h"
#include "app/terminal.h"
#include "app/text_input.h"
#include "app/version.h"
#include "base/error.h"
#include "base/file.h"
#include "engine/generate.h"

namespace tael {
namespace {

struct RunOptions {
  ModelFlags model;
  SamplingFlags sampling;
  std::optional<std::string> prompt;
  std::string file, system;
  std::optional<int> log_probs;
  bool chat = false, json = false, no_stream = false, parse_special = false;
};

std::string ReadPrompt(const RunOptions& options) {
  const bool from_stdin = options.prompt == "-";
  if (!options.file.empty()) {
    if (options.prompt) throw UsageError("a prompt and --file exclude each other");
    return ReadFile(options.file);
  }
  if (options.prompt && !from_stdin) return *options.prompt;
  if (!from_stdin && StdinIsTerminal()) {
    throw UsageError("a prompt is needed: as an argument, with --file, or piped into stdin");
  }
  return ReadStdin();
}

std::vector<TokenId> EncodePrompt(const RunOptions& options, const LoadedModel& loaded,
                                  const std::string& prompt) {
  if (options.chat) {
    Json messages = JsonArray{};
    if (!options.system.empty()) messages.Append(ChatMessage("system", options.system));
    messages.Append(ChatMessage("user", prompt));
    const ChatTemplate chat = LoadChatTemplate(loaded);
    return loaded.tokenizer->EncodeSpans(chat.Render(MakeTemplateInput(loaded, messages)), false);
  }
  // A file with control tokens in its text must not steer the model unless the user says so.
  EncodeOptions encode;
  encode.parse_added_tokens = options.parse_special;
  encode.add_special_tokens = true;
  return loaded.tokenizer->Encode(prompt, encode);
}

double PerSecond(double count, double seconds) { return seconds > 0 ? count / seconds : 0; }

// The token's text as it stands inside a text; an incomplete character gives U+FFFD.
Json LogProbToJson(const Tokenizer& tokenizer, const TokenLogProb& entry) {
  std::string text;
  tokenizer.AppendTokenBytes(entry.id, /*first=*/false, text);
  Json out = JsonObject{};
  out.Set("id", entry.id);
  out.Set("token", text);
  out.Set("logprob", entry.log_prob);
  return out;
}

Json LogProbsToJson(const Tokenizer& tokenizer, const std::vector<TokenLogProbs>& tokens) {
  Json list = JsonArray{};
  for (const TokenLogProbs& token : tokens) {
    Json entry = LogProbToJson(tokenizer, token.chosen);
    Json top = JsonArray{};
    for (const TokenLogProb& other : token.top) top.Append(LogProbToJson(tokenizer, other));
    entry.Set("top", std::move(top));
    list.Append(std::move(entry));
  }
  return list;
}

Json ResultToJson(const LoadedModel& loaded, const Session& session, const SessionOptions& options,
                  const GenerationResult& result, const std::string& text) {
  const int completion = static_cast<int>(result.tokens.size());
  Json ids = JsonArray{};
  for (const TokenId id : result.tokens) ids.Append(Json(id));
  Json usage = JsonObject{};
  usage.Set("prompt_tokens", result.prompt_tokens);
  usage.Set("cached_tokens", result.cached_tokens);
  usage.Set("completion_tokens", completion);
  usage.Set("total_tokens", result.prompt_tokens + completion);
  Json timings = JsonObject{};
  timings.Set("prompt_seconds", result.prompt_seconds);
  timings.Set("prompt_tokens_per_second",
              PerSecond(result.prompt_tokens - result.cached_tokens, result.prompt_seconds));
  timings.Set("decode_seconds", result.decode_seconds);
  // The first token comes from the prompt's logits, so completion - 1 steps were timed.
  timings.Set("decode_tokens_per_second",
              PerSecond(std::max(0, completion - 1), result.decode_seconds));
  Json out = JsonObject{};
  out.Set("text", text);
  out.Set("ids", std::move(ids));
  if (!result.log_probs.empty()) {
    out.Set("logprobs", LogProbsToJson(*loaded.tokenizer, result.log_probs));
  }
  out.Set("finish_reason", FinishReasonName(result.finish));
  out.Set("usage", std::move(usage));
  out.Set("timings", std::move(timings));
  out.Set("model", loaded.path);
  out.Set("weights_fingerprint", WeightsFingerprint(loaded.model->checkpoint));
  out.Set("numerics_version", kNumericsVersion);
  out.Set("kernels", session.kernel_name());
  out.Set("matmul", MatmulName(options.matmul));
  out.Set("kv", Name(options.kv_dtype));
  out.Set("threads", session.threads());
  out.Set("context", session.max_context());
  out.Set("version", Version());
  return out;
}

int Execute(const RunOptions& options, const LoadedSettings& settings) {
  if (!options.system.empty() && !options.chat) throw UsageError("--system needs --chat");
  if (options.log_probs && !options.json) throw UsageError("--logprobs needs --json");
  const RunSettings& run = settings.values.run;
  const std::string prompt = ReadPrompt(options);
  GenerationRequest request;
  request.sampling = MakeSamplingParams(options.sampling, run);
  request.sampling.log_probs = options.log_probs;
  request.max_tokens = MaxTokens(options.sampling, run);
  const LoadedModel loaded = LoadNamedModel(options.model, settings.values);
  request.prompt = EncodePrompt(options, loaded, prompt);
  if (request.prompt.empty()) {
    Fail(ErrorCode::kInvalidArgument,
         "the prompt is empty and the model adds no token of its own; "
         "at least one token is needed");
  }
  request.stop_tokens = loaded.stop_tokens;
  request.token_texts = UseVocabulary(options.sampling, *loaded.tokenizer, request.sampling);
  const SessionOptions session_options = MakeSessionOptions(options.model, run);
  Session session(*loaded.model, session_options);

  InterruptScope interrupt;
  const bool stream = !options.json && !options.no_stream;
  Detokenizer detokenizer(*loaded.tokenizer, /*skip_special=*/true);
  std::string text;
  const auto emit = [&](const std::string& piece) {
    text += piece;
    if (stream && !piece.empty()) {
      PrintOut(piece);
      FlushOut();
    }
  };
  Progress progress("reading the prompt", static_cast<int64_t>(request.prompt.size()));
  request.on_token = [&](TokenId id) {
    progress.Finish();
    const bool stop = std::binary_search(loaded.stop_tokens.begin(), loaded.stop_tokens.end(), id);
    if (!stop) emit(detokenizer.Push(id));
    return interrupt.interrupted() ? Verdict::kCancel : Verdict::kGoOn;
  };
  request.on_prompt = [&](int done, int) {
    progress.Update(done);
    return !interrupt.interrupted();
  };
  const GenerationResult result = Generate(session, request);
  emit(detokenizer.Finish());
  if (options.json) {
    PrintOut(DumpJson(ResultToJson(loaded, session, session_options, result, text)) + "\n");
  } else {
    PrintOut(stream ? "\n" : text + "\n");
  }
  if (result.finish == FinishReason::kContextFull) {
    PrintError(
        fmt::format("tael: the context of {} tokens is full; --ctx makes it larger "
                    "(the model allows {})\n",
                    session.max_context(), loaded.model->spec.max_context));
  }
  return result.finish == FinishReason::kCancelled ? kExitInterrupted : kExitOk;
}

}  // namespace

Command AddRunCommand(CommandParser& program) {
  auto options = std::make_shared<RunOptions>();
  CommandParser& command = program.AddCommand(
      {.name = "run",
       .description = "Complete a prompt, or answer it (--chat)",
       .footer = "Ctrl-C ends the answer: the text so far stays, finish_reason is 'cancelled', "
                 "exit code 130."});
  AddModelFlags(command, options->model);
  AddSamplingFlags(command, options->sampling);
  command.AddOption("prompt", &options->prompt, "the prompt; '-' or nothing: read stdin",
                    {.type = "PROMPT"});
  command.AddOption("--file", &options->file, "read the prompt from a file", {.type = "FILE"});
  command.AddFlag("--chat", &options->chat, "apply the model's chat template");
  command.AddOption("--system", &options->system, "system message, with --chat", {.type = "TEXT"});
  command.AddFlag("--parse-special", &options->parse_special,
                  "recognise control tokens in a raw prompt (plain text otherwise)");
  command.AddFlag("--no-stream", &options->no_stream, "print the text at the end");
  command.AddOption("--logprobs", &options->log_probs,
                    "with --json: log-probabilities of each token and of the N best",
                    {.type = "N", .check = IntRange{0, 1000}, .group = "Sampling"});
  command.AddFlag("--json", &options->json,
                  "one JSON object: text, ids, finish_reason, usage, timings");
  return {&command, [options](const LoadedSettings& s) { return Execute(*options, s); }};
}

}  // namespace tael
