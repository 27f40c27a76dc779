#include "net/http_connection.h"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <utility>

#include "net/http_text.h"

namespace tael {
namespace {

// What a client may send while its answer is being made, before it has to wait.
constexpr size_t kMaxWaiting = size_t{64} << 10;
// The same when requests have used up their memory.
constexpr size_t kMaxWaitingShort = size_t{16} << 10;
// The body of a refused request that is worth reading for the sake of the connection.
constexpr size_t kSmallBody = size_t{64} << 10;
// A client that takes less than this in HttpServerOptions::write_timeout is left.
constexpr size_t kLeastTaken = size_t{16} << 10;
// Before this, nobody can tell how slow a client is.
constexpr std::chrono::seconds kGrace{1};
// How long a client may take to read an error before the connection is reset.
constexpr std::chrono::milliseconds kLinger{2000};
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
constexpr const char* kNoRoom =
    "the requests of all clients take as much memory as they may; try again";

}  // namespace

HttpConnection::HttpConnection(std::shared_ptr<const Host> host,
                               std::unique_ptr<Transport> transport, std::string peer)
    : host_(std::move(host)),
      transport_(std::move(transport)),
      deadline_(*host_->context),
      peer_(std::move(peer)),
      reader_(host_->options.sizes, [this](HttpHead& head) { return CheckHead(head); }),
      lease_(host_->requests) {}

void HttpConnection::Start() {
  Enter(HttpRequestReader::State::kIdle);
  Read();
}

void HttpConnection::Finish() {
  finishing_ = true;
  if (phase_ == Phase::kReading && reader_.state() == HttpRequestReader::State::kIdle) Close();
}

void HttpConnection::Close() {
  if (phase_ == Phase::kClosed) return;
  phase_ = Phase::kClosed;
  ClearDeadline();
  transport_->Close();
  lease_.Shrink(0);
  if (answer_) std::exchange(answer_, nullptr)->Break();
  host_->on_closed(this);
}

void HttpConnection::Read() {
  if (reading_ || phase_ == Phase::kClosed) return;
  reading_ = true;
  transport_->Read([self = shared_from_this()](const auto& error, std::string_view bytes) {
    self->reading_ = false;
    self->OnRead(error, bytes);
  });
}

void HttpConnection::OnRead(const boost::system::error_code& error, std::string_view bytes) {
  if (phase_ == Phase::kClosed) return;
  if (error) return Close();
  if (phase_ == Phase::kLingering) return Read();  // what comes now is of no interest
  try {
    reader_.Feed(bytes);
  } catch (const std::bad_alloc&) {
    return Close();  // one client less, and all the others go on
  }
  const bool paid = Charge();
  if (phase_ == Phase::kReading) return paid ? Proceed() : Refuse(HttpError(503, kNoRoom));
  // What comes behind a request is looked at behind its answer.
  if (!paid && reader_.waiting() > kMaxWaitingShort) return Close();
  if (reader_.waiting() < kMaxWaiting) Read();
}

// Pays for what the reader keeps; false when there is no room for it.
bool HttpConnection::Charge() {
  const size_t held = reader_.held();
  lease_.Shrink(held);
  while (!lease_.Grow(held)) {
    if (!host_->make_room(this)) return false;
  }
  return true;
}

// Takes the next request, or waits for the rest of it.
void HttpConnection::Proceed() {
  if (writing_) return;  // "100 Continue"; OnWritten() comes back
  try {
    if (auto request = reader_.Take()) return StartRequest(std::move(*request));
  } catch (const HttpError& refusal) {
    return Refuse(refusal);
  } catch (const std::bad_alloc&) {
    return Close();
  }
  lease_.Shrink(reader_.held());
  if (reader_.state() != seen_) Enter(reader_.state());
  if (!reader_.expects_continue() || told_to_continue_) return Read();
  told_to_continue_ = true;
  Send(std::string(kContinue));
}

void HttpConnection::Enter(HttpRequestReader::State state) {
  using State = HttpRequestReader::State;
  seen_ = state;
  entered_ = std::chrono::steady_clock::now();
  const HttpServerOptions& options = host_->options;
  const bool body = state == State::kBody && !refusal_;
  SetDeadline(state == State::kIdle ? options.idle_timeout
              : body                ? options.body_timeout
                                    : options.head_timeout);
  SetRank(state == State::kIdle   ? ConnectionRank::kIdle
          : state == State::kHead ? ConnectionRank::kHead
                                  : ConnectionRank::kBody);
}

void HttpConnection::SetRank(ConnectionRank rank) {
  if (rank == rank_) return;
  rank_ = rank;
  host_->on_rank(this, rank);
}

std::optional<double> HttpConnection::BytesPerSecond() const {
  const std::chrono::duration<double> age = std::chrono::steady_clock::now() - entered_;
  if (age < kGrace) return std::nullopt;
  return static_cast<double>(lease_.bytes()) / age.count();
}

// The bytes that the body may have. Throws when the request is refused and its body not read.
size_t HttpConnection::CheckHead(HttpHead& head) {
  head.request.peer = peer_;
  if (!host_->options.head_hook) return host_->options.sizes.body_bytes;
  HeadVerdict verdict;
  try {
    verdict = host_->options.head_hook(head.request);
  } catch (const std::exception&) {
    verdict.refusal = HttpResponse{500, {}, ""};
  }
  if (!verdict.refusal) return verdict.body_bytes;
  refusal_ = std::move(verdict.refusal);
  // Who asked before sending a body may send it or not: only the end of the connection is clear.
  const bool asked = head.expects_continue && head.content_length > 0;
  if (head.chunked || asked || head.content_length > kSmallBody) throw HttpError(500, "refused");
  return kSmallBody;
}

std::shared_ptr<HttpAnswer> HttpConnection::MakeAnswer(HttpRequest request) {
  ByteLease lease = lease_.Split(request.body.size());
  lease_.Shrink(reader_.held());
  return std::make_shared<HttpAnswer>(std::move(request), std::move(lease),
                                      UnsentLimits{host_->options.unsent_bytes, host_->unsent},
                                      [weak = weak_from_this(), host = host_] {
                                        boost::asio::post(*host->context, [weak] {
                                          if (const auto self = weak.lock()) self->Flush();
                                        });
                                      });
}

void HttpConnection::StartRequest(HttpRequest request) {
  phase_ = Phase::kAnswering;
  ended_ = told_to_continue_ = false;
  ClearDeadline();
  SetRank(ConnectionRank::kAnswering);
  answer_ = MakeAnswer(std::move(request));
  const std::shared_ptr<HttpExchange> exchange = MakeExchange(answer_);
  try {
    if (auto refusal = std::exchange(refusal_, std::nullopt)) {
      exchange->Respond(std::move(*refusal));
    } else {
      host_->handler(exchange);
    }
  } catch (const std::exception&) {
    // The exchange ends here unanswered, which is a 500.
  }
  Read();  // to notice that the client goes
}

void HttpConnection::Shed() {
  if (writing_) return Close();  // "100 Continue"
  Refuse(HttpError(503, kNoRoom));
}

HttpResponse HttpConnection::ErrorResponse(const HttpError& error) const {
  HttpResponse response;
  try {
    if (host_->options.error_form) response = host_->options.error_form(error, reader_.head());
  } catch (const std::exception&) {
    response = {};  // the line below will do
  }
  if (response.body.empty()) {
    response.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
    response.body = std::string(error.what()) + "\n";
  }
  response.status = error.status();
  if (response.status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

// Answers what was not read to its end, and ends the connection.
void HttpConnection::Refuse(const HttpError& error) {
  HttpRequest request;
  request.keep_alive = false;
  if (reader_.head() != nullptr) request.method = reader_.head()->method;
  HttpAnswer answer(std::move(request), ByteLease(host_->requests),
                    {host_->options.unsent_bytes, host_->unsent}, [] {});
  try {
    answer.Respond(refusal_ ? std::move(*refusal_) : ErrorResponse(error));
  } catch (const std::exception&) {
    return Close();  // a header that cannot be sent
  }
  refusal_.reset();
  phase_ = Phase::kLingering;
  SetRank(ConnectionRank::kLingering);
  // What comes now is of no interest, and what came takes no room.
  reader_ = HttpRequestReader(host_->options.sizes);
  lease_.Shrink(0);
  std::string bytes = answer.Take(&ended_);
  Send(bytes + answer.Take(&ended_));
}

void HttpConnection::Flush() {
  if (phase_ != Phase::kAnswering || writing_) return;
  if (answer_->broken()) return Close();
  std::string next = answer_->Take(&ended_);
  if (!next.empty()) return Send(std::move(next));
  if (ended_) OnAnswered();
}

void HttpConnection::Send(std::string bytes) {
  sending_ = std::move(bytes);
  sent_ = since_deadline_ = 0;
  SetDeadline(host_->options.write_timeout);
  Write();
}

void HttpConnection::Write() {
  writing_ = true;
  transport_->Write(std::string_view(sending_).substr(sent_),
                    [self = shared_from_this()](const auto& error, size_t bytes) {
                      self->writing_ = false;
                      self->OnWritten(error, bytes);
                    });
}

void HttpConnection::OnWritten(const boost::system::error_code& error, size_t bytes) {
  if (phase_ == Phase::kClosed) return;
  if (error) return Close();
  sent_ += bytes;
  since_deadline_ += bytes;
  if (sent_ < sending_.size()) {
    if (since_deadline_ >= kLeastTaken) {
      since_deadline_ = 0;
      SetDeadline(host_->options.write_timeout);
    }
    return Write();
  }
  // Only now: what a client takes byte by byte keeps all of its memory until the end.
  if (answer_) answer_->Sent(sending_.size());
  FreeText(sending_);
  if (phase_ == Phase::kLingering) return Linger();
  if (phase_ == Phase::kReading) {  // "100 Continue"
    SetDeadline(host_->options.body_timeout);
    return Proceed();
  }
  ClearDeadline();
  Flush();
}

void HttpConnection::OnAnswered() {
  const bool keep = answer_->keep_alive() && !finishing_;
  answer_.reset();
  if (!keep) {
    phase_ = Phase::kLingering;
    SetRank(ConnectionRank::kLingering);
    return Linger();
  }
  phase_ = Phase::kReading;
  Enter(HttpRequestReader::State::kIdle);
  Proceed();
}

// Says goodbye and waits for the client to do so: closing with unread bytes would reset the
// connection, and the client might lose the answer.
void HttpConnection::Linger() {
  transport_->ShutDown();
  SetDeadline(kLinger);
  Read();
}

// Also for a handler that is on its way already: it looks at the time that is set.
void HttpConnection::ClearDeadline() {
  deadline_.expires_at(std::chrono::steady_clock::time_point::max());
}

void HttpConnection::SetDeadline(std::chrono::milliseconds timeout) {
  deadline_.expires_after(timeout);
  deadline_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    if (error) return;  // another deadline was set
    if (const auto self = weak.lock()) self->OnDeadline();
  });
}

void HttpConnection::OnDeadline() {
  if (phase_ == Phase::kClosed || deadline_.expiry() > std::chrono::steady_clock::now()) return;
  const bool begun = reader_.state() != HttpRequestReader::State::kIdle;
  if (phase_ == Phase::kReading && begun && !writing_) {
    return Refuse(HttpError(408, "the request did not come in time"));
  }
  Close();
}

}  // namespace tael
