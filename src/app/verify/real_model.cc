// References of real models: reference.json with logits.safetensors (what a float32 reference
// says), llamacpp.json (the bar of the integer path) and tokens.jsonl.gz. The model is named by
// SHA-256.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "app/environment.h"
#include "app/model_store.h"
#include "app/terminal.h"
#include "app/verify/checks.h"
#include "app/verify/golden_data.h"
#include "app/verify/lookup.h"
#include "app/verify/tokenizer_goldens.h"
#include "base/error.h"
#include "base/file.h"
#include "engine/perplexity.h"
#include "engine/session.h"
#include "model/model.h"

namespace tael {
namespace {

constexpr double kFloatTolerance = 1e-9;
constexpr double kFloatNll = 1e-3;      // of a single token, float path
constexpr double kIntegerShift = 4e-3;  // of the perplexity, where no bar is given
constexpr double kIntegerNmse = 3e-3;   // mean over positions, where no bar is given
constexpr double kIntegerMargin = 0.25, kFloatMargin = 0.01;  // of an argmax that must agree

struct Reference {
  std::string folder, path;
  Json json, bar;  // llamacpp.json; null when absent
  std::unique_ptr<Model> model;
  std::unique_ptr<Tokenizer> tokenizer;
};

const JsonArray& List(const Json& object, const std::string& key, const std::string& where) {
  const Json& value = Member(object, key, where);
  if (!value.is_array()) Fail(ErrorCode::kCorrupt, "{}: key '{}' is no array", where, key);
  return value.as_array();
}

std::string FindModel(const Json& json, const std::string& where, const VerifyContext& context) {
  const Json& model = Member(json, "model", where);
  const std::string sha256 = TextMember(model, "sha256", where);
  const Json* size = model.Find("bytes");
  const int64_t bytes = size != nullptr && size->is_int() ? size->as_int() : 0;
  std::vector<std::string> folders = {ModelStoreDirectory(context.settings)};
  if (const auto path = EnvironmentVariable("TAEL_MODEL_SMOLLM2")) {
    folders.push_back(DirectoryExists(*path) ? *path : DirName(*path));
  }
  for (const std::string& root : context.assets) {
    for (std::string& folder : LookupFolders(root, {root})) folders.push_back(std::move(folder));
  }
  for (const ModelEntry& entry : FindModels(context.settings)) {
    folders.push_back(DirectoryExists(entry.path) ? entry.path : DirName(entry.path));
  }
  folders.push_back(DirName(where));
  std::sort(folders.begin() + 1, folders.end());
  folders.erase(std::unique(folders.begin() + 1, folders.end()), folders.end());
  if (const auto found = LookUpHash(folders, sha256, bytes)) return *found;
  const std::string hint = sha256 == SmolLm2().sha256
                               ? fmt::format("run 'tael pull {}'", SmolLm2().alias)
                               : "put the file into the model store";
  const Json* file = model.Find("file");
  Fail(ErrorCode::kNotFound,
       "the model {} with SHA-256 {} is neither in the model store {} nor under --assets. Hint: "
       "{}, or "
       "name its folder with --assets",
       file != nullptr && file->is_string() ? file->as_string() : "", sha256,
       ModelStoreDirectory(context.settings), hint);
}

// One way of computing, with what it found.
class PathCheck {
 public:
  PathCheck(const Golden& golden, const Reference& reference, const VerifyContext& context,
            bool exact)
      : golden_(golden),
        reference_(reference),
        exact_(exact),
        label_(exact ? "(float)" : "(integer)"),
        session_(*reference.model, Options(context, exact)) {}

  std::vector<VerifyRow> Run() {
    AddRow("logits", [&](VerifyRow& row) { CheckLogits(row); });
    AddRow("argmax", [&](VerifyRow& row) { CheckArgmax(row); });
    if (exact_) AddRow("texts", [&](VerifyRow& row) { CheckTexts(row); });
    AddRow("perplexity", [&](VerifyRow& row) { CheckPerplexity(row); });
    return std::move(rows_);
  }

 private:
  static SessionOptions Options(const VerifyContext& context, bool exact) {
    SessionOptions options;
    options.runner.threads = context.threads;
    options.runner.matmul = exact ? MatmulMode::kFloat : MatmulMode::kInteger;
    options.runner.kv_dtype = exact ? DType::kF32 : DType::kF16;
    return options;
  }

  void AddRow(const std::string& what, const std::function<void(VerifyRow&)>& check) {
    VerifyRow row = MakeRow(golden_, what + " " + label_);
    CheckRow(row, check);
    rows_.push_back(std::move(row));
  }

  const std::string& where() const { return reference_.path; }

  std::vector<float> Evaluate(const std::vector<TokenId>& ids, bool all) {
    session_.Truncate(0);
    return session_.Evaluate(ids, {.all_logits = all, .hidden = false}).logits;
  }

