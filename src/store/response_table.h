// Responses that clients may go on from (OpenAI's previous_response_id).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "store/sqlite.h"

namespace tael {

struct StoredResponse {
  std::string id;                     // MakeResponseId()
  std::string owner;                  // the id of a key; "" = of requests without one
  std::optional<std::string> parent;  // the response it goes on from
  int64_t created_ms = 0;
  std::string input, output;  // JSON, as the API had it; not looked at here
  bool operator==(const StoredResponse&) const = default;
};

struct ResponseLimits {
  int64_t keep_ms = int64_t{30} * 86'400'000;  // since the youngest that goes on from it was made
  int64_t response_bytes = int64_t{16} << 20;  // of one, input and output
  int64_t chain_bytes = int64_t{64} << 20;     // of one with all that it goes on from
  int64_t owner_bytes = int64_t{1} << 30;      // of all of an owner; beyond, the oldest go first
};

// "resp_" and 128 random bits as hex.
std::string MakeResponseId();

// All that it goes on from lives as long as it does. Throws kNotFound (its parent is not there, or
// belongs to another), kExhausted (a limit).
void InsertResponse(SqlDatabase& database, const StoredResponse& response,
                    const ResponseLimits& limits);
// None when there is none of that id, or it belongs to another, or its time is over.
std::optional<StoredResponse> SelectResponse(SqlDatabase& database, const std::string& owner,
                                             const std::string& id, int64_t now_ms);
// It and all that it goes on from, the oldest first; empty when SelectResponse() finds none. Throws
// kNotFound when one of them was deleted, kExhausted beyond `chain_bytes`.
std::vector<StoredResponse> SelectChain(SqlDatabase& database, const std::string& owner,
                                        const std::string& id, int64_t now_ms,
                                        const ResponseLimits& limits);
// False when SelectResponse() would find none. What goes on from it stays, without a beginning.
bool DeleteResponse(SqlDatabase& database, const std::string& owner, const std::string& id,
                    int64_t now_ms);
// Removes at most `most` whose time is over. Returns how many.
int64_t SweepResponses(SqlDatabase& database, int64_t now_ms, int64_t most);

}  // namespace tael
