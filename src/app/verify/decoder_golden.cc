// Goldens of decoders: logits, hidden states and greedy ids of tiny checkpoints, safetensors or
// GGUF. Two layouts: input_ids_N / logits_N (one per family), and input_ids / logits (quantised
// formats).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/verify/checks.h"
#include "app/verify/golden_data.h"
#include "app/verify/golden_models.h"
#include "app/verify/prediction_golden.h"
#include "base/error.h"
#include "base/file.h"
#include "engine/generate.h"
#include "model/model.h"
#include "ops/decode_rows.h"
#include "quant/integer_form.h"

namespace tael {
namespace {

constexpr double kFloatTolerance = 1e-9;    // float32 arithmetic on exact weights
constexpr double kIntegerTolerance = 3e-3;  // activations rounded to 8 bits per block

double Tolerance(const std::string& golden_path) {
  const std::string meta = JoinPath(DirName(golden_path), "meta.json");
  if (!golden_path.ends_with("/golden.safetensors") || !FileExists(meta)) return kFloatTolerance;
  const Json json = ReadJsonFile(meta);
  const Json* tolerance = json.Find("tolerance_nmse");
  return tolerance != nullptr && tolerance->is_number() ? tolerance->as_double() : kFloatTolerance;
}

// How a prompt is cut before it is evaluated; the result must not depend on it.
enum class Cutting { kWhole, kSingle, kRandom };
constexpr Cutting kCuttings[] = {Cutting::kWhole, Cutting::kSingle, Cutting::kRandom};
const char* CuttingName(Cutting cutting) {
  switch (cutting) {
    case Cutting::kWhole:
      return "whole prompt";
    case Cutting::kSingle:
      return "token by token";
    case Cutting::kRandom:
      return "random pieces";
  }
  return "";
}

size_t NextPiece(Cutting cutting, size_t left, uint64_t& state) {
  if (cutting == Cutting::kWhole) return left;
  if (cutting == Cutting::kSingle) return 1;
  constexpr size_t kLongest = 19;
  state = state * 6364136223846793005u + 1442695040888963407u;  // Knuth's MMIX generator
  return std::min(left, 1 + static_cast<size_t>(state >> 33) % kLongest);
}

// Logits [T, V] (and hidden states [L + 1, T, D] when asked for) of a prompt from an empty cache.
EvalResult EvaluateCut(Session& session, const std::vector<TokenId>& ids, Cutting cutting,
                       bool hidden) {
  session.Truncate(0);
  EvalResult all;
  uint64_t state = ids.size();
  for (size_t begin = 0; begin < ids.size();) {
    const size_t count = NextPiece(cutting, ids.size() - begin, state);
    const EvalResult piece = session.Evaluate(std::span(ids).subspan(begin, count),
                                              {.all_logits = true, .hidden = hidden});
    all.logits.insert(all.logits.end(), piece.logits.begin(), piece.logits.end());
    all.AppendRecords(piece.hidden, piece.routers);
    begin += count;
  }
  all.rows = static_cast<int64_t>(ids.size());
  return all;
}

// Collects the worst error and what is wrong.
struct Verdict {
  double worst = 0;
  std::string detail;
  bool failed = false;
  Agreement top1, greedy;

