// POST /tokenize, /detokenize and /apply-template, GET /tokenizer_info: what clients ask about the
// tokens of a model. The forms of vLLM (prompt or messages) and of llama-server (content) are both
// taken, and the answers hold what either gives.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/chat_request.h"
#include "base/json.h"

namespace tael {

struct TokenizeRequest {
  std::string model;                // "" = the one that is served
  std::string text;                 // unless
  std::optional<ChatRequest> chat;  // these messages are the text
  bool add_special = true;          // tokens that begin every prompt
  bool parse_special = true;        // texts of control tokens count as these
  bool with_pieces = false;         // the text of each token too,
  bool piece_objects = false;       // in llama-server's form
};

struct DetokenizeRequest {
  std::string model;
  std::vector<int32_t> tokens;
};

// Throw ApiError(400) that names the field.
TokenizeRequest ParseTokenizeRequest(const Json& body);
DetokenizeRequest ParseDetokenizeRequest(const Json& body);
// The fields that decide what the template gives. `model` may be "".
ChatRequest ParseApplyTemplateRequest(const Json& body);

// {count, max_model_len, tokens}; with_pieces: token_strs, in which bytes that are no UTF-8 are
// U+FFFD. llama-server's with_pieces has tokens [{id, piece}] instead, a piece being a string or
// the list of its bytes.
Json TokenizeJson(const TokenizeRequest& request, const std::vector<int32_t>& tokens,
                  const std::vector<std::string>& pieces, int64_t context);
// {prompt, content}: the same text, as vLLM and llama-server name it.
Json DetokenizeJson(const std::string& text);
// {prompt}
Json ApplyTemplateJson(const std::string& prompt);

struct TokenizerInfo {
  std::optional<std::string> bos = {}, eos = {}, pad = {}, chat_template = {};
  int64_t vocab_size = 0;
  bool adds_bos = false;
};
Json TokenizerInfoJson(const TokenizerInfo& info);

}  // namespace tael
