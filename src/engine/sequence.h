// One choice of one request inside the engine.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "engine/queue_limits.h"
#include "engine/request.h"
#include "kv/block_pool.h"
#include "kv/kv_cache.h"
#include "kv/state_cache.h"

namespace tael {

inline double Seconds(EngineTime from, EngineTime to) {
  return std::chrono::duration<double>(to - from).count();
}

struct Sequence {
  RequestId request = 0;
  int choice = 0;
  std::shared_ptr<const EngineRequest> asked;  // shared by the choices of the request

  std::unique_ptr<Sampler> sampler;
  std::vector<AdapterUse> adapters;  // of the request, resolved
  CacheScope scope;                  // with whom it shares prefixes

  std::vector<TokenId> tokens;  // prompt and answer
  std::vector<BlockId> blocks;  // cache blocks that cover the computed positions, and those planned
  StateSlot state = kNoState;   // while it runs, of models with a recurrent state
  // Where earlier requests parted from it whose blocks it could have shared with a state; 0:
  // nowhere.
  int parted = 0;
  int computed = 0;   // tokens whose keys and values are in the cache
  int published = 0;  // leading blocks that were offered to others
  // Tokens of the request's interjection that are still to be taken in place of drawn ones.
  std::span<const TokenId> interjection = {};
  QueueLoad load;  // what it counts in the queue until it starts
  bool started = false;
  EngineTime submitted, start, first_token;
  std::unique_ptr<Pooler> pooler;  // of requests for hidden states
  uint64_t arrival = 0;            // grows with each sequence that the scheduler takes
  int charged = 0;                 // tokens that its owner was charged for: none is twice
  int turn = 0;                    // of them, since it runs
  int rows = 0;                    // of the next step
  ChoiceReport report;

  OwnerId owner() const { return asked->owner; }
  ChoiceId id() const { return {request, choice}; }
  int length() const { return static_cast<int>(tokens.size()); }
  int pending() const { return length() - computed; }
  // The next token is known only after all tokens were evaluated.
  bool decoding() const { return pending() == 1 && length() > report.prompt_tokens; }
};

}  // namespace tael
