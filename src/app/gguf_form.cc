#include "app/gguf_form.h"

#include <fmt/format.h>

#include <utility>

#include "app/model_flags.h"
#include "app/terminal.h"
#include "base/error.h"
#include "base/file.h"
#include "model/convert/metadata.h"
#include "model/convert/packed_form.h"
#include "text/chat_template.h"
#include "text/vocabulary_to_gguf.h"

namespace tael {
namespace {

std::string TextOf(const Checkpoint& checkpoint, const char* name) {
  const std::string path = JoinPath(checkpoint.directory, name);
  return FileExists(path) ? ReadFile(path) : "";
}

// For people: the last part of the model's directory.
std::string NameOf(const Checkpoint& checkpoint) {
  std::string directory = checkpoint.directory;
  while (directory.ends_with('/')) directory.pop_back();
  const std::string name = BaseName(directory);
  return name == "." || name == ".." ? "" : name;
}

void Append(GgufEntries&& from, GgufEntries* entries) {
  for (auto& entry : from) entries->push_back(std::move(entry));
}

void AddTokenizer(bool no_tokenizer, const Model& model, GgufEntries* entries) {
  const Checkpoint& checkpoint = model.checkpoint;
  if (const auto file = Llama2cTokenizerOf(checkpoint); file && !no_tokenizer) {
    return Append(Llama2cVocabularyToGguf(ReadFile(*file), *file, model.spec.vocab_size), entries);
  }
  const std::string json = JoinPath(checkpoint.directory, "tokenizer.json");
  if (no_tokenizer || !FileExists(json)) {
    if (!no_tokenizer) {
      for (const std::string& name : ListDirectory(checkpoint.directory)) {
        if (!name.starts_with("tokenizer.") && !name.ends_with(".tiktoken")) continue;
        Fail(ErrorCode::kUnsupported,
             "{}: only tokenizer.json can be put into a GGUF file, found {}. Hint: --no-tokenizer "
             "writes the network alone",
             checkpoint.directory, name);
      }
    }
    return Note("the file gets no tokenizer");
  }
  GgufVocabulary vocabulary = VocabularyToGguf(
      ReadFile(json), TextOf(checkpoint, "tokenizer_config.json"), model.spec.vocab_size);
  if (!vocabulary.not_expressed.empty()) {
    Note(
        fmt::format("GGUF's keys cannot express the tokenizer: {}. It is carried as "
                    "tokenizer.huggingface.json, "
                    "which not every program reads",
                    vocabulary.not_expressed));
  }
  Append(std::move(vocabulary.entries), entries);
  if (const auto chat = ChatTemplate::FindSource(checkpoint)) {
    entries->emplace_back("tokenizer.chat_template", GgufText(*chat));
  }
}

}  // namespace

const Family& FamilyOf(const Model& model) {
  const Family* family = FindFamily(model.checkpoint.config.Strings("architectures")[0]);
  TAEL_CHECK(family != nullptr);  // the model was loaded
  return *family;
}

void Note(const std::string& text) { PrintError("tael: note: " + text + "\n"); }

void ReportDropped(const std::vector<std::string>& dropped) {
  if (dropped.empty()) return;
  Note(fmt::format("{} tensor(s) that the network does not use are left out, the first is {}",
                   dropped.size(), dropped[0]));
}

GgufForm MakeGgufForm(const Model& model, const GgufFormOptions& options) {
  const Family& family = FamilyOf(model);
  if (options.decoders == nullptr) RequireGgufForm(model);
  const GgufArch& arch = GgufArchOf(family);
  GgufForm form;
  form.entries = GgufEntriesOf(model, arch, NameOf(model.checkpoint));
  form.converted = TensorsForGguf({model, family, options.matrices, options.decoders}, arch);
  if (model.checkpoint.container == Container::kSafetensors) {  // only they have a way back
    GgufEntries carried = form.entries;  // AddCarried() looks at the keys of the architecture
    AddCarried(model, &carried);
    form.more.assign(carried.begin() + static_cast<std::ptrdiff_t>(form.entries.size()),
                     carried.end());
  }
  AddTokenizer(options.no_tokenizer, model, &form.more);
  return form;
}

GgufEntries Joined(GgufForm& form, const GgufEntries& between) {
  GgufEntries all = std::move(form.entries);
  all.insert(all.end(), between.begin(), between.end());
  for (auto& entry : form.more) all.push_back(std::move(entry));
  form.more.clear();
  return all;
}

}  // namespace tael
