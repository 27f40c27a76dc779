#include "net/http_connection.h"

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <utility>

namespace tael {
namespace {

// What a client may send while its answer is being made, before it has to wait.
constexpr size_t kMaxWaiting = size_t{64} << 10;
// How long a client may take to read an error before the connection is reset.
constexpr std::chrono::milliseconds kLinger{2000};
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

HttpConnection::HttpConnection(std::shared_ptr<const Host> host,
                               std::unique_ptr<Transport> transport, std::string peer)
    : host_(std::move(host)),
      transport_(std::move(transport)),
      deadline_(*host_->context),
      peer_(std::move(peer)),
      reader_(host_->options.sizes) {}

void HttpConnection::Start() {
  SetDeadline(host_->options.idle_timeout);
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
    if (phase_ == Phase::kReading) return Proceed();
  } catch (const std::bad_alloc&) {
    return Close();  // one client less, and all the others go on
  }
  // What comes behind a request is looked at behind its answer.
  if (reader_.waiting() < kMaxWaiting) Read();
}

// Takes the next request, or waits for the rest of it.
void HttpConnection::Proceed() {
  using State = HttpRequestReader::State;
  if (writing_) return;  // "100 Continue"; OnWritten() comes back
  try {
    if (auto request = reader_.Take()) return StartRequest(std::move(*request));
  } catch (const HttpError& refusal) {
    return Refuse(refusal);
  }
  const State state = reader_.state();
  if (state != seen_) {
    seen_ = state;
    SetDeadline(state == State::kIdle   ? host_->options.idle_timeout
                : state == State::kHead ? host_->options.head_timeout
                                        : host_->options.body_timeout);
  }
  if (!reader_.expects_continue() || told_to_continue_) return Read();
  told_to_continue_ = true;
  sending_ = kContinue;
  sent_ = 0;
  Write();
}

void HttpConnection::StartRequest(HttpRequest request) {
  phase_ = Phase::kAnswering;
  ended_ = told_to_continue_ = false;
  ClearDeadline();
  request.peer = peer_;
  host_->on_busy(this);
  answer_ = std::make_shared<HttpAnswer>(std::move(request), host_->options.unsent_bytes,
                                         [weak = weak_from_this(), host = host_] {
                                           boost::asio::post(*host->context, [weak] {
                                             if (const auto self = weak.lock()) self->Flush();
                                           });
                                         });
  const std::shared_ptr<HttpExchange> exchange = MakeExchange(answer_);
  try {
    host_->handler(exchange);
  } catch (const std::exception&) {
    // The exchange ends here unanswered, which is a 500.
  }
  Read();  // to notice that the client goes
}

void HttpConnection::Refuse(const HttpError& error) {
  phase_ = Phase::kLingering;
  HttpRequest request;
  request.keep_alive = false;
  HttpAnswer answer(std::move(request), host_->options.unsent_bytes, [] {});
  HttpResponse response;
  response.status = error.status();
  response.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
  response.body = std::string(error.what()) + "\n";
  answer.Respond(std::move(response));
  sending_ = answer.Take(&ended_);
  sent_ = 0;
  Write();
}

void HttpConnection::Flush() {
  if (phase_ != Phase::kAnswering || writing_) return;
  if (answer_->broken()) return Close();
  sending_ = answer_->Take(&ended_);
  sent_ = 0;
  if (!sending_.empty()) return Write();
  if (ended_) OnAnswered();
}

void HttpConnection::Write() {
  writing_ = true;
  SetDeadline(host_->options.write_timeout);
  transport_->Write(std::string_view(sending_).substr(sent_),
                    [self = shared_from_this()](const auto& error, size_t bytes) {
                      self->writing_ = false;
                      self->OnWritten(error, bytes);
                    });
}

void HttpConnection::OnWritten(const boost::system::error_code& error, size_t bytes) {
  if (phase_ == Phase::kClosed) return;
  if (error) return Close();
  if (answer_) answer_->Sent(bytes);
  sent_ += bytes;
  if (sent_ < sending_.size()) return Write();
  sending_.clear();
  sent_ = 0;
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
    return Linger();
  }
  phase_ = Phase::kReading;
  seen_ = HttpRequestReader::State::kIdle;
  SetDeadline(host_->options.idle_timeout);
  host_->on_waiting(this);
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
