// `tael chat`: a conversation on the terminal, or one user turn per line when stdin is piped.
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <vector>

#include "app/adapter_flags.h"
#include "app/command.h"
#include "app/conversation.h"
#include "app/environment.h"
#include "app/interrupt.h"
#include "app/line_editor.h"
#include "app/memory.h"
#include "app/names.h"
#include "app/sampling_flags.h"
#include "app/terminal.h"
#include "app/thinking_flags.h"
#include "app/weight_cache_text.h"
#include "base/error.h"
#include "base/file.h"
#include "spec/long_context.h"

namespace tael {
namespace {

constexpr const char* kHelp =
    "/help             this text\n"
    "/system [TEXT]    set the system message (none without TEXT) and start anew\n"
    "/reset            start anew, keep the system message\n"
    "/regenerate       answer the last question again, with another seed\n"
    "/save FILE        write the conversation as JSON\n"
    "/load FILE        continue a saved conversation\n"
    "/think HOW        on, off, low, medium, high, or a number of tokens; no word: as it likes\n"
    "/stats            tokens, speed and use of the context\n"
    "/exit             leave (also Ctrl-D)\n"
    "A line that ends with \\ continues; \"\"\" begins and ends a block of lines. Ctrl-C ends the\n"
    "answer, not the chat. A message that begins with / is written //.\n";

const std::vector<std::string>& CommandNames() {
  static const std::vector<std::string> names = {"/help", "/system", "/reset", "/regenerate",
                                                 "/save", "/load",   "/think", "/stats",
                                                 "/exit", "/quit"};
  return names;
}

struct ChatOptions {
  ModelFlags model;
  SamplingFlags sampling;
  ThinkingFlags thinking;
  std::string system;
};

class Chat {
 public:
  Chat(const LoadedModel& loaded, const std::optional<std::string>& reasoning,
       const std::string& sampling, Conversation& conversation)
      : loaded_(loaded),
        reasoning_(reasoning),
        sampling_(sampling),
        conversation_(conversation),
        editor_(JoinPath(StateDirectory(), "chat_history"), interrupt_) {}

  int Run() {
    if (editor_.interactive()) {
      PrintOut(Styled(Style::kDim,
                      fmt::format("{} | context {} tokens | {} | /help, Ctrl-D leaves\n",
                                  loaded_.path, conversation_.session().max_context(), sampling_)));
    }
    while (const auto message = ReadMessage()) {
      if (message->empty()) continue;
      editor_.Remember(*message);
      if (message->starts_with('/') && !message->starts_with("//")) {
        if (!RunCommand(*message)) return kExitOk;
      } else {
        const bool escaped = message->starts_with("//");
        Guarded([&] { Show(conversation_.Ask(message->substr(escaped ? 1 : 0), Callbacks())); });
      }
    }
    if (IsEnded()) return interrupt_.exit_code();
    if (editor_.interactive()) PrintOut("\n");
    // A script must learn that a turn failed; at the terminal the message was seen.
    return failed_ && !editor_.interactive() ? kExitFailure : kExitOk;
  }

 private:
  // A message of one line, of lines joined by a trailing backslash, or of a """ block; nullopt at
  // the end of the input.
  std::optional<std::string> ReadMessage() {
    std::string message;
    bool block = false, more = false;
    while (!IsEnded()) {
      interrupt_.Clear();
      const LineEditor::Input input = editor_.Read(more || block ? "... " : "> ");
      if (input.event == LineEditor::Event::kInterrupted) {
        if (!editor_.interactive()) return std::nullopt;
        PrintError("(Ctrl-D or /exit leaves)\n");
        message.clear();
        block = more = false;
        continue;
      }
      if (input.event == LineEditor::Event::kEnd) {
        return message.empty() ? std::nullopt : std::optional(message);
      }
      std::string line = input.line;
      if (!block && !more && line.starts_with("\"\"\"")) {
        block = true;
        line.erase(0, 3);
        if (line.empty()) continue;
      }
      if (block) {
        const bool closes = line.ends_with("\"\"\"");
        if (closes) line.resize(line.size() - 3);
        message += line;
        if (closes) return Trimmed(message);
        message += "\n";
        continue;
      }
      more = line.ends_with('\\');
      if (more) line.back() = '\n';
      message += line;
      if (!more) return message;
    }
    return std::nullopt;
  }

