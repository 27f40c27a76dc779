// How requests come in, of the engine: what is checked before they wait.
#include <algorithm>
#include <utility>

#include "base/error.h"
#include "engine/engine.h"
#include "spec/long_context.h"

namespace tael {
namespace {

constexpr int kMaxChoices = 128;
constexpr size_t kMaxAdapterLists = 256;  // that share prefixes; requests may invent any weights

}  // namespace

void CheckPromptFits(size_t tokens, int context, const Model& model) {
  if (std::cmp_less_equal(tokens, context)) return;
  Fail(
      ErrorCode::kExhausted,
      "the prompt has {} tokens, but the context holds {}. Hint: a larger --ctx (this model allows "
      "{}) or a shorter prompt{}",
      tokens, context, model.spec.max_context, LongContextHint(model.spec));
}

namespace {

// What the request is for, and whether there is somebody to tell.
void CheckKind(const EngineRequest& request) {
  const bool pooled = request.pooling.has_value(), scored = !request.scored_tokens.empty();
  const RequestObserver& observer = request.observer;
  if (pooled && scored) {
    Fail(ErrorCode::kInvalidArgument,
         "the request asks for hidden states and for scores of tokens. Hint: two requests");
  }
  if ((pooled || scored) && request.choices != 1) {
    Fail(ErrorCode::kInvalidArgument, "n is {}, needed 1 for {}", request.choices,
         pooled ? "embeddings" : "scores");
  }
  const bool told = pooled   ? static_cast<bool>(observer.on_embedding)
                    : scored ? static_cast<bool>(observer.on_scores)
                             : static_cast<bool>(observer.on_token);
  if (!told) {
    Fail(ErrorCode::kInvalidArgument, "the request has no {} observer",
         pooled   ? "on_embedding"
         : scored ? "on_scores"
                  : "on_token");
  }
}

void CheckIds(const std::vector<TokenId>& ids, int vocabulary) {
  for (const TokenId id : ids) {
    if (id >= 0 && id < vocabulary) continue;
    Fail(ErrorCode::kInvalidArgument, "token id {} is outside the vocabulary of {}", id,
         vocabulary);
  }
}

}  // namespace

void Engine::Check(const EngineRequest& request) const {
  Validate(request.sampling, runner_.model().spec.vocab_size);
  if (request.prompt.empty()) {
    Fail(ErrorCode::kInvalidArgument, "the prompt has no tokens. Hint: give some text");
  }
  CheckPromptFits(request.prompt.size(), max_context_, runner_.model());
  const int vocabulary = runner_.model().spec.vocab_size;
  CheckIds(request.prompt, vocabulary);
  CheckIds(request.interjection, vocabulary);
  CheckTokenTexts(request.sampling, request.token_texts.get(), vocabulary);
  CheckIds(request.scored_tokens, vocabulary);
  CheckKind(request);
  if (request.choices < 1 || request.choices > kMaxChoices) {
    Fail(ErrorCode::kInvalidArgument, "n is {}, needed 1 to {}", request.choices, kMaxChoices);
  }
  if (!(request.weight > 0 && request.weight <= 1000)) {
    Fail(ErrorCode::kInvalidArgument, "weight is {}, needed above 0, up to 1000", request.weight);
  }
  if (request.max_tokens < 0) {
    Fail(ErrorCode::kInvalidArgument, "max_tokens is {}, needed 0 (no limit) or more",
         request.max_tokens);
  }
}

// Keys and values depend on the adapters, so each list of them shares prefixes with itself only.
CacheScope Engine::ScopeOf(const EngineRequest& request, const std::vector<AdapterUse>& adapters) {
  if (adapters.empty()) return {request.cache_salt, 0};
  const auto found = std::find_if(adapter_lists_.begin(), adapter_lists_.end(),
                                  [&](const AdapterList& list) { return list.uses == adapters; });
  if (found != adapter_lists_.end()) {
    std::rotate(found, found + 1, adapter_lists_.end());  // the last one used stays longest
  } else {
    if (adapter_lists_.size() >= kMaxAdapterLists) adapter_lists_.erase(adapter_lists_.begin());
    adapter_lists_.push_back({adapters, next_adapter_list_++});
  }
  return {request.cache_salt, adapter_lists_.back().number};
}

std::unique_ptr<Sequence> Engine::MakeSequence(std::shared_ptr<const EngineRequest> asked,
                                               int choice) const {
  auto sequence = std::make_unique<Sequence>();
  SamplingParams sampling = asked->sampling;
  sampling.choice += static_cast<uint32_t>(choice);
  sequence->choice = choice;
  sequence->sampler = std::make_unique<Sampler>(sampling, runner_.kernels(),
                                                SamplerContext{.prompt = asked->prompt,
                                                               .stop_tokens = asked->stop_tokens,
                                                               .texts = asked->token_texts,
                                                               .buffers = sampler_buffers_});
  sequence->adapters = ChooseAdapters(runner_.model().adapters, asked->adapters);
  sequence->tokens = asked->prompt;
  sequence->report.prompt_tokens = static_cast<int>(asked->prompt.size());
  if (asked->pooling) {
    sequence->pooler = std::make_unique<Pooler>(*asked->pooling, runner_.model().spec.hidden_size);
  }
  sequence->asked = std::move(asked);
  return sequence;
}

RequestId Engine::Submit(EngineRequest request) {
  Check(request);
  // States of positions that were not evaluated are not there.
  if (request.pooling && request.pooling->kind != PoolingKind::kLast) request.reuse_prefix = false;
  const auto asked = std::make_shared<const EngineRequest>(std::move(request));
  std::list<std::unique_ptr<Sequence>> sequences;
  QueueLoad load;
  for (int choice = 0; choice < asked->choices; ++choice) {
    sequences.push_back(MakeSequence(asked, choice));
    Sequence& sequence = *sequences.back();
    sequence.submitted = clock_();
    // The prompt is evaluated once if it can be shared.
    const bool shared = choice > 0 && asked->reuse_prefix && share_prefixes_;
    sequence.load = {1, shared ? 0 : sequence.report.prompt_tokens};
    load.choices += sequence.load.choices;
    load.prompt_tokens += sequence.load.prompt_tokens;
  }
  const std::lock_guard<std::mutex> lock(inbox_mutex_);
  CheckQueue(asked->owner, load);
  for (auto& sequence : sequences) {
    sequence->request = next_id_;
    sequence->scope = ScopeOf(*asked, sequence->adapters);
  }
  queue_.Add(asked->owner, load);
  submitted_.splice(submitted_.end(), sequences);
  return next_id_++;
}

// Throws QueueFull. REQUIRES: the inbox is locked.
void Engine::CheckQueue(OwnerId owner, const QueueLoad& more) const {
  const std::optional<QueueExcess> excess = queue_.Excess(queue_limits_, owner, more);
  if (!excess) return;
  const int owners = excess->of_owner ? queue_.owners() : 1;
  const int seconds = end_rate_.SecondsUntil(excess->begins, owners);
  throw QueueFull(
      fmt::format("the queue is full: with this request {} {} would wait{}, allowed are {}. Hint: "
                  "try again in {} s",
                  excess->found, excess->in_tokens ? "prompt tokens" : "answers",
                  excess->of_owner ? " of this owner" : "", excess->limit, seconds),
      seconds);
}

void Engine::Cancel(RequestId request) {
  const std::lock_guard<std::mutex> lock(inbox_mutex_);
  cancelled_.push_back(request);
  CheckWanted();
}

// Whether anybody wants the step that is computed. REQUIRES: the inbox is locked.
void Engine::CheckWanted() {
  const bool unwanted =
      all_cancelled_ || std::all_of(in_step_.begin(), in_step_.end(), [&](RequestId id) {
        return std::find(cancelled_.begin(), cancelled_.end(), id) != cancelled_.end();
      });
  if (!in_step_.empty() && unwanted) abandoned_.store(true, std::memory_order_relaxed);
}

void Engine::CancelAll() {
  const std::lock_guard<std::mutex> lock(inbox_mutex_);
  all_cancelled_ = true;
  CheckWanted();
}

}  // namespace tael
