#include "storage_s3/client.hpp"

#include "storage_s3/digest.hpp"
#include "storage_s3/xml.hpp"
#include <rwp/core/sha256.hpp>
#include <rwp/net/retry.hpp>

#include <algorithm>
#include <utility>

namespace rwp::storage::s3 {
namespace {

/// More is hashed on the pool, and sent piece by piece.
constexpr std::size_t kSmallBytes = std::size_t{64} << 10U;
constexpr std::size_t kPieceBytes = std::size_t{256} << 10U;
/// An attempt may take a minute, and a second more for each so many bytes.
constexpr std::size_t kLeastBytesASecond = std::size_t{64} << 10U;
/// Servers allow a quarter of an hour.
constexpr std::chrono::minutes kMuchSkew{5};
constexpr const char* kEmptySha256 =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// The payload's bytes, piece by piece.
net::BodySource pieces_of(std::shared_ptr<const Payload> payload) {
  struct Position {
    std::shared_ptr<const Payload> payload{};
    std::size_t at = 0;
  };
  auto position = std::make_shared<Position>();
  position->payload = std::move(payload);
  auto next = [](std::shared_ptr<Position> from) -> boost::asio::awaitable<Result<std::string>> {
    std::string piece = from->payload->bytes.substr(from->at, kPieceBytes);
    from->at += piece.size();
    co_return piece;
  };
  return [position, next] { return next(position); };
}

Payload hashed(std::string bytes, bool is_tls) {
  Payload payload;
  payload.md5 = md5(bytes);
  payload.sha256 = is_tls ? std::string(kUnsignedPayload) : to_hex(sha256(bytes));
  payload.bytes = std::move(bytes);
  return payload;
}

}  // namespace

class Client::Place {
 public:
  explicit Place(std::shared_ptr<Client> client) : client_(std::move(client)) {
    client_->pace_.begun();
  }
  ~Place() {
    client_->pace_.ended();
    client_->let_next_in();
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  const std::shared_ptr<Client> client_;
};

class Client::Waiting {
 public:
  explicit Waiting(std::shared_ptr<Client> client) : client_(std::move(client)) {}
  /// However the wait ended, by an exception too: whose turn it is now, or still, is told.
  ~Waiting() {
    client_->waiting_.remove(signal_);
    client_->let_next_in();
  }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

  const std::shared_ptr<Signal>& signal() const { return signal_; }

