// What an answer is made of on its way to a client, the same for every API.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tael {

enum class AnswerEnd {
  kStop,       // the model, or a stop text
  kLength,     // max_tokens, the context or a deadline
  kToolCalls,  // the model waits for results
};

struct AnswerLogProb {
  std::string token;  // its bytes, which need not be UTF-8
  double log_prob = 0;
};

// One picked token and the best ones at its place.
struct AnswerToken {
  AnswerLogProb picked = {};
  std::vector<AnswerLogProb> best = {};
  bool predicted = true;  // false: the first of a prompt, which has no log-probabilities
};

// Of one choice, they are in order: a call's arguments end before text or another call begins.
struct AnswerEvent {
  enum class Kind {
    kText,
    kReasoning,
    kCallBegin,      // call, id, name
    kCallArguments,  // call, text: a piece of JSON text
    kEnd,            // end; the last of its choice
  };
  Kind kind = Kind::kText;
  int choice = 0;
  std::string text = {};
  std::vector<AnswerToken> tokens = {};  // those that `text` is made of, if asked for
  int call = 0;                          // counts from 0 within the choice
  std::string id = {}, name = {};
  AnswerEnd end = AnswerEnd::kStop;
  std::string stop_text = {};  // the stop text of the request that ended it; "" = none of them
};

// What stands in every part of an answer.
struct AnswerHead {
  std::string id;       // "chatcmpl-..."
  std::string model;    // as the client named it
  int64_t created = 0;  // seconds since 1970
  std::string fingerprint = {};
  int choices = 1;
  int64_t prompt_tokens = 0;
};

struct AnswerUsage {
  int64_t prompt_tokens = 0;
  int64_t cached_tokens = 0;      // of the prompt
  int64_t completion_tokens = 0;  // of all choices, reasoning included
  int64_t reasoning_tokens = 0;   // of them
  // Seconds: until the first step had rows of it, until its prompt was read, until its end.
  double queue_seconds = 0, prompt_seconds = 0, decode_seconds = 0;
  double load_seconds = 0;  // that it waited for the model
  uint64_t seed = 0;        // that gives this answer again
};

}  // namespace tael