  // NMSE of every position that logits.safetensors holds.
  std::vector<double> LogitErrors() {
    std::string file = "logits.safetensors";
    if (const Json* entry = reference_.json.Find("logits_file"))
      file = TextMember(*entry, "file", where());
    const GoldenFile golden(JoinPath(reference_.folder, file));
    const size_t vocabulary = static_cast<size_t>(reference_.model->spec.vocab_size);
    std::vector<double> errors;
    const JsonArray& prompts = List(reference_.json, "prompts", where());
    const std::vector<float> last = golden.Floats("prompts.last");
    CheckCount(last.size(), prompts.size() * vocabulary, golden.path());
    Progress progress("logits " + label_, static_cast<int64_t>(prompts.size()));
    for (size_t i = 0; i < prompts.size(); ++i) {
      const auto logits = Evaluate(IdsMember(prompts[i], "ids", where()), false);
      errors.push_back(Nmse(logits, std::span(last).subspan(i * vocabulary, vocabulary)));
      progress.Update(static_cast<int64_t>(i));
    }
    for (const Json& text : List(reference_.json, "texts", where())) {
      const auto wanted = golden.Floats("texts." + TextMember(text, "name", where()));
      const auto positions = NumbersMember(text, "logits_positions", where());
      CheckCount(wanted.size(), positions.size() * vocabulary, golden.path());
      const auto logits = Evaluate(IdsMember(text, "ids", where()), true);
      for (size_t i = 0; i < positions.size(); ++i) {
        const auto row = static_cast<size_t>(positions[i]);
        CheckCount(std::min(logits.size(), (row + 1) * vocabulary), (row + 1) * vocabulary,
                   where());
        errors.push_back(Nmse(std::span(logits).subspan(row * vocabulary, vocabulary),
                              std::span(wanted).subspan(i * vocabulary, vocabulary)));
      }
    }
    return errors;
  }

  static void CheckCount(size_t found, size_t needed, const std::string& where) {
    if (found != needed) {
      Fail(ErrorCode::kCorrupt, "{}: {} values where {} are needed", where, found, needed);
    }
  }

  double Bar(const char* group, const char* key, double fallback) const {
    const Json* entry = reference_.bar.Find(group);
    const Json* value = entry != nullptr ? entry->Find(key) : nullptr;
    return value != nullptr && value->is_number() ? value->as_double() : fallback;
  }

  void CheckLogits(VerifyRow& row) {
    std::vector<double> errors = LogitErrors();
    if (errors.empty()) Fail(ErrorCode::kCorrupt, "{}: no logits", where());
    std::sort(errors.begin(), errors.end());
    if (exact_) {
      Judge(row, errors.back(), kFloatTolerance);
      return;
    }
    double mean = 0;
    for (const double error : errors) mean += error / static_cast<double>(errors.size());
    const size_t half = errors.size() / 2;
    const double median =
        errors.size() % 2 == 1 ? errors[half] : (errors[half - 1] + errors[half]) / 2;
    const double median_bar = Bar("summary", "nmse_median", kIntegerNmse);
    Judge(row, mean, Bar("summary", "nmse_mean", kIntegerNmse));
    row.detail =
        fmt::format("median {:.3g} (bar {:.3g}), max {:.3g}", median, median_bar, errors.back());
    if (!(median <= median_bar)) row.status = RowStatus::kFail;
  }

  // Forces the reference's own answers and compares the best token where it is clear.
  void CheckArgmax(VerifyRow& row) {
    const double threshold = exact_ ? kFloatMargin : kIntegerMargin;
    int wrong = 0, compared = 0;
    for (const Json& run : List(reference_.json, "greedy", where())) {
      std::vector<TokenId> ids = IdsMember(run, "ids", where());
      const std::vector<TokenId> output = IdsMember(run, "output_ids", where());
      const std::vector<double> margins = NumbersMember(run, "margins", where());
      CheckCount(margins.size(), output.size(), where());
      if (ids.empty() || output.empty()) Fail(ErrorCode::kCorrupt, "{}: empty 'greedy'", where());
      const size_t first = ids.size() - 1;
      ids.insert(ids.end(), output.begin(), output.end() - 1);
      const std::vector<float> logits = Evaluate(ids, true);
      const auto vocabulary = static_cast<std::ptrdiff_t>(reference_.model->spec.vocab_size);
      for (size_t i = 0; i < output.size(); ++i) {
        if (margins[i] <= threshold) continue;
        const auto begin = logits.begin() + static_cast<std::ptrdiff_t>(first + i) * vocabulary;
        const auto best = std::max_element(begin, begin + vocabulary) - begin;
        ++compared;
        wrong += best == output[i] ? 0 : 1;
      }
    }
    Judge(row, wrong, 0);
    row.detail = fmt::format("{} of {} clear steps differ", wrong, compared);
  }

  // Every single log-likelihood of the texts; float path only.
  void CheckTexts(VerifyRow& row) {
    double worst = 0;
    for (const Json& text : List(reference_.json, "texts", where())) {
      const std::vector<double> wanted = NumbersMember(text, "nll", where());
      const std::vector<double> found = SequenceNll(session_, IdsMember(text, "ids", where()));
      CheckCount(found.size(), wanted.size(), where());
      for (size_t i = 0; i < found.size(); ++i) {
        worst = std::max(worst, std::abs(found[i] - wanted[i]));
      }
    }
    Judge(row, worst, kFloatNll);
  }