  void Error(double error, double tolerance, const std::string& what) {
    if (error <= tolerance) {
      worst = std::max(worst, error);
      return;
    }
    Wrong(fmt::format("{}: NMSE {:.3g}", what, error));
    worst = std::max(worst, error);
  }
  void Wrong(const std::string& what) {
    if (!detail.empty()) detail += "; ";
    detail += what;
    failed = true;
  }
};

// "" when the experts are the golden's and their weights close; goldens sort by falling weight.
// `scale` is what the family multiplies its scores by: DeepSeek-V2 by 16.
std::string CompareRouting(const RouterRecord& record, float scale, const std::vector<TokenId>& ids,
                           const std::vector<float>& weights) {
  const float tolerance = 1e-5f * std::max(1.0f, scale);
  if (record.experts.size() != ids.size() || weights.size() != ids.size()) {
    return fmt::format("golden has {} choices, the model made {}", ids.size(),
                       record.experts.size());
  }
  const auto per_token = static_cast<size_t>(record.experts_per_token);
  for (size_t first = 0; first < ids.size(); first += per_token) {
    std::vector<std::pair<int32_t, float>> wanted;
    for (size_t i = first; i < first + per_token; ++i) wanted.emplace_back(ids[i], weights[i]);
    std::sort(wanted.begin(), wanted.end());
    for (size_t i = 0; i < per_token; ++i) {
      const int32_t expert = record.experts[first + i];
      const float weight = record.weights[first + i];
      if (expert != wanted[i].first) {
        return fmt::format("token {} takes expert {} where the golden takes {}", first / per_token,
                           expert, wanted[i].first);
      }
      if (!(std::fabs(weight - wanted[i].second) <= tolerance)) {
        return fmt::format("token {}, expert {}: weight {}, needed {}", first / per_token, expert,
                           weight, wanted[i].second);
      }
    }
  }
  return "";
}

class DecoderCheck {
 public:
  DecoderCheck(const GoldenModel& golden, const GoldenFile& file, const SessionOptions& options,
               double tolerance, Verdict& verdict)
      : model_(*golden.model),
        file_(file),
        tolerance_(tolerance),
        prompts_(golden.prompts),
        runner_(options.runner),
        session_(model_, WithContext(options)),
        verdict_(verdict) {}

  // Everything the golden holds for these prompts. `exact`: float path, where hidden states and
  // greedy ids must agree.
  void Run(bool exact) {
    for (const GoldenPrompt& prompt : prompts_) {
      for (const Cutting cutting : kCuttings) CheckPrompt(prompt, cutting, exact);
      CheckGreedy(prompt, exact);
    }
  }

 private:
  SessionOptions WithContext(SessionOptions options) const {
    size_t longest = 0;
    for (const GoldenPrompt& prompt : prompts_) {
      longest = std::max(longest, prompt.ids.size() + prompt.greedy.size());
    }
    options.max_context = std::min(static_cast<int>(longest) + 1, model_.spec.max_context);
    return options;
  }

  void CheckPrompt(const GoldenPrompt& prompt, Cutting cutting, bool exact) {
    const std::string hidden = "hidden" + prompt.suffix;
    const bool with_hidden = exact && file_.Has(hidden);
    const EvalResult result = EvaluateCut(session_, prompt.ids, cutting, with_hidden);
    const std::vector<float> golden = file_.Floats("logits" + prompt.suffix);
    const std::string where = fmt::format("logits{}, {}", prompt.suffix, CuttingName(cutting));
    if (golden.empty() || golden.size() > result.logits.size() ||
        golden.size() % static_cast<size_t>(model_.spec.vocab_size) != 0) {
      verdict_.Wrong(fmt::format("{}: golden has {} values, the model gives {}", where,
                                 golden.size(), result.logits.size()));
      return;
    }
    // Goldens of long prompts hold the last rows only.
    const auto logits = std::span(result.logits).last(golden.size());
    verdict_.Error(Nmse(logits, golden), tolerance_, where);
    if (cutting == Cutting::kWhole) CountTop1(logits, golden);
    if (!with_hidden) return;
    std::vector<float> states;
    for (const auto& layer : result.hidden) states.insert(states.end(), layer.begin(), layer.end());
    verdict_.Error(Nmse(states, file_.Floats(hidden)), tolerance_,
                   fmt::format("{}, {}", hidden, CuttingName(cutting)));
    CheckRouters(prompt, result.routers, cutting);
    if (cutting != Cutting::kWhole) return;
    for (const PredictionError& error : ComparePredictions(model_, file_, prompt.suffix, prompt.ids,
                                                           result.hidden.back(), runner_)) {
      verdict_.Error(error.nmse, tolerance_, error.what);
    }
  }

  void CountTop1(std::span<const float> logits, std::span<const float> golden) {
    const auto width = static_cast<size_t>(model_.spec.vocab_size);
    const auto best = [&](std::span<const float> all, size_t row) {
      const auto values = all.subspan(row * width, width);
      return std::max_element(values.begin(), values.end()) - values.begin();
    };
    for (size_t row = 0; row < golden.size() / width; ++row) {
      verdict_.top1.Count(best(logits, row) == best(golden, row));
    }
  }

