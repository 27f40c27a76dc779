// The messages of a request in the one form that chat templates read, whatever API they came by.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/json.h"

namespace tael {

struct AssistantTurn {
  std::optional<std::string> text = {};
  std::string reasoning = {};
  JsonArray calls = {};  // of MakeCall()
};

// {id, type: function, function: {name, arguments}}. `arguments`: JSON text of an object.
Json MakeCall(const std::string& id, const std::string& name, const std::string& arguments);

// Builds ChatRequest::messages, and checks that calls and their results belong together: every call
// of an assistant has one result before the next turn. Throws ApiError(400) that names `path`.
class Conversation {
 public:
  // `role`: system or user.
  void Add(const std::string& role, const std::string& text, const std::string& path);
  void AddAssistant(AssistantTurn turn, const std::string& path);
  // The result of the call `id`. `path`: of the field with the id. `name`: "" = that of the call.
  void AddResult(const std::string& id, const std::string& text, const std::string& path,
                 const std::string& name = "");

  bool empty() const { return messages_.empty(); }
  // A call waits for its result.
  bool waits() const { return !open_.empty(); }
  const Json& last() const { return messages_.back(); }
  // Of the first call that waits for its result; of the first of that function. "" = there is none.
  std::string NextCall() const { return open_.empty() ? "" : open_[0].id; }
  std::string NextCallOf(const std::string& name) const;
  // Sets a member of the last message.
  void SetLast(const char* key, Json value) { messages_.back().Set(key, std::move(value)); }

  // `path`: of the list. Throws when there are no messages or a call waits.
  JsonArray Finish(const std::string& path);

 private:
  struct Call {
    std::string id, name;
  };
  void RequireResults(const std::string& path) const;

  JsonArray messages_;
  std::vector<Call> open_;  // calls without results
};

}  // namespace tael
