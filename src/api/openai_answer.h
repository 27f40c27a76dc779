// What the answers of OpenAI's endpoints share.
#pragma once

#include <string>

#include "api/answer_event.h"
#include "base/json.h"

namespace tael {

// One server-sent event.
std::string SseData(const Json& data);
// One with a name, which is its "type" too: as Anthropic and OpenAI's responses have them.
std::string SseEvent(const Json& data);
inline constexpr const char* kSseType = "text/event-stream; charset=utf-8";
inline constexpr const char* kSseKeepAlive = ": keep-alive\n\n";

// {id, object, created, model, system_fingerprint}
Json OpenAiHead(const AnswerHead& head, const char* object);
// "stop", "length", "tool_calls"
const char* OpenAiEnd(AnswerEnd end);
// With the details of prompt and completion.
Json OpenAiUsage(const AnswerUsage& usage);
// The extension `timings`, in the names of llama-server, with ours beside them: what an answer took
// and the seed that makes it again.
Json TimingsJson(const AnswerUsage& usage);

// JSON has no infinities: -9999 stands for what cannot be, as in OpenAI's API.
double WireLogProb(double log_prob);
// {token, logprob, bytes, top_logprobs}
Json TokenLogProbJson(const AnswerToken& token);
// The end of a stream of chunks: one without choices that has usage and timings, unless `usage` is
// nullptr, and [DONE]. `frame`: of OpenAiHead().
std::string OpenAiStreamEnd(Json frame, const AnswerUsage* usage);

}  // namespace tael