  // Whether a signal has come that is not Ctrl-C, which ends an answer or a line only.
  bool IsEnded() const {
    return interrupt_.interrupted() && interrupt_.exit_code() != kExitInterrupted;
  }

  static std::string Trimmed(std::string text) {
    text.erase(text.find_last_not_of('\n') + 1);
    return text;
  }

  Conversation::Callbacks Callbacks() {
    interrupt_.Clear();
    progress_.emplace("reading the conversation", 0);
    printer_.emplace(reasoning_);
    return {.on_text =
                [this](const DialectEvent& piece) {
                  progress_->Finish();
                  printer_->Print(piece);
                },
            .on_prompt = [this](int done, int) { progress_->Update(done); },
            .cancelled = [this] { return interrupt_.interrupted(); }};
  }

  // An error of one turn is shown; the conversation goes on.
  void Guarded(const std::function<void()>& action) {
    try {
      action();
    } catch (const Error& error) {
      progress_.reset();
      std::string text = error.what();
      if (error.code() == ErrorCode::kExhausted) text += ContextAdvice();
      PrintError(fmt::format("{} {}\n", Styled(Style::kRed, "tael: error:", true), text));
      failed_ = true;
    }
  }

  std::string ContextAdvice() const {
    return fmt::format(
        "\nThe conversation does not fit the context of {} tokens any more: /reset starts "
        "anew, /save keeps it, and --ctx makes the context larger (this model allows {}).",
        conversation_.session().max_context(), loaded_.model->spec.max_context);
  }

  void Show(const GenerationResult& result) {
    progress_.reset();
    PrintOut("\n");
    FlushOut();
    if (result.finish == FinishReason::kCancelled) PrintError("(answer ended by Ctrl-C)\n");
    if (result.finish == FinishReason::kContextFull) {
      PrintError(fmt::format("(the context is full: {} of {} tokens{}){}\n",
                             conversation_.session().length(),
                             conversation_.session().max_context(),
                             LongContextHint(loaded_.model->spec), ContextAdvice()));
    }
  }

  // False to leave.
  bool RunCommand(const std::string& message) {
    const size_t space = message.find(' ');
    const std::string name = message.substr(0, space);
    const std::string argument = space == std::string::npos ? "" : message.substr(space + 1);
    if (name == "/exit" || name == "/quit") return false;
    Guarded([&] { Execute(name, argument); });
    return true;
  }

  void Execute(const std::string& name, const std::string& argument) {
    if (name == "/help") {
      PrintOut(kHelp);
    } else if (name == "/system") {
      conversation_.SetSystem(argument);
      PrintError(argument.empty() ? "(no system message, new conversation)\n"
                                  : "(system message set, new conversation)\n");
    } else if (name == "/reset") {
      conversation_.Reset();
      PrintError("(new conversation)\n");
    } else if (name == "/regenerate") {
      Show(conversation_.Regenerate(Callbacks()));
    } else if (name == "/save" || name == "/load") {
      if (argument.empty()) Fail(ErrorCode::kInvalidArgument, "{} needs a file name", name);
      name == "/save" ? conversation_.Save(argument) : conversation_.Load(argument);
      PrintError(fmt::format("({} {}: {} turns)\n", name == "/save" ? "saved" : "loaded", argument,
                             conversation_.turns()));
    } else if (name == "/think") {
      conversation_.SetThinking(argument.empty() ? ThinkingWish() : ParseThinkingWish(argument));
      PrintError("(thinking set, from the next answer on)\n");
    } else if (name == "/stats") {
      PrintOut(Stats());
    } else {
      Fail(ErrorCode::kInvalidArgument, "unknown command '{}'.{} /help lists the commands", name,
           DidYouMean(name, CommandNames()));
    }
  }

