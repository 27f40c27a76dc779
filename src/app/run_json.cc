#include "app/run_json.h"

#include <algorithm>
#include <set>

#include "app/fingerprint.h"
#include "app/model_flags.h"
#include "app/sampling_flags.h"
#include "app/spec_json.h"
#include "app/version.h"
#include "app/weight_cache_text.h"

namespace tael {
namespace {

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

Json LogProbsToJson(const Tokenizer& tokenizer, const TokenLogProbs& token) {
  Json entry = LogProbToJson(tokenizer, token.chosen);
  Json top = JsonArray{};
  for (const TokenLogProb& other : token.top) top.Append(LogProbToJson(tokenizer, other));
  entry.Set("top", std::move(top));
  return entry;
}

Json IdsToJson(const std::vector<TokenId>& tokens) {
  Json ids = JsonArray{};
  for (const TokenId id : tokens) ids.Append(Json(id));
  return ids;
}

std::string MessageOf(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  }
}

void SetAnswer(Json& out, const Tokenizer& tokenizer, const RunAnswer& answer) {
  out.Set("text", answer.text);
  if (!answer.reasoning.empty()) out.Set("reasoning", answer.reasoning);
  out.Set("ids", IdsToJson(answer.ids));
  if (!answer.log_probs.empty()) {
    Json list = JsonArray{};
    for (const TokenLogProbs& token : answer.log_probs) {
      list.Append(LogProbsToJson(tokenizer, token));
    }
    out.Set("logprobs", std::move(list));
  }
  out.Set("finish_reason", answer.error ? "error" : FinishReasonName(answer.report.finish));
  if (answer.error) out.Set("error", MessageOf(answer.error));
}

// The distinct factors of an adapter's products, ascending.
Json ScalesToJson(const Adapter& adapter) {
  std::set<float> scales;
  if (adapter.embedding && adapter.embedding->rank > 0) scales.insert(adapter.embedding->scale);
  for (const auto& [data, change] : adapter.products) {
    if (change.rank > 0) scales.insert(change.scale);
  }
  Json list = JsonArray{};
  for (const float scale : scales) list.Append(Json(static_cast<double>(scale)));
  return list;
}

Json AnswersToJson(const RunSetup& setup, const RunResult& result) {
  Json out = JsonObject{};
  const Tokenizer& tokenizer = *setup.loaded.tokenizer;
  if (result.answers.size() == 1) {
    SetAnswer(out, tokenizer, result.answers[0]);
  } else {
    Json list = JsonArray{};
    for (size_t i = 0; i < result.answers.size(); ++i) {
      Json choice = JsonObject{};
      choice.Set("choice", setup.plan.request.sampling.choice + static_cast<int64_t>(i));
      SetAnswer(choice, tokenizer, result.answers[i]);
      list.Append(std::move(choice));
    }
    out.Set("choices", std::move(list));
  }
  if (setup.plan.prompt_log_probs) {
    Json list = JsonArray{};
    list.Append(nullptr);  // nothing predicts the first token
    for (const std::optional<TokenLogProbs>& token : result.prompt_log_probs) {
      list.Append(token ? LogProbsToJson(tokenizer, *token) : Json());
    }
    out.Set("prompt_ids", IdsToJson(setup.plan.request.prompt));
    out.Set("prompt_logprobs", std::move(list));
  }
  return out;
}

}  // namespace

Json RunResultToJson(const RunSetup& setup, const RunResult& result) {
  const auto prompt = static_cast<int64_t>(setup.plan.request.prompt.size());
  const auto choices = static_cast<int64_t>(result.answers.size());
  int64_t completion = 0;
  for (const RunAnswer& answer : result.answers) {
    completion += static_cast<int64_t>(answer.ids.size());
  }
  Json usage = JsonObject{};
  usage.Set("prompt_tokens", prompt);
  // The prompt is one, however many choices share it.
  usage.Set("cached_tokens", result.answers[0].report.cached_tokens);
  usage.Set("completion_tokens", completion);
  usage.Set("total_tokens", prompt + completion);
  Json timings = JsonObject{};
  timings.Set("prompt_seconds", result.prompt_seconds);
  timings.Set("prompt_tokens_per_second", PerSecond(result.prompt_done, result.prompt_seconds));
  timings.Set("decode_seconds", result.decode_seconds);
  // First tokens come from the prompt's logits, so one step less per choice was timed.
  timings.Set("decode_tokens_per_second",
              PerSecond(static_cast<double>(std::max<int64_t>(0, completion - choices)),
                        result.decode_seconds));
  Json out = AnswersToJson(setup, result);
  out.Set("usage", std::move(usage));
  out.Set("timings", std::move(timings));
  out.Set("model", setup.loaded.path);
  if (!setup.plan.request.adapters.empty()) {
    Json list = JsonArray{};
    for (const AdapterChoice& choice : setup.plan.request.adapters) {
      Json entry = JsonObject{};
      entry.Set("name", choice.name);
      entry.Set("weight", static_cast<double>(choice.weight));
      for (const auto& adapter : setup.loaded.model->adapters) {
        if (adapter->name != choice.name) continue;
        entry.Set("scales", ScalesToJson(*adapter));
        entry.Set("fingerprint", AdapterFingerprint(adapter->path));
      }
      list.Append(std::move(entry));
    }
    out.Set("adapters", std::move(list));
  }
  out.Set("weights_fingerprint", WeightsFingerprint(*setup.loaded.model, setup.options));
  out.Set("numerics_version", kNumericsVersion);
  out.Set("kernels", setup.engine.kernels().name);
  out.Set("sampling", SamplingText(setup.plan.request.sampling));
  if (!setup.plan.sampling_source.empty()) out.Set("sampling_source", setup.plan.sampling_source);
  out.Set("matmul", MatmulName(setup.options.matmul));
  out.Set("kv", Name(setup.options.kv_dtype));
  out.Set("threads", setup.engine.threads());
  out.Set("context", setup.engine.max_context());
  out.Set("packed", PackedToJson(setup.engine.packed()));
  SetLongContext(*setup.loaded.model, &out);
  SetLatentForm(*setup.loaded.model, &out);
  out.Set("version", Version());
  return out;
}

}  // namespace tael
