#include "hub/select_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "hub/model_reference.h"

namespace tael {
namespace {

// Beside the weights of a repository of safetensors.
constexpr std::string_view kCompanions[] = {"config.json",          "generation_config.json",
                                            "tokenizer.json",       "tokenizer_config.json",
                                            "tokenizer.model",      "special_tokens_map.json",
                                            "added_tokens.json",    "vocab.json",
                                            "merges.txt",           "chat_template.jinja",
                                            "chat_template.json",   "tiktoken.model",
                                            "quantize_config.json", "quant_config.json",
                                            "hf_quant_config.json"};

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string Shown(int64_t bytes) {
  constexpr double kUnit = 1e9;
  return bytes < 100'000'000 ? fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6)
                             : fmt::format("{:.2f} GB", static_cast<double>(bytes) / kUnit);
}

const RemoteFile* Find(const std::vector<RemoteFile>& files, std::string_view path) {
  const auto found = std::find_if(files.begin(), files.end(),
                                  [&](const RemoteFile& file) { return file.path == path; });
  return found == files.end() ? nullptr : &*found;
}

bool IsLicence(std::string_view path) {
  return path.find('/') == path.npos && (path.starts_with("LICENSE") || path.starts_with("NOTICE"));
}

std::string ListOf(const std::vector<GgufChoice>& choices) {
  std::string list;
  for (const GgufChoice& choice : choices) {
    list +=
        fmt::format("\n  {:<12} {:>10}  {}{}", choice.label, Shown(choice.bytes), choice.stem,
                    choice.files.size() > 1 ? fmt::format(" ({} files)", choice.files.size()) : "");
  }
  return list;
}

// Names that differ in the case of letters only would be one file on some systems.
void CheckNames(const std::vector<RemoteFile>& files, std::string_view where) {
  std::set<std::string> seen;
  for (const RemoteFile& file : files) {
    CheckRemotePath(file.path, where);
    if (!seen.insert(Lower(file.path)).second) {
      Fail(ErrorCode::kCorrupt, "{}: lists '{}' twice", where, file.path);
    }
  }
}

void SortSmallFirst(std::vector<RemoteFile>* files) {
  const auto weights = [](const RemoteFile& file) {
    return file.path.ends_with(".gguf") || file.path.ends_with(".safetensors");
  };
  std::stable_sort(files->begin(), files->end(), [&](const RemoteFile& a, const RemoteFile& b) {
    return weights(a) < weights(b);
  });
}

FileSelection SelectGguf(const std::vector<RemoteFile>& files, const GgufChoice& choice,
                         std::string_view quant, std::string_view where) {
  if (!choice.complete) {
    Fail(ErrorCode::kCorrupt, "{}: the split set of '{}' is listed with {} of {} files", where,
         choice.stem, choice.files.size(),
         ParseSplitName(choice.files[0].path.substr(0, choice.files[0].path.size() - 5)).count);
  }
  FileSelection selection{.files = choice.files, .entry = choice.files[0].path};
  if (!quant.empty()) selection.quant = Lower(quant) == Lower(choice.label) ? choice.label : quant;
  for (const RemoteFile& file : files) {
    if (IsLicence(file.path)) selection.files.push_back(file);
  }
  return selection;
}

// The choice that `quant` names. Throws with the list.
const GgufChoice& ChooseGguf(const std::vector<GgufChoice>& choices, std::string_view quant,
                             std::string_view where) {
  std::vector<const GgufChoice*> found;
  const std::string wanted = Lower(quant);
  for (const bool by_stem : {false, true}) {
    for (const GgufChoice& choice : choices) {
      if (Lower(by_stem ? choice.stem : choice.label) == wanted) found.push_back(&choice);
    }
    if (!found.empty()) break;
  }
  if (found.size() == 1) return *found[0];
  if (choices.empty()) {
    Fail(ErrorCode::kNotFound,
         "{}: there are no GGUF files, so no '{}'. Hint: without ':{}' the whole model is taken",
         where, quant, quant);
  }
  if (found.empty()) {
    Fail(ErrorCode::kNotFound, "{}: there is no '{}'. There is:{}\nHint: {}:{}", where, quant,
         ListOf(choices), where, choices[0].label);
  }
  std::vector<GgufChoice> same;
  same.reserve(found.size());
  for (const GgufChoice* choice : found) same.push_back(*choice);
  Fail(ErrorCode::kInvalidArgument, "{}: '{}' means several files:{}\nHint: {}:{}", where, quant,
       ListOf(same), where, same[0].stem);
}

[[noreturn]] void NoModel(const std::vector<RemoteFile>& files, std::string_view where) {
  const auto has = [&](std::string_view ending) {
    return std::any_of(files.begin(), files.end(),
                       [&](const RemoteFile& file) { return file.path.ends_with(ending); });
  };
  if (Find(files, "adapter_config.json") != nullptr) {
    Fail(ErrorCode::kUnsupported,
         "{}: holds an adapter, no model. Hint: pull its base model; give the adapter by --lora",
         where);
  }
  if (has(".bin") || has(".pt") || has(".pth") || has(".ckpt")) {
    Fail(ErrorCode::kUnsupported,
         "{}: its weights are pickles (.bin, .pt), which can run programs when they are read and "
         "are "
         "not taken. Hint: look for the model in safetensors or GGUF",
         where);
  }
  if (has(".onnx")) {
    Fail(ErrorCode::kUnsupported,
         "{}: its weights are ONNX graphs. Hint: look for the model in safetensors or GGUF", where);
  }
  Fail(ErrorCode::kNotFound, "{}: holds no model: none of its {} files is a GGUF or {}", where,
       files.size(), "model.safetensors");
}

FileSelection SelectSafetensors(const std::vector<RemoteFile>& files, std::string_view index_text,
                                std::string_view where) {
  FileSelection selection;
  for (const RemoteFile& file : files) {
    const bool companion = std::find(std::begin(kCompanions), std::end(kCompanions), file.path) !=
                           std::end(kCompanions);
    const bool tiktoken =
        file.path.ends_with(".tiktoken") && file.path.find('/') == std::string::npos;
    if (companion || tiktoken || IsLicence(file.path)) selection.files.push_back(file);
  }
  std::vector<std::string> weights = {"model.safetensors"};
  if (const RemoteFile* index = Find(files, kSafetensorsIndex)) {
    selection.files.push_back(*index);
    weights = ShardsOfIndex(index_text, fmt::format("{} {}", where, kSafetensorsIndex));
  }
  for (const std::string& name : weights) {
    const RemoteFile* file = Find(files, name);
    if (file == nullptr || !name.ends_with(".safetensors")) {
      Fail(ErrorCode::kCorrupt, "{}: {} names '{}', which the repository does not have as weights",
           where, kSafetensorsIndex, name.substr(0, 120));
    }
    selection.files.push_back(*file);
  }
  if (Find(files, "config.json") == nullptr) {
    Fail(ErrorCode::kUnsupported,
         "{}: has weights but no config.json, without which they mean nothing", where);
  }
  return selection;
}

}  // namespace

