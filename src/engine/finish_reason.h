// Why an answer ended.
#pragma once

namespace tael {

enum class FinishReason { kStop, kLength, kContextFull, kCancelled };

// "stop", "length", "context_full", "cancelled".
const char* FinishReasonName(FinishReason reason);

}  // namespace tael