  // Experts and weights of every layer that has a router.
  void CheckRouters(const GoldenPrompt& prompt, const std::vector<RouterRecord>& records,
                    Cutting cutting) {
    size_t next = 0;
    for (size_t layer = 0; layer < model_.spec.layers.size(); ++layer) {
      const auto* moe = std::get_if<MoeFfnSpec>(&model_.spec.layers[layer].ffn);
      if (moe == nullptr) continue;
      const RouterRecord& record = records[next++];
      const std::string ids = fmt::format("router_ids{}.{}", prompt.suffix, layer);
      const std::string weights = fmt::format("router_weights{}.{}", prompt.suffix, layer);
      if (!file_.Has(ids)) continue;
      const std::string problem =
          CompareRouting(record, moe->router.scale, file_.Ids(ids), file_.Floats(weights));
      if (problem.empty()) continue;
      verdict_.Wrong(fmt::format("{}, {}: {}", ids, CuttingName(cutting), problem));
    }
  }

  // With rounded activations another token may win narrowly; that is counted, not judged.
  void CheckGreedy(const GoldenPrompt& prompt, bool exact) {
    const std::vector<TokenId>& wanted = prompt.greedy;
    if (wanted.empty()) return;
    session_.Truncate(0);
    GenerationRequest request;
    request.prompt = prompt.ids;
    request.max_tokens = static_cast<int>(wanted.size());
    const std::vector<TokenId> found = Generate(session_, request).tokens;
    size_t same = 0;
    while (same < found.size() && same < wanted.size() && found[same] == wanted[same]) ++same;
    for (size_t i = 0; i < wanted.size(); ++i) verdict_.greedy.Count(i < same);
    if (found == wanted || !exact) return;
    verdict_.Wrong(
        fmt::format("greedy ids{} differ at step {} of {}", prompt.suffix, same, wanted.size()));
  }

  const Model& model_;
  const GoldenFile& file_;
  double tolerance_;
  const std::vector<GoldenPrompt>& prompts_;
  RunnerOptions runner_;
  Session session_;
  Verdict& verdict_;
};

// The matrix that a checkpoint stores under `name`, plain or packed. Throws kUnsupported.
Weight StoredMatrix(const Model& model, const std::string& name) {
  for (const NamedPacked& packed : model.weights.packed) {
    if (packed.name != name) continue;
    Weight weight{.n = packed.matrix->n, .k = packed.matrix->k};
    weight.packed = packed.matrix;
    return weight;
  }
  const TensorInfo* tensor = model.checkpoint.tensors.Find(name);
  if (tensor == nullptr || !CanDecode(tensor->dtype) || tensor->shape.size() != 2) {
    Fail(ErrorCode::kUnsupported, "decoded rows of '{}' cannot be checked", name);
  }
  return {.dtype = tensor->dtype,
          .n = tensor->shape[0],
          .k = tensor->shape[1],
          .data = tensor->bytes.data(),
          .row_bytes = StorageBytes(tensor->dtype, tensor->shape[1]).value_or(0)};
}

// Decoded rows of stored weights: dequant.NAME.row_index, dequant.NAME.rows.
void CheckDecodedRows(const Model& model, const GoldenFile& file, Verdict& verdict) {
  for (const std::string& name : file.Names()) {
    if (!name.starts_with("dequant.") || !name.ends_with(".rows")) continue;
    const std::string base = name.substr(0, name.size() - 5);
    const Weight weight = StoredMatrix(model, base.substr(8));
    const std::vector<float> golden = file.Floats(name);
    const std::vector<TokenId> rows = file.Ids(base + ".row_index");
    std::vector<float> decoded(static_cast<size_t>(weight.k) * rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] < 0 || rows[i] >= weight.n) {
        Fail(ErrorCode::kCorrupt, "{}: row index", file.path());
      }
      DecodeRows(weight, rows[i], 1, *SelectKernelTable(),
                 decoded.data() + static_cast<int64_t>(i) * weight.k);
    }
    if (decoded != golden) verdict.Wrong("decoded rows of " + base.substr(8) + " differ");
  }
}

