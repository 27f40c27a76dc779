// What requests for text of any API share: the model, how tokens are picked, when an answer ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tael {

// Fields that are absent have the model's or the configuration's default, not the API's.
struct SamplingRequest {
  std::string model;

  std::optional<double> temperature, top_p, min_p, typical_p;
  std::optional<double> frequency_penalty, presence_penalty, repetition_penalty;
  std::optional<double> mirostat_tau, mirostat_eta;
  std::optional<int64_t> top_k, repeat_last_n, mirostat;
  std::optional<int64_t> seed;
  std::vector<std::pair<int32_t, double>> logit_bias;
  int choices = 1;
  std::vector<std::string> stop;
  std::optional<int64_t> max_tokens;  // of reasoning and answer together
  std::optional<int64_t> min_tokens;  // the model cannot end the answer before
  bool ignores_end = false;           // nor at all
  std::optional<int> log_probs;       // of picked tokens, and of so many best ones

  // A context that the client counts on; beyond the model's it is refused.
  std::optional<int64_t> context_tokens;
  // How long the model stays loaded behind the answer; negative: for ever.
  std::optional<double> keep_alive_seconds;

  bool stream = false;
  bool stream_usage = false;
};

}  // namespace tael