std::vector<GgufChoice> GgufChoices(const std::vector<RemoteFile>& files) {
  std::map<std::string, std::map<int, RemoteFile>> sets;  // by folder and stem; parts by number
  std::map<std::string, int> counts;
  for (const RemoteFile& file : files) {
    if (!file.path.ends_with(".gguf") || Lower(BaseName(file.path)).starts_with("mmproj")) continue;
    const SplitName split = ParseSplitName(file.path.substr(0, file.path.size() - 5));
    const std::string key = fmt::format("{}|{}", split.stem, split.count);
    sets[key].emplace(split.number, file);
    counts[key] = split.count;
  }
  std::vector<GgufChoice> choices;
  for (const auto& [key, parts] : sets) {
    GgufChoice choice{.stem = BaseName(key.substr(0, key.rfind('|')))};
    for (const auto& [number, file] : parts) {
      choice.files.push_back(file);
      choice.bytes += file.size;
    }
    choice.complete = static_cast<int>(parts.size()) == counts[key];
    choice.label = QuantOfName(choice.stem);
    // Some keep each quantisation in a folder of its name.
    if (choice.label.empty()) choice.label = QuantOfName(DirName(choice.files[0].path));
    if (choice.label.empty()) choice.label = choice.stem;
    choices.push_back(std::move(choice));
  }
  return choices;
}

bool NeedsIndex(const std::vector<RemoteFile>& files, std::string_view quant) {
  return quant.empty() && Find(files, kSafetensorsIndex) != nullptr;
}

FileSelection SelectFiles(const std::vector<RemoteFile>& files, std::string_view quant,
                          std::string_view index_text, std::string_view where) {
  FileSelection selection;
  const std::vector<GgufChoice> choices = GgufChoices(files);
  if (!quant.empty()) {
    selection = SelectGguf(files, ChooseGguf(choices, quant, where), quant, where);
  } else if (Find(files, kSafetensorsIndex) != nullptr ||
             Find(files, "model.safetensors") != nullptr) {
    selection = SelectSafetensors(files, index_text, where);
  } else if (choices.size() == 1) {
    selection = SelectGguf(files, choices[0], "", where);
  } else if (choices.empty()) {
    NoModel(files, where);
  } else {
    Fail(ErrorCode::kInvalidArgument,
         "{}: holds {} models in GGUF; which one?{}\nHint: for example {}:{}", where,
         choices.size(), ListOf(choices), where, choices[0].label);
  }
  CheckNames(selection.files, where);
  SortSmallFirst(&selection.files);
  return selection;
}

}  // namespace tael