// Tensors of goldens that no check looks at yet make a row `unsupported` instead of passing it.
// Drafts cannot be compared where the converter dropped the prediction layers: that is every GGUF
// file of DeepSeek-V3. A checkpoint of Hugging Face has them.
void RefuseUncheckedTensors(const GoldenFile& file, const Model& model) {
  std::vector<const char*> known = {"input_ids", "logits",   "hidden_",
                                    "greedy",    "dequant.", "router_"};
  if (!model.weights.predictions.empty() || model.checkpoint.container == Container::kGguf) {
    known.push_back("mtp_");
  }
  for (const std::string& name : file.Names()) {
    const bool is_known = std::any_of(known.begin(), known.end(),
                                      [&](const char* prefix) { return name.starts_with(prefix); });
    if (!is_known) {
      Fail(ErrorCode::kUnsupported,
           "{}: tensor '{}' is part of the golden, but nothing compares it", file.path(), name);
    }
  }
}

bool HasIntegerWeights(const Model& model) {
  for (const NamedPacked& packed : model.weights.packed) {
    if (CodeShapeOf(*packed.matrix).blocks != 0) return true;
  }
  const auto& tensors = model.checkpoint.tensors.all();
  return std::any_of(tensors.begin(), tensors.end(), [](const TensorInfo& tensor) {
    return tensor.shape.size() == 2 && IntegerBlockSize(tensor.dtype) != 0;
  });
}

std::string KindOf(const Golden& golden) {
  if (!golden.adapter.empty()) return "lora";
  if (golden.model.ends_with(".gguf")) return "gguf";
  if (golden.model.empty()) return "family";
  try {
    const std::string path = JoinPath(golden.model, "config.json");
    return FileExists(path) && ReadJsonFile(path).Find("quantization_config") ? "quantised"
                                                                              : "family";
  } catch (const Error&) {  // the check itself will say what is wrong with it
    return "family";
  }
}

void RunMode(VerifyRow& row, const Golden& golden, const VerifyContext& context,
             const std::vector<GoldenModel>& models, bool exact) {
  const GoldenFile file(golden.path);
  const Model& model = *models.front().model;
  SessionOptions options;
  options.runner.threads = context.threads;
  options.runner.matmul = exact ? MatmulMode::kFloat : MatmulMode::kInteger;
  options.runner.kv_dtype = exact ? DType::kF32 : DType::kF16;
  for (const auto& adapter : model.adapters) options.adapters.push_back({adapter->name});
  const double tolerance = exact ? Tolerance(golden.path) : kIntegerTolerance;
  Verdict verdict;
  for (const GoldenModel& one : models) {
    DecoderCheck(one, file, options, tolerance, verdict).Run(exact);
  }
  if (exact) CheckDecodedRows(model, file, verdict);
  Judge(row, verdict.worst, tolerance);
  row.detail = verdict.detail;
  row.top1 = verdict.top1;
  row.greedy = verdict.greedy;
  if (verdict.failed) row.status = RowStatus::kFail;
  if (row.status == RowStatus::kPass) RefuseUncheckedTensors(file, model);
}

}  // namespace

std::vector<VerifyRow> CheckDecoderGolden(const Golden& golden, const VerifyContext& context) {
  VerifyRow row = MakeRow(golden);
  row.kind = KindOf(golden);
  std::vector<VerifyRow> rows;
  std::vector<GoldenModel> models;
  CheckRow(row, [&](VerifyRow&) {
    const GoldenFile readable(golden.path);
    if (golden.model.empty()) {
      Fail(ErrorCode::kNotFound, "{}: no checkpoint lies beside it", golden.path);
    }
    models = LoadGoldenModels(golden, readable);
  });
  if (models.empty()) return {row};
  const bool integer = HasIntegerWeights(*models.front().model);
  if (context.matmul != MatmulChoice::kInteger || !integer) {
    VerifyRow exact = row;
    CheckRow(exact, [&](VerifyRow& r) { RunMode(r, golden, context, models, true); });
    rows.push_back(std::move(exact));
  }
  if (context.matmul != MatmulChoice::kFloat && integer) {
    VerifyRow rounded = row;
    rounded.name += " (integer)";
    CheckRow(rounded, [&](VerifyRow& r) { RunMode(r, golden, context, models, false); });
    rows.push_back(std::move(rounded));
  }
  return rows;
}

}  // namespace tael
