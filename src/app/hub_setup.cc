#include "app/hub_setup.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "app/environment.h"
#include "app/memory.h"
#include "app/model_flags.h"
#include "app/version.h"
#include "base/error.h"
#include "base/file.h"

namespace tael {
namespace {

namespace fs = std::filesystem;

std::string Trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \n\r\t") + 1);
  text.erase(0, text.find_first_not_of(" \n\r\t"));
  return text;
}

std::string HuggingFaceToken() {
  for (const char* variable : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    if (const auto token = EnvironmentVariable(variable)) return Trimmed(*token);
  }
  const auto cache = EnvironmentVariable("XDG_CACHE_HOME");
  const std::string home = EnvironmentVariable("HF_HOME").value_or(
      JoinPath(cache ? *cache : JoinPath(HomeDirectory(), ".cache"), "huggingface"));
  const std::string file = EnvironmentVariable("HF_TOKEN_PATH").value_or(JoinPath(home, "token"));
  constexpr int64_t kMaxBytes = 4096;
  return FileExists(file) ? Trimmed(ReadFile(file, kMaxBytes)) : "";
}

// The variable's value as the address of a hub, without a slash at its end.
void SetEndpoint(const char* variable, std::string* url) {
  auto value = EnvironmentVariable(variable);
  if (!value) return;
  while (value->ends_with('/')) value->pop_back();
  if (value->find("://") == std::string::npos) *value = "https://" + *value;
  SplitUrl(*value, variable);
  *url = *value;
}

std::string WithName(std::string text, const std::string& path, const std::string& name) {
  for (size_t at = text.find(path); at != std::string::npos; at = text.find(path, at)) {
    text.replace(at, path.size(), name);
    at += name.size();
  }
  return text;
}

void CheckMemory(const Settings& settings, const LoadedModel& loaded, const ModelFlags& flags) {
  MemoryWish wish = MakeMemoryWish(flags, settings.run);
  wish.shape = [](int context) { return ShapeOf(SessionOptions{}, context); };
  RefuseUnlessFits(loaded, wish, PlanRun(*loaded.model, wish));
}

ModelFlags FlagsFor(const std::string& path) {
  ModelFlags flags;
  flags.model = path;
  flags.no_weight_cache = true;
  return flags;
}

// The files of a folder as a hub would list them, so that the same ones are chosen.
std::vector<RemoteFile> ListFolder(const std::string& folder) {
  std::vector<RemoteFile> files;
  for (const std::string& name : ListDirectory(folder)) {
    const std::string path = JoinPath(folder, name);
    if (FileExists(path)) files.push_back({.path = name, .size = FileSize(path)});
  }
  return files;
}

}  // namespace

PullSetup MakePullSetup(const Settings& settings) {
  PullSetup setup;
  setup.store = ModelStoreDirectory(settings);
  setup.keep_free =
      settings.hub.keep_free == "0" ? 0 : ParseByteCount(settings.hub.keep_free, "hub.keep_free");
  setup.endpoints.huggingface.token = HuggingFaceToken();
  setup.endpoints.modelscope.token =
      Trimmed(EnvironmentVariable("MODELSCOPE_API_TOKEN").value_or(""));
  SetEndpoint("HF_ENDPOINT", &setup.endpoints.huggingface.url);
  SetEndpoint("MODELSCOPE_DOMAIN", &setup.endpoints.modelscope.url);
  SetEndpoint("MODELSCOPE_ENDPOINT", &setup.endpoints.modelscope.url);
  DownloadOptions& download = setup.download;
  download.connections = settings.hub.connections;
  download.retry.attempts = settings.hub.retries;
  download.retry.first = std::chrono::milliseconds(settings.hub.retry_delay_ms);
  download.http.silence_seconds = settings.hub.timeout_seconds;
  download.http.connect_seconds = settings.hub.timeout_seconds;
  download.http.user_agent = std::string("tael/") + Version();
  download.http.ca_file = EnvironmentVariable("SSL_CERT_FILE").value_or("");
  return setup;
}

HubKind DefaultHub(const Settings& settings) {
  return settings.hub.source == "modelscope" ? HubKind::kModelScope : HubKind::kHuggingFace;
}

void InspectBeforePull(const Settings& settings, const std::string& path, const std::string& name) {
  try {
    const ModelFlags flags = FlagsFor(path);
    const LoadedModel loaded = LoadNamedModel(flags, settings, LoadFor::kPlanning);
    CheckMemory(settings, loaded, flags);
  } catch (const Error& error) {
    throw Error(error.code(),
                WithName(error.what(), path, name) +
                    ". Nothing was downloaded but headers; --force downloads it nevertheless");
  }
}

LocalModel OpenLocalModel(const std::string& path, const std::string& name,
                          const Settings& settings) {
  const LoadedModel loaded = LoadNamedModel(FlagsFor(path), settings, LoadFor::kPlanning);
  const Checkpoint& checkpoint = loaded.model->checkpoint;
  LocalModel local{.model = {.source = "disk", .origin = fs::canonical(path).string()},
                   .files = {}};
  std::string plain = BaseName(local.model.origin);
  if (checkpoint.container == Container::kGguf) {
    for (const auto& file : checkpoint.files) {
      local.files.push_back({BaseName(file->path()), file->path()});
    }
    local.model.entry = local.files[0].path;
    if (plain.ends_with(".gguf")) plain = ParseSplitName(plain.substr(0, plain.size() - 5)).stem;
  } else if (checkpoint.container == Container::kSafetensors && DirectoryExists(path)) {
    const std::vector<RemoteFile> there = ListFolder(path);
    const std::string index = JoinPath(path, kSafetensorsIndex);
    const std::string index_text = NeedsIndex(there, "") ? ReadFile(index) : "";
    for (const RemoteFile& file : SelectFiles(there, "", index_text, path).files) {
      local.files.push_back({file.path, JoinPath(path, file.path)});
    }
  } else {
    Fail(ErrorCode::kUnsupported,
         "{}: only a GGUF file or a folder of safetensors can be put into the store", path);
  }
  local.model.name = name.empty() ? plain : name;
  return local;
}

}  // namespace tael
