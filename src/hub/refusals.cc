#include "hub/refusals.h"

#include "base/error.h"
#include "hub/retry.h"

namespace tael {
namespace {

// A header for a message: printable, not long. Never an authorization: those are of requests.
std::string Shown(const std::optional<std::string>& value) {
  if (!value) return "";
  std::string out = ": ";
  for (const char c : value->substr(0, 200)) out += c >= 0x20 && c < 0x7f ? c : '?';
  return out;
}

}  // namespace

void RefuseStatus(const HttpReply& reply, std::string_view what, std::string_view token_variable,
                  bool had_token) {
  if (IsTransient(reply.status)) throw TransientStatus(reply);
  const std::string host = SplitUrl(reply.url, "URL").host;
  const std::string said = Shown(reply.fields.Find("x-error-message"));
  const bool gated = reply.fields.Find("x-error-code") == "GatedRepo";
  if (reply.status == 401 || reply.status == 403) {
    if (token_variable.empty()) {
      Fail(ErrorCode::kNotFound, "{}: {} answers {}{}: it is not public", what, host, reply.status,
           said);
    }
    Fail(ErrorCode::kNotFound, "{}: {} answers {}{}. Hint: {}", what, host, reply.status, said,
         gated && had_token
             ? "the model is gated: ask for access on its page with the account of the token"
         : had_token
             ? fmt::format("the token in {} is not allowed to read it, or the name is wrong",
                           token_variable)
             : fmt::format("the model is private, gated or does not exist; if you may read "
                           "it, put a token into {}",
                           token_variable));
  }
  if (reply.status == 404 || reply.status == 410) {
    Fail(ErrorCode::kNotFound, "{}: {} answers {}{}. Hint: check the name and the revision{}", what,
         host, reply.status, said,
         token_variable.empty() || had_token
             ? ""
             : fmt::format("; a private model needs a token in {}", token_variable));
  }
  if (reply.status == 451) {
    Fail(ErrorCode::kNotFound, "{}: {} answers 451: it may not be given out", what, host);
  }
  Fail(ErrorCode::kCorrupt, "{}: {} answers {}{}, needed the file", what, host, reply.status, said);
}

void RefusePage(const HttpReply& reply, std::string_view what) {
  const std::string host = SplitUrl(reply.url, "URL").host;
  const auto type = reply.fields.Find("content-type");
  if (type && (type->starts_with("text/html") || type->starts_with("application/xhtml"))) {
    Fail(ErrorCode::kCorrupt,
         "{}: {} answers with an HTML page, needed the file. Hint: it may be a login page, or a "
         "page "
         "of a proxy",
         what, host);
  }
  const auto coding = reply.fields.Find("content-encoding");
  if (coding && *coding != "identity") {
    Fail(ErrorCode::kCorrupt,
         "{}: {} sends it packed ({}), which was not asked for. Hint: a proxy may do that", what,
         host, coding->substr(0, 40));
  }
}

}  // namespace tael
