// Why an answer ended, and what its reader may say to that.
#pragma once

namespace tael {

enum class FinishReason {
  kStop,
  kLength,
  kContextFull,
  kCancelled,
  kDeadline  // of the request; without any token if it passed before the first one
};

// "stop", "length", "context_full", "cancelled", "deadline".
const char* FinishReasonName(FinishReason reason);

// What the reader of an answer says to each token.
enum class Verdict {
  kGoOn,
  kStop,      // the answer is complete: kStop
  kCancel,    // nobody wants the rest: kCancelled
  kInterject  // it goes on with the request's interjection, then with what the model picks
};

}  // namespace tael
