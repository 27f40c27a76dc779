// A request and the way to answer it, whole or as a stream.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/http_message.h"

namespace tael {

// Every method may be called from any thread. Either Respond(), or Begin(), Write()..., End(): what
// comes too late, or a second time, does nothing. A header's value with a line break is an Error.
// An exchange that is destroyed unanswered becomes a 500; one destroyed before End() breaks the
// connection, so that the client sees that the stream is not whole.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;

  virtual const HttpRequest& request() const = 0;
  // Gives the memory of the request's body back, once it is understood: answers take longer than
  // that, and all bodies share a budget. Nobody may be looking at it.
  virtual void ReleaseBody() {}
  virtual void Respond(HttpResponse response) = 0;
  // The head of a stream; chunked for clients that know it.
  virtual void Begin(int status, HttpHeaders headers) = 0;
  // False when the client is gone, or so slow that HttpServerOptions::unsent_bytes wait for it, or
  // a part of all_unsent_bytes when those are used up: then the connection is broken. Bytes are
  // sent at once, never kept for more.
  virtual bool Write(std::string_view bytes) = 0;
  virtual void End() = 0;

  virtual bool gone() const = 0;
  // `callback` is called once, on the thread of the sockets or on this one, when the client goes
  // before the end of the answer. It must not block, nor own the exchange.
  virtual void OnGone(std::function<void()> callback) = 0;
};

// Called on the thread of the sockets: must not block. What it throws becomes a 500.
using HttpHandler = std::function<void(std::shared_ptr<HttpExchange>)>;

// What becomes of a request, as far as its head says.
struct HeadVerdict {
  // Sent instead of calling the handler. The connection goes on if the body is absent or small,
  // else it ends without the body having been read.
  std::optional<HttpResponse> refusal;
  size_t body_bytes = 0;  // that the body may have; more is a 413
};
// Called on the thread of the sockets for each complete head, before its body is read or asked for
// ("100 Continue"): must not block. What it throws becomes a 500.
using HttpHeadHook = std::function<HeadVerdict(const HttpRequest& head)>;
// The answer to what is no request (HttpError: 400, 408, 413, ...), or one more than there is room
// for (503). `head` is null when it was not understood. Must not block.
using HttpErrorForm = std::function<HttpResponse(const HttpError& error, const HttpRequest* head)>;

}  // namespace tael