  void CheckPerplexity(VerifyRow& row) {
    const Json& golden = Member(reference_.json, "perplexity", where());
    const double window = Member(golden, "window", where()).as_double();
    double sum = 0;
    int64_t scored = 0;
    const JsonArray& parts = List(golden, "parts", where());
    Progress progress("perplexity " + label_, static_cast<int64_t>(parts.size()));
    for (const Json& part : parts) {
      const PerplexityResult result =
          Perplexity(session_, IdsMember(part, "ids", where()), static_cast<int>(window));
      sum += result.mean_nll * static_cast<double>(result.scored);
      scored += result.scored;
      progress.Update(scored);
    }
    if (scored == 0) Fail(ErrorCode::kCorrupt, "{}: nothing to score", where());
    const double wanted = Member(golden, "perplexity", where()).as_double();
    const double found = std::exp(sum / static_cast<double>(scored));
    const double bar_value = Bar("perplexity", "perplexity", 0);
    const double bar = bar_value > 0 ? std::abs(bar_value / wanted - 1) : kIntegerShift;
    Judge(row, std::abs(found / wanted - 1), exact_ ? 1e-5 : bar);
    row.detail = fmt::format("{:.4f}, reference {:.4f}", found, wanted);
  }

  const Golden& golden_;
  const Reference& reference_;
  bool exact_;
  std::string label_;
  Session session_;
  std::vector<VerifyRow> rows_;
};

// Ids of prompts and of rendered conversations; control tokens are recognised in both.
void CheckIds(VerifyRow& row, const Reference& reference) {
  int wrong = 0, count = 0;
  const auto compare = [&](const Json& entry, const char* key) {
    EncodeOptions options;
    options.parse_added_tokens = true;
    const auto found = reference.tokenizer->Encode(TextMember(entry, key, reference.path), options);
    ++count;
    wrong += found == IdsMember(entry, "ids", reference.path) ? 0 : 1;
  };
  for (const Json& prompt : List(reference.json, "prompts", reference.path))
    compare(prompt, "text");
  for (const Json& run : List(reference.json, "greedy", reference.path)) compare(run, "rendered");
  Judge(row, wrong, 0);
  row.detail = fmt::format("{} of {} texts differ", wrong, count);
}

void AddTokenFile(const Golden& golden, const VerifyContext& context, const Reference& reference,
                  std::vector<VerifyRow>& rows) {
  const std::string tokens = JoinPath(reference.folder, "tokens.jsonl.gz");
  if (!FileExists(tokens)) return;
  const auto corpus =
      LookUp(LookupFolders(reference.folder, context.assets), {"corpus.jsonl.gz", "corpus.jsonl"});
  if (!corpus) {
    PrintError(
        fmt::format("tael: note: {}: its texts (corpus.jsonl.gz) were not found; --assets "
                    "names their folder\n",
                    tokens));
    return;
  }
  VerifyRow row = MakeRow(golden, "tokens");
  row.path = tokens;
  CheckRow(row, [&](VerifyRow& r) {
    CompareTokens(r, tokens, ReadCorpus(*corpus), *reference.tokenizer);
  });
  rows.push_back(std::move(row));
}

}  // namespace

std::vector<VerifyRow> CheckReferenceGolden(const Golden& golden, const VerifyContext& context) {
  Reference reference;
  reference.path = golden.path;
  reference.folder = DirName(golden.path);
  std::vector<VerifyRow> rows;
  VerifyRow ids = MakeRow(golden, "ids");
  CheckRow(ids, [&](VerifyRow& row) {
    reference.json = ReadJsonFile(golden.path);
    const std::string bar = JoinPath(reference.folder, "llamacpp.json");
    if (FileExists(bar)) reference.bar = ReadJsonFile(bar);
    reference.model = LoadModel(FindModel(reference.json, golden.path, context));
    reference.tokenizer = Tokenizer::FromCheckpoint(reference.model->checkpoint);
    CheckIds(row, reference);
  });
  rows.push_back(std::move(ids));
  if (reference.tokenizer == nullptr) return rows;
  AddTokenFile(golden, context, reference, rows);
  const auto add_path = [&](bool exact) {
    VerifyRow whole = MakeRow(golden, exact ? "(float)" : "(integer)");
    std::vector<VerifyRow> found;
    CheckRow(whole,
             [&](VerifyRow&) { found = PathCheck(golden, reference, context, exact).Run(); });
    if (found.empty()) found.push_back(whole);  // the session itself failed
    rows.insert(rows.end(), found.begin(), found.end());
  };
  if (context.matmul != MatmulChoice::kInteger) add_path(true);
  if (context.matmul != MatmulChoice::kFloat) add_path(false);
  return rows;
}

}  // namespace tael
