// Goldens of llama2.c models: golden_greedy.json (greedy ids, logits) and golden_nll.json
// (log-probabilities), with the model and its tokenizer beside them, named by SHA-256.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "app/verify/checks.h"
#include "app/verify/golden_data.h"
#include "app/verify/lookup.h"
#include "base/error.h"
#include "base/file.h"
#include "engine/generate.h"
#include "engine/perplexity.h"
#include "model/model.h"

namespace tael {
namespace {

constexpr double kLogitTolerance = 1e-3;  // of a float32 engine against float64 arithmetic

struct Story {
  std::unique_ptr<Model> model;
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<Session> session;
};

// golden_nll.json names no hashes: they stand in golden_greedy.json beside it.
Json Naming(const Json& json, const std::string& path) {
  if (json.Find("model") != nullptr) return json;
  return ReadJsonFile(JoinPath(DirName(path), "golden_greedy.json"));
}

std::string FindByHash(const std::string& sha256, const char* what, const std::string& path,
                       const VerifyContext& context) {
  const auto found = LookUpHash(LookupFolders(DirName(path), context.assets), sha256, 0);
  if (!found) {
    Fail(ErrorCode::kNotFound, "{}: the {} with SHA-256 {} lies neither near it nor under --assets",
         path, what, sha256);
  }
  return *found;
}

Story OpenStory(const Json& naming, const std::string& path, const VerifyContext& context) {
  Story story;
  const std::string sha256 = TextMember(Member(naming, "model", path), "sha256", path);
  story.model = LoadModel(FindByHash(sha256, "model", path, context));
  story.tokenizer = Tokenizer::FromPath(
      FindByHash(TextMember(naming, "tokenizer_sha256", path), "tokenizer", path, context));
  SessionOptions options;
  options.runner.threads = context.threads;
  options.runner.matmul = MatmulMode::kFloat;
  options.runner.kv_dtype = DType::kF32;
  story.session = std::make_unique<Session>(*story.model, options);
  return story;
}

std::vector<TokenId> EncodeWithBos(const Story& story, const std::string& text) {
  EncodeOptions options;
  options.parse_added_tokens = false;
  options.add_special_tokens = true;
  return story.tokenizer->Encode(text, options);
}

double WorstLogit(Story& story, const std::vector<TokenId>& prompt,
                  const std::vector<double>& golden) {
  story.session->Truncate(0);
  const std::vector<float> logits = story.session->Evaluate(prompt).logits;
  if (logits.size() != golden.size()) return INFINITY;
  double worst = 0;
  for (size_t i = 0; i < golden.size(); ++i) {
    const double difference = std::abs(logits[i] - golden[i]);
    worst = std::isnan(difference) ? INFINITY : std::max(worst, difference);
  }
  return worst;
}

void CheckGreedy(VerifyRow& row, const Json& json, Story& story, const std::string& path) {
  double worst = 0;
  std::string wrong;
  for (const Json& entry : Member(json, "prompts", path).as_array()) {
    const std::string text = TextMember(entry, "prompt", path);
    const std::vector<TokenId> prompt = IdsMember(entry, "prompt_ids", path);
    const std::vector<TokenId> wanted = IdsMember(entry, "generated_ids", path);
    worst = std::max(
        worst, WorstLogit(story, prompt, NumbersMember(entry, "first_step_all_logits", path)));
    if (EncodeWithBos(story, text) != prompt) wrong += fmt::format("ids of '{}'; ", text);
    GenerationRequest request;
    request.prompt = prompt;
    request.max_tokens = static_cast<int>(wanted.size());
    if (Generate(*story.session, request).tokens != wanted) {
      wrong += fmt::format("greedy ids after '{}'; ", text);
    }
  }
  Judge(row, worst, kLogitTolerance);
  row.detail = wrong;
  if (!wrong.empty()) row.status = RowStatus::kFail;
}

void CheckNll(VerifyRow& row, const Json& json, Story& story, const std::string& path) {
  double worst = 0;
  std::string wrong;
  for (const Json& entry : Member(json, "items", path).as_array()) {
    const std::string text = TextMember(entry, "text", path);
    const std::vector<TokenId> ids = IdsMember(entry, "ids", path);
    const std::vector<double> wanted = NumbersMember(entry, "token_logprobs", path);
    if (EncodeWithBos(story, text) != ids)
      wrong += fmt::format("ids of '{}...'; ", text.substr(0, 20));
    const std::vector<double> found = SequenceNll(*story.session, ids);
    if (found.size() != wanted.size()) {
      Fail(ErrorCode::kCorrupt, "{}: {} log-probabilities for {} ids", path, wanted.size(),
           ids.size());
    }
    for (size_t i = 0; i < found.size(); ++i)
      worst = std::max(worst, std::abs(found[i] + wanted[i]));
  }
  Judge(row, worst, kLogitTolerance);
  row.detail = wrong;
  if (!wrong.empty()) row.status = RowStatus::kFail;
}

}  // namespace

std::vector<VerifyRow> CheckStoriesGolden(const Golden& golden, const VerifyContext& context) {
  VerifyRow row = MakeRow(golden);
  CheckRow(row, [&](VerifyRow& r) {
    const Json json = ReadJsonFile(golden.path);
    const Json* prompts = json.Find("prompts");
    const Json* items = json.Find("items");
    if ((prompts == nullptr || !prompts->is_array()) && (items == nullptr || !items->is_array())) {
      Fail(ErrorCode::kCorrupt, "{}: neither 'prompts' nor 'items' is there", golden.path);
    }
    Story story = OpenStory(Naming(json, golden.path), golden.path, context);
    if (prompts != nullptr) {
      CheckGreedy(r, json, story, golden.path);
    } else {
      CheckNll(r, json, story, golden.path);
    }
  });
  return {row};
}

}  // namespace tael
