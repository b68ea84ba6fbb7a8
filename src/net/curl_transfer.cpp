#include "net/curl_transfer.hpp"

#include "net/curl_error.hpp"
#include <rwp/net/retry.hpp>

#include <algorithm>
#include <utility>

namespace rwp::net {
namespace {

constexpr std::size_t kMaxReceivedBytes = std::size_t{256} << 10U;
constexpr std::chrono::milliseconds kConnectTimeout{10'000};
constexpr std::chrono::milliseconds kHeadTimeout{60'000};
constexpr std::chrono::milliseconds kIdleTimeout{60'000};

SteadyTime now() { return std::chrono::steady_clock::now(); }

std::chrono::milliseconds given_or(std::chrono::milliseconds given,
                                   std::chrono::milliseconds fallback) {
  constexpr std::chrono::milliseconds kLongest = std::chrono::hours(24);
  return given.count() == 0 ? fallback : std::min(given, kLongest);
}

std::string text_of(std::chrono::milliseconds time) {
  if (time.count() % 1000 == 0) return std::to_string(time.count() / 1000) + " s";
  return std::to_string(time.count()) + " ms";
}

}  // namespace

CurlTransfer::CurlTransfer(std::shared_ptr<CurlLoop> loop, std::shared_ptr<CurlHandles> handles,
                           boost::asio::any_io_executor executor, HttpRequest request, OnEnd on_end)
    : loop_(std::move(loop)),
      handles_(std::move(handles)),
      executor_(std::move(executor)),
      request_(std::move(request)),
      shown_(describe_request(request_)),
      connect_timeout_(given_or(request_.connect_timeout, kConnectTimeout)),
      head_timeout_(given_or(request_.head_timeout, kHeadTimeout)),
      idle_timeout_(given_or(request_.idle_timeout, kIdleTimeout)),
      on_end_(std::move(on_end)) {}

CurlTransfer::~CurlTransfer() = default;

Result<void> CurlTransfer::start(const CurlSettings& settings) {
  auto begun = set_up(settings);
  if (begun) begun = loop_->add(easy_.get(), this);
  if (!begun) {
    finish(begun.error());
    return begun;
  }
  if (request_.body_source) {
    auto on_fed = [self = shared_from_this()](std::exception_ptr thrown) {
      if (thrown && !self->ended()) self->finish(detail::from_exception(thrown));
    };
    feeding_.emplace(executor_, feed(shared_from_this()), std::move(on_fed));
  }
  return {};
}

void CurlTransfer::close() noexcept {
  if (!ended()) finish(Error(Errc::cancelled, shown_ + ": the exchange was closed"));
}

/// The one way to an end; none: all has been received.
void CurlTransfer::finish(std::optional<Error> failure) {
  loop_->remove(easy_.get());
  if (!failure && fits_used_handle()) give_handle_back();
  complete_ = !failure;
  failure_ = std::move(failure);
  if (feeding_) feeding_->cancel();
  changed_.notify_all();
  if (const auto told = std::exchange(on_end_, nullptr)) {
    told(*this, failure_ ? &*failure_ : nullptr);
  }
}

Error CurlTransfer::fail(Errc code, const std::string& text) {
  Error error(code, shown_ + ": " + text);
  if (!ended()) finish(error);
  return error;
}

SteadyTime CurlTransfer::head_limit() const {
  if (!connected_) return SteadyTime::max();
  if (sent_at_) return *sent_at_ + head_timeout_;
  // It waits for the body's source, not for the other side.
  if (sending_paused_) return SteadyTime::max();
  return last_taken_at_ + idle_timeout_;
}

std::optional<Error> CurlTransfer::check_limits() {
  if (now() >= request_.deadline) {
    return fail(Errc::deadline_exceeded, "the deadline of the exchange passed");
  }
  if (header_.complete() || now() < head_limit()) return std::nullopt;
  if (sent_at_) {
    return fail(Errc::deadline_exceeded, "no answer within " + text_of(head_timeout_));
  }
  return fail(Errc::deadline_exceeded,
              "the request's body was not taken for " + text_of(idle_timeout_));
}

boost::asio::awaitable<Result<void>> CurlTransfer::wait_for_head() {
  while (!header_.complete()) {
    if (failure_) co_return *failure_;
    if (auto passed = check_limits()) co_return std::move(*passed);
    // Nobody is woken when a limit begins to count: none that does is over before the next look.
    const SteadyTime next_look = now() + std::min(head_timeout_, idle_timeout_);
    const SteadyTime limit = std::min(head_limit(), next_look);
    const Wake wake = co_await changed_.wait_until(std::min(request_.deadline, limit));
    if (wake == Wake::cancelled) co_return fail(Errc::cancelled, "the request was cancelled");
  }
  co_return Result<void>();
}

boost::asio::awaitable<Result<std::string>> CurlTransfer::read() {
  const SteadyTime idle_limit = now() + idle_timeout_;
  while (true) {
    if (!complete_ && !failure_) {
      if (auto passed = check_limits()) co_return std::move(*passed);
    }
    if (!received_.empty()) {
      std::string piece = std::exchange(received_, std::string());
      if (receiving_paused_) {
        receiving_paused_ = false;
        resume();
      }
      co_return piece;
    }
    if (failure_) co_return *failure_;
    if (complete_) co_return std::string();
    if (now() >= idle_limit) {
      co_return fail(Errc::deadline_exceeded,
                     "no more of the answer's body within " + text_of(idle_timeout_));
    }
    const Wake wake = co_await changed_.wait_until(std::min(request_.deadline, idle_limit));
    if (wake == Wake::cancelled) {
      co_return fail(Errc::cancelled, "reading the answer was cancelled");
    }
  }
}

/// Lets curl go on in the directions that are not paused.
void CurlTransfer::resume() {
  const int directions =
      (receiving_paused_ ? CURLPAUSE_RECV : 0) | (sending_paused_ ? CURLPAUSE_SEND : 0);
  const CURLcode outcome = loop_->pause(easy_.get(), directions);
  // curl does not end a transfer whose callback refuses here.
  if (outcome != CURLE_OK && !ended()) {
    finish(curl_error(outcome, shown_, detail_.data(), false));
  }
}

// What curl calls.

std::size_t CurlTransfer::on_header(char* data, std::size_t size, std::size_t count,
                                    void* self) noexcept {
  auto* transfer = static_cast<CurlTransfer*>(self);
  const std::string_view line(data, size * count);
  const bool accepted = transfer->header_.take_line(line);
  if (accepted && transfer->header_.complete()) transfer->changed_.notify_all();
  return accepted ? line.size() : 0;
}

std::size_t CurlTransfer::on_body(char* data, std::size_t size, std::size_t count,
                                  void* self) noexcept {
  return static_cast<CurlTransfer*>(self)->receive({data, size * count});
}

std::size_t CurlTransfer::receive(std::string_view data) {
  if (!received_.empty() && received_.size() + data.size() > kMaxReceivedBytes) {
    receiving_paused_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  received_ += data;
  changed_.notify_all();
  return data.size();
}

int CurlTransfer::on_connected(void* self, char*, char*, int, int) noexcept {
  auto* transfer = static_cast<CurlTransfer*>(self);
  if (transfer->connected_ && !is_repeatable(transfer->request_)) {
    transfer->refused_to_send_again_ = true;
    return CURL_PREREQFUNC_ABORT;
  }
  transfer->connected_ = true;
  transfer->last_taken_at_ = now();
  const bool has_body = transfer->request_.body_source || !transfer->request_.body.empty();
  if (!has_body || transfer->sends_at_once()) transfer->sent_at_ = transfer->last_taken_at_;
  return CURL_PREREQFUNC_OK;
}

std::size_t CurlTransfer::on_send(char* out, std::size_t size, std::size_t count,
                                  void* self) noexcept {
  return static_cast<CurlTransfer*>(self)->give(out, size * count);
}

std::size_t CurlTransfer::give(char* out, std::size_t room) {
  const bool from_source = static_cast<bool>(request_.body_source);
  const std::string& from = from_source ? piece_ : request_.body;
  const std::size_t given = std::min(room, from.size() - sent_of_piece_);
  if (given == 0 && from_source && !source_ended_) {
    sending_paused_ = true;
    changed_.notify_all();
    return CURL_READFUNC_PAUSE;
  }
  std::copy_n(from.data() + sent_of_piece_, given, out);
  sent_of_piece_ += given;
  last_taken_at_ = now();
  const bool piece_ended = sent_of_piece_ == from.size();
  if (from_source && piece_ended && !source_ended_) {
    piece_.clear();
    sent_of_piece_ = 0;
    piece_sent_.notify_all();
  }
  const bool all =
      from_source ? source_ended_ || offered_bytes_ == request_.body_source_bytes : piece_ended;
  if (all && piece_ended && !sent_at_) sent_at_ = now();
  return given;
}

int CurlTransfer::on_rewind(void* self, curl_off_t offset, int origin) noexcept {
  auto* transfer = static_cast<CurlTransfer*>(self);
  const auto size = static_cast<curl_off_t>(transfer->request_.body.size());
  if (transfer->request_.body_source || origin != SEEK_SET || offset < 0 || offset > size) {
    return CURL_SEEKFUNC_FAIL;
  }
  transfer->sent_of_piece_ = static_cast<std::size_t>(offset);
  transfer->sent_at_.reset();
  return CURL_SEEKFUNC_OK;
}

void CurlTransfer::on_end(CURLcode outcome) noexcept {
  if (ended()) return;
  if (outcome == CURLE_OK && header_.complete()) return finish(std::nullopt);
  if (outcome == CURLE_OK) {
    return finish(Error(Errc::unavailable, shown_ + ": the answer broke off in its header"));
  }
  if (!header_.fault().empty()) {
    return finish(Error(Errc::corrupt, shown_ + ": " + header_.fault()));
  }
  if (refused_to_send_again_) {
    return finish(Error(Errc::unavailable,
                        shown_ + ": the connection was closed before an answer came; the request "
                                 "may have arrived"));
  }
  if (outcome == CURLE_OPERATION_TIMEDOUT) {
    return finish(Error(Errc::deadline_exceeded,
                        shown_ + ": not connected within " + text_of(connect_timeout_)));
  }
  if (outcome == CURLE_ABORTED_BY_CALLBACK) {
    return finish(Error(Errc::cancelled, shown_ + ": the runtime ended"));
  }
  finish(curl_error(outcome, shown_, detail_.data(), header_.begun() && !header_.complete()));
}

// The body's source.

boost::asio::awaitable<void> CurlTransfer::feed(std::shared_ptr<CurlTransfer> self) {
  while (!self->ended() && !self->source_ended_) {
    auto asking = self->request_.body_source();
    auto piece = co_await std::move(asking);
    if (self->ended()) co_return;
    auto offered = piece ? self->offer(std::move(*piece)) : Result<void>(piece.error());
    if (!offered) {
      self->finish(offered.error());
      co_return;
    }
    while (!self->piece_.empty() && !self->ended()) {
      const Wake wake = co_await self->piece_sent_.wait_until(SteadyTime::max());
      if (wake == Wake::cancelled) co_return;
    }
  }
}

Result<void> CurlTransfer::offer(std::string piece) {
  const auto announced = request_.body_source_bytes;
  source_ended_ = piece.empty();
  offered_bytes_ += piece.size();
  if (announced &&
      (offered_bytes_ > *announced || (source_ended_ && offered_bytes_ < *announced))) {
    return Error(Errc::invalid_argument, shown_ +
                                             ": the body's source gives other than the announced " +
                                             std::to_string(*announced) + " bytes");
  }
  piece_ = std::move(piece);
  sent_of_piece_ = 0;
  if (sending_paused_) {
    sending_paused_ = false;
    last_taken_at_ = now();
    resume();
  }
  return {};
}

}  // namespace rwp::net