  std::string Stats() const {
    const Session& session = conversation_.session();
    std::string text =
        fmt::format("context {} of {} tokens, {} turns, {} threads, kernels {}\nsampling: {}\n",
                    session.length(), session.max_context(), conversation_.turns(),
                    session.threads(), session.kernel_name(), sampling_);
    const std::string packed = PackedText(session.packed());
    text += packed.empty() ? "" : fmt::format("packed weights: {}\n", packed);
    if (const auto& last = conversation_.last()) {
      const auto speed = [](double count, double seconds) {
        return seconds > 0 ? count / seconds : 0;
      };
      const double count = static_cast<double>(last->tokens.size());
      text += fmt::format(
          "last answer: prompt {} tokens ({} cached) at {:.1f} tokens/s, {} tokens at {:.1f} "
          "tokens/s\n",
          last->prompt_tokens, last->cached_tokens,
          speed(last->prompt_tokens - last->cached_tokens, last->prompt_seconds),
          last->tokens.size(), speed(std::max(0.0, count - 1), last->decode_seconds));
    }
    return text;
  }

  const LoadedModel& loaded_;
  const std::optional<std::string> reasoning_;  // how it is shown
  const std::string sampling_;                  // what is sampled
  Conversation& conversation_;
  InterruptScope interrupt_;
  LineEditor editor_;
  std::optional<Progress> progress_;
  std::optional<AnswerPrinter> printer_;
  bool failed_ = false;
};

int Execute(const ChatOptions& options, const LoadedSettings& settings) {
  const RunSettings& run = settings.values.run;
  Conversation::Limits limits;
  limits.sampling = MakeSamplingParams(options.sampling, run);
  limits.max_tokens = MaxTokens(options.sampling, run);
  limits.stop_strings = StopTexts(options.sampling);
  limits.thinking = MakeThinkingWish(options.thinking);
  const LoadedModel loaded = LoadNamedModel(options.model, settings.values);
  const RecommendedSampling recommended =
      FindRecommendedSampling(*loaded.model, options.sampling, settings);
  const bool taken = UseRecommended(recommended, options.sampling, settings, limits.sampling);
  const std::string sampling =
      SamplingText(limits.sampling) + (taken ? " (" + recommended.source + ")" : "");
  limits.token_texts = UseVocabulary(options.sampling, *loaded.tokenizer, limits.sampling);
  SessionOptions session_options = MakeSessionOptions(options.model, run);
  session_options.adapters = AdapterChoices(options.model.loras);
  FitIntoMemory(loaded, options.model, run, session_options);
  Conversation conversation(loaded, session_options, limits);
  if (!options.system.empty()) conversation.SetSystem(options.system);
  return Chat(loaded, options.thinking.reasoning, sampling, conversation).Run();
}

}  // namespace

Command AddChatCommand(CommandParser& program) {
  auto options = std::make_shared<ChatOptions>();
  CommandParser& command = program.AddCommand(
      {.name = "chat",
       .description = "Talk to a model",
       .footer = "On a terminal: line editing, history, /help for commands. When stdin is piped,\n"
                 "each line is one user turn; exit code 1 if any turn failed."});
  AddModelFlags(command, options->model);
  AddAdapterOption(command, &options->model.loras);
  AddSamplingFlags(command, options->sampling);
  AddThinkingFlags(command, options->thinking);
  command.AddOption("--system", &options->system, "system message", {.type = "TEXT"});
  return {&command, [options](const LoadedSettings& s) { return Execute(*options, s); }};
}

}  // namespace tael
