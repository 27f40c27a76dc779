// A model that answers requests.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "chat/chat_format.h"
#include "chat/loaded_model.h"
#include "engine/pooling.h"
#include "engine/sampling/params.h"
#include "server/engine_thread.h"

namespace tael {

struct ServedModel {
  std::string name;  // as it is listed
  LoadedModel loaded;
  std::unique_ptr<ChatFormat> format;             // null: the model has no chat template, or
  std::string why_no_format;                      // one that cannot be used: then this says why
  SamplingParams sampling;                        // what a request leaves open
  std::optional<Pooling> pooling;                 // how its states become embeddings;
  std::string why_no_pooling;                     // none: why not
  int max_tokens = 0;                             // the same; 0 = no limit
  std::vector<std::string> stop_strings;          // of every answer
  std::shared_ptr<const TokenTexts> token_texts;  // where `sampling` bans strings
  std::vector<AdapterChoice> adapters;            // of every request
  int context = 0;                                // positions of one sequence
  std::string fingerprint;  // weights, numerics and options: answers of equal ones are equal
  double load_seconds = 0;
  int64_t bytes = 0;   // that its memory plan has
  std::string digest;  // of the weights
  // Last, so that its thread has ended before what it uses goes.
  std::unique_ptr<EngineThread> engine;
};

}  // namespace tael
