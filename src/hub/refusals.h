// What a server's refusal means for a user.
#pragma once

#include <string_view>

#include "hub/http_client.h"

namespace tael {

// For an answer that is neither 200 nor 206: throws TransientStatus where another try may help,
// else kNotFound or kUnavailable with what to do: which token, which name. `what` names the thing
// asked for, `token_variable` the variable that would hold a token ("HF_TOKEN"; "" = none would
// help).
[[noreturn]] void RefuseStatus(const HttpReply& reply, std::string_view what,
                               std::string_view token_variable, bool had_token);

// Throws kCorrupt when the answer is a page for people, or packed, where a file was asked for.
void RefusePage(const HttpReply& reply, std::string_view what);

}  // namespace tael