 private:
  const std::shared_ptr<Client> client_;
  const std::shared_ptr<Signal> signal_ = std::make_shared<Signal>();
};

Client::Client(Runtime& runtime, std::shared_ptr<net::HttpTransport> transport,
               std::shared_ptr<S3CredentialsProvider> credentials, S3StorageOptions options,
               Address address)
    : executor_(runtime.executor()),
      pool_(runtime.blocking()),
      transport_(std::move(transport)),
      credentials_(std::move(credentials)),
      options_(std::move(options)),
      address_(std::move(address)),
      pace_(options_.concurrency) {}

boost::asio::awaitable<std::shared_ptr<const Payload>> Client::payload(std::string bytes) {
  const bool is_tls = address_.is_tls();
  if (bytes.size() <= kSmallBytes) {
    co_return std::make_shared<const Payload>(hashed(std::move(bytes), is_tls));
  }
  auto work = [bytes = std::move(bytes), is_tls]() mutable {
    return std::make_shared<const Payload>(hashed(std::move(bytes), is_tls));
  };
  auto hashing = run_blocking(pool_, std::move(work));
  co_return co_await std::move(hashing);
}

boost::asio::awaitable<Result<std::unique_ptr<Client::Place>>> Client::wait_for_room() {
  const Waiting waiting(shared_from_this());
  bool is_first = false;
  while (!pace_.has_room() || (!is_first && !waiting_.empty())) {
    waiting_.insert(is_first ? waiting_.begin() : waiting_.end(), waiting.signal());
    const Wake wake = co_await waiting.signal()->wait_until(SteadyTime::max());
    is_first = true;
    if (wake == Wake::cancelled) {
      co_return Error(Errc::cancelled, "s3: a request was cancelled while it waited for its turn");
    }
  }
  co_return std::make_unique<Place>(shared_from_this());
}

void Client::let_next_in() {
  if (waiting_.empty() || !pace_.has_room()) return;
  const auto next = waiting_.front();
  waiting_.pop_front();
  next->notify_all();
}

net::HttpRequest Client::request_of(const Call& call, const S3Credentials& credentials) {
  SignedParts parts;
  parts.method = call.method;
  parts.path = address_.path(call.key);
  parts.query = call.query;
  parts.headers = call.headers;
  parts.payload_hash = call.payload ? call.payload->sha256 : kEmptySha256;
  const SigningScope scope{.time = server_time(), .region = address_.region()};
  parts.headers.set("x-amz-content-sha256", parts.payload_hash);
  parts.headers.set("x-amz-date", amz_date(scope.time));
  if (!credentials.session_token.empty()) {
    parts.headers.set("x-amz-security-token", credentials.session_token.expose());
  }
  net::HttpRequest request;
  request.headers = parts.headers;
  parts.headers.set("host", address_.host());
  request.headers.set("authorization", signer_.authorization(parts, scope, credentials));
  request.method = call.method;
  request.url = address_.url(call.key);
  if (!call.query.empty()) request.url += "?" + query_text(call.query, false);
  std::size_t bytes = call.max_response_bytes;
  if (call.payload) {
    bytes += call.payload->bytes.size();
    if (call.payload->bytes.size() <= kSmallBytes) {
      request.body = call.payload->bytes;
    } else {
      request.body_source = pieces_of(call.payload);
      request.body_source_bytes = call.payload->bytes.size();
    }
  }
  request.max_response_bytes = call.max_response_bytes;
  request.deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1) +
                     std::chrono::seconds(bytes / kLeastBytesASecond);
  return request;
}

boost::asio::awaitable<Result<net::HttpResponse>> Client::attempt(Call call,
                                                                  S3Credentials credentials,
                                                                  std::unique_ptr<Place> place) {
  const std::unique_ptr<Place> held = std::move(place);
  auto sending = transport_->send(request_of(call, credentials));
  auto response = co_await std::move(sending);
  if (response) pace_.answered();
  co_return response;
}

bool Client::set_clock(const net::HttpResponse& response,
                       std::chrono::system_clock::duration least) {
  const auto told = response.headers.find("date");
  const auto date = told ? net::parse_http_date(std::string(*told)) : std::nullopt;
  if (!date) return false;
  const auto off = *date - server_time();
  if (std::chrono::abs(off) < least) return false;
  skew_ += off;
  options_.log.warn(
      "s3: signing with the server's time",
      {{"ahead_seconds", std::chrono::duration_cast<std::chrono::seconds>(skew_).count()}});
  return true;
}

bool Client::remedy(const Fault& fault, const net::HttpResponse& response, Tried& tried) {
  Remedy one = remedy_of(fault);
  // An answer to HEAD has no body to say why.
  const bool says_nothing = fault.code.empty() && one == Remedy::none;
  if (says_nothing && fault.status == 403) one = Remedy::clock;
  switch (one) {
    case Remedy::none:
      return false;
    case Remedy::wait:
      count_retry("server");
      tried.told = net::retry_after(response.headers, options_.now());
      return true;
    case Remedy::slow_down:
      count_retry("slow_down");
      pace_.slowed_down();
      tried.told = net::retry_after(response.headers, options_.now());
      return true;
    case Remedy::clock:
      if (std::exchange(tried.clock, true)) return false;
      count_retry("clock");
      // Another call may have set it meanwhile.
      return set_clock(response, kMuchSkew) || fault.is("RequestTimeTooSkewed");
    case Remedy::region:
      if (++tried.moves > 2) return false;
      count_retry("region");
      if (address_.move_to(fault.region)) {
        options_.log.info("s3: the bucket is elsewhere",
                          {{"bucket", address_.bucket()}, {"region", address_.region()}});
      }
      return address_.region() == fault.region;
    case Remedy::credentials:
      if (std::exchange(tried.credentials_rejected, true)) return false;
      tried.ask_anew = true;
      count_retry("credentials");
      return true;
  }
  return false;
}

void Client::count_retry(const char* reason) {
  if (!options_.metrics) return;
  options_.metrics
      ->counter("rwp_s3_retries_total", "Requests to the object store that were sent again.",
                {{"reason", reason}})
      .add();
}

boost::asio::awaitable<Result<bool>> Client::wait_to_try_again(Tried tried) {
  net::RetryOptions retry;
  retry.max_attempts = options_.attempts;
  retry.first_wait = options_.first_wait;
  retry.longest_wait = options_.longest_wait;
  const double random = std::uniform_real_distribution<double>(0, 1)(random_);
  const auto wait = net::next_wait(retry, tried.attempts, tried.told, random);
  if (!wait) co_return false;
  const auto waited = co_await sleep_for(*wait);
  if (!waited) co_return waited.error();
  co_return true;
}

boost::asio::awaitable<Result<Answer>> Client::send(Call call) {
  const auto self = shared_from_this();
  Answer answer;
  Tried tried;
  while (true) {
    auto asking = credentials_->credentials(std::exchange(tried.ask_anew, false));
    auto credentials = co_await std::move(asking);
    if (!credentials) co_return credentials.error();
    auto room = co_await wait_for_room();
    if (!room) co_return room.error();
    ++tried.attempts;
    tried.told.reset();
    auto trying = attempt(call, *credentials, std::move(*room));
    auto response = co_await std::move(trying);

    bool again = false;
    if (!response) {
      const Error error = response.error();
      if (!error.retryable()) co_return error;
      count_retry("error");
      again = true;
    } else {
      answer.response = std::move(*response);
      answer.fault.reset();
      const int status = answer.response.status;
      if (status >= 300 || (call.may_fail_with_200 && !answer.response.body.empty())) {
        Fault fault = read_fault(answer.response);
        if (status >= 300 || !fault.code.empty()) answer.fault = std::move(fault);
      }
      if (!answer.fault) co_return answer;
      again = remedy(*answer.fault, answer.response, tried);
      if (!again) co_return answer;
    }
    auto waiting = wait_to_try_again(tried);
    const auto waited = co_await std::move(waiting);
    if (!waited) co_return waited.error();
    if (!*waited) {
      if (response) co_return answer;
      co_return response.error();
    }
    if (!response || answer.fault->status >= 500) answer.is_repeated = true;
  }
}

boost::asio::awaitable<Result<std::string>> Client::presign(std::string method, std::string key,
                                                            std::chrono::seconds expires_in) {
  const auto self = shared_from_this();
  auto asking = credentials_->credentials(false);
  const auto credentials = co_await std::move(asking);
  if (!credentials) co_return credentials.error();
  SignedParts parts;
  parts.method = std::move(method);
  parts.path = address_.path(key);
  parts.headers.set("host", address_.host());
  parts.payload_hash = kUnsignedPayload;
  const SigningScope scope{.time = server_time(), .region = address_.region()};
  const Query query = presigned_query(std::move(parts), scope, *credentials, expires_in);
  co_return address_.url(key) + "?" + query_text(query, false);
}

}  // namespace rwp::storage::s3
