// `tael run`: one prompt in, one completion or answer out.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "app/adapter_flags.h"
#include "app/command.h"
#include "app/interrupt.h"
#include "app/memory.h"
#include "app/model_flags.h"
#include "app/run_answers.h"
#include "app/run_json.h"
#include "app/sampling_flags.h"
#include "app/terminal.h"
#include "app/text_input.h"
#include "app/thinking_flags.h"
#include "base/error.h"
#include "base/file.h"
#include "chat/chat_format.h"
#include "engine/engine.h"
#include "spec/long_context.h"

namespace tael {
namespace {

struct RunOptions {
  ModelFlags model;
  SamplingFlags sampling;
  ThinkingFlags thinking;
  std::optional<std::string> prompt;
  std::string file, system;
  std::optional<int> log_probs, prompt_log_probs;
  int choices = 1, choice = 0;
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

// The prompt's ids and how the answer is read.
void EncodePrompt(const RunOptions& options, const LoadedModel& loaded, const std::string& prompt,
                  RunPlan& plan) {
  if (options.chat) {
    ChatWish wish;
    if (!options.system.empty()) wish.messages.push_back(ChatMessage("system", options.system));
    wish.messages.push_back(ChatMessage("user", prompt));
    wish.thinking = MakeThinkingWish(options.thinking);
    ChatFormat::Prompt made = ChatFormat(loaded).MakePrompt(std::move(wish));
    plan.request.prompt = std::move(made.ids);
    plan.request.interjection = std::move(made.interjection);
    made.style.stop_strings = std::move(plan.style.stop_strings);
    plan.style = std::move(made.style);
    return;
  }
  // A file with control tokens in its text must not steer the model unless the user says so.
  EncodeOptions encode;
  encode.parse_added_tokens = options.parse_special;
  encode.add_special_tokens = true;
  plan.request.prompt = loaded.tokenizer->Encode(prompt, encode);
}

void CheckOptions(const RunOptions& options) {
  if (!options.system.empty() && !options.chat) throw UsageError("--system needs --chat");
  if (options.thinking.think && !options.chat) throw UsageError("--think needs --chat");
  if (options.thinking.reasoning && !options.chat) throw UsageError("--reasoning needs --chat");
  MakeThinkingWish(options.thinking);  // a bad word is told before a model is loaded
  if (options.log_probs && !options.json) throw UsageError("--logprobs needs --json");
  if (options.prompt_log_probs && !options.json) throw UsageError("--prompt-logprobs needs --json");
}

RunPlan MakePlan(const RunOptions& options, const RunSettings& run) {
  RunPlan plan;
  plan.request.sampling = MakeSamplingParams(options.sampling, run);
  plan.request.sampling.log_probs = options.log_probs;
  plan.request.sampling.choice = static_cast<uint32_t>(options.choice);
  plan.request.adapters = AdapterChoices(options.model.loras);
  plan.request.choices = options.choices;
  plan.request.max_tokens = MaxTokens(options.sampling, run);
  plan.style.stop_strings = StopTexts(options.sampling);
  plan.prompt_log_probs = options.prompt_log_probs;
  return plan;
}

void AddPrompt(const RunOptions& options, const LoadedModel& loaded, const std::string& prompt,
               RunPlan& plan) {
  EncodePrompt(options, loaded, prompt, plan);
  EngineRequest& request = plan.request;
  if (request.prompt.empty()) {
    Fail(ErrorCode::kInvalidArgument,
         "the prompt is empty and the model adds no token of its own; "
         "at least one token is needed");
  }
  request.stop_tokens = loaded.stop_tokens;
  request.token_texts = UseVocabulary(options.sampling, *loaded.tokenizer, request.sampling);
}

void PrintAnswer(const RunOptions& options, const RunAnswer& answer) {
  AnswerPrinter printer(options.thinking.reasoning);
  if (!answer.reasoning.empty())
    printer.Print({.kind = DialectEvent::Kind::kReasoning, .text = answer.reasoning});
  printer.Print({.kind = DialectEvent::Kind::kAnswer, .text = answer.text + "\n"});
}

void PrintAnswers(const RunOptions& options, const RunPlan& plan,
                  const std::vector<RunAnswer>& answers) {
  for (size_t i = 0; i < answers.size(); ++i) {
    PrintOut(
        Styled(Style::kDim, fmt::format("--- choice {} ---", plan.request.sampling.choice + i)));
    PrintOut("\n");
    PrintAnswer(options, answers[i]);
  }
}

// What the user must know beside the text; the exit code.
int Conclude(const Engine& engine, const LoadedModel& loaded,
             const std::vector<RunAnswer>& answers) {
  const auto any = [&](FinishReason reason) {
    return std::any_of(answers.begin(), answers.end(), [&](const RunAnswer& answer) {
      return !answer.error && answer.report.finish == reason;
    });
  };
  if (any(FinishReason::kContextFull)) {
    PrintError(fmt::format(
        "tael: the context of {} tokens is full; --ctx makes it larger "
        "(the model allows {}){}\n",
        engine.max_context(), loaded.model->spec.max_context, LongContextHint(loaded.model->spec)));
  }
  for (const RunAnswer& answer : answers) {
    if (answer.error) std::rethrow_exception(answer.error);
  }
  return any(FinishReason::kCancelled) ? kExitInterrupted : kExitOk;
}

int Execute(const RunOptions& options, const LoadedSettings& settings) {
  CheckOptions(options);
  RunPlan plan = MakePlan(options, settings.values.run);
  const std::string prompt = ReadPrompt(options);
  const LoadedModel loaded = LoadNamedModel(options.model, settings.values);
  if (options.chat) {
    const RecommendedSampling recommended =
        FindRecommendedSampling(*loaded.model, options.sampling, settings);
    if (UseRecommended(recommended, options.sampling, settings, plan.request.sampling)) {
      plan.sampling_source = recommended.source;
    }
  }
  if (plan.request.choices > 1 && plan.request.sampling.temperature == 0) {
    PrintError("tael: at temperature 0 all choices are alike; --temperature 1 makes them differ\n");
  }
  AddPrompt(options, loaded, prompt, plan);
  MemoryWish wish = MakeMemoryWish(options.model, settings.values.run);
  const auto engine_options = [&](int context, const RunnerOptions& runner) {
    return MakeRunOptions(*loaded.model, plan, context, runner);
  };
  wish.beside = ResultBytes(plan, wish.context > 0 ? wish.context : kDefaultContext);
  wish.shape = [&](int context) { return ShapeOf(engine_options(context, wish.runner), context); };
  const FittedRun fitted = FitIntoMemory(loaded, wish);
  CheckPromptFits(plan.request.prompt.size(), fitted.context, *loaded.model);
  Engine engine(*loaded.model, engine_options(fitted.context, fitted.runner));

  InterruptScope interrupt;
  const bool one = options.choices == 1, stream = one && !options.json && !options.no_stream;
  Progress progress("reading the prompt", static_cast<int64_t>(plan.request.prompt.size()));
  AnswerPrinter printer(options.thinking.reasoning);
  const RunCallbacks callbacks = {.on_text =
                                      [&](const DialectEvent& piece) {
                                        if (!stream) return;
                                        progress.Finish();
                                        printer.Print(piece);
                                      },
                                  .on_prompt =
                                      [&](int done) {
                                        progress.Update(done);
                                        if (std::cmp_equal(done, plan.request.prompt.size()))
                                          progress.Finish();
                                      },
                                  .interrupted = [&] { return interrupt.interrupted(); }};
  const RunResult result = RunToEnd(engine, loaded, plan, callbacks);
  // With several choices, the failure of one leaves the others' answers worth having.
  if (one && result.answers[0].error) std::rethrow_exception(result.answers[0].error);
  if (options.json) {
    const RunSetup setup = {loaded, engine, fitted.runner, plan};
    PrintOut(DumpJson(RunResultToJson(setup, result)) + "\n");
  } else if (!one) {
    PrintAnswers(options, plan, result.answers);
  } else if (stream) {
    PrintOut("\n");
  } else {
    PrintAnswer(options, result.answers[0]);
  }
  const int code = Conclude(engine, loaded, result.answers);
  return code == kExitInterrupted && interrupt.interrupted() ? interrupt.exit_code() : code;
}

}  // namespace

Command AddRunCommand(CommandParser& program) {
  auto options = std::make_shared<RunOptions>();
  CommandParser& command = program.AddCommand(
      {.name = "run",
       .description = "Complete a prompt, or answer it (--chat)",
       .footer = "Ctrl-C ends the answer: the text so far stays, finish_reason is 'cancelled', "
                 "exit code 130 (143 and 129 for SIGTERM and SIGHUP)."});
  AddModelFlags(command, options->model);
  AddAdapterOption(command, &options->model.loras);
  AddSamplingFlags(command, options->sampling);
  AddThinkingFlags(command, options->thinking);
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
  command.AddOption("--prompt-logprobs", &options->prompt_log_probs,
                    "with --json: the same for each token of the prompt but the first",
                    {.type = "N", .check = IntRange{0, 1000}, .group = "Sampling"});
  command.AddOption("--choices", &options->choices,
                    "answers to the same prompt, each with its own random numbers",
                    {.type = "N", .check = IntRange{1, 128}, .group = "Sampling"});
  command.AddOption("--choice", &options->choice,
                    "which of several answers to give, counted from 0; with --choices the first",
                    {.type = "INDEX", .check = NonNegative{}, .group = "Sampling"});
  command.AddFlag("--json", &options->json,
                  "one JSON object: text, ids, finish_reason, usage, timings");
  return {&command, [options](const LoadedSettings& s) { return Execute(*options, s); }};
}

}  // namespace tael
