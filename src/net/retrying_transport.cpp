#include <rwp/core/async.hpp>
#include <rwp/net/retry.hpp>

#include <algorithm>
#include <random>
#include <utility>

namespace rwp::net {
namespace {

using Opened = Result<std::unique_ptr<HttpExchange>>;

/// A refusal's body that takes longer, and longer than the wait, is not worth its connection.
constexpr std::chrono::seconds kGiveBack{1};

bool may_pass(int status) {
  return status == 429 || (status >= 500 && status != 501 && status != 505);
}

/// What the answer to an attempt asks for; none: it is the answer to hand on.
struct Trouble {
  bool worth_a_retry = false;
  std::optional<std::chrono::milliseconds> told{};
};

Trouble trouble_of(const Opened& opened) {
  Trouble trouble;
  if (!opened) {
    // Read once: Boost 1.81's error() gives a copy.
    const Error error = opened.error();
    trouble.worth_a_retry = error.retryable();
    trouble.told = error.retry_after();
  } else if (may_pass((*opened)->head().status)) {
    trouble.worth_a_retry = true;
    trouble.told = retry_after((*opened)->head().headers, std::chrono::system_clock::now());
  }
  return trouble;
}

class RetryingTransport final : public HttpTransport {
 public:
  RetryingTransport(std::shared_ptr<HttpTransport> inner, RetryOptions options)
      : inner_(std::move(inner)), options_(options) {}

 private:
  boost::asio::awaitable<Opened> do_open(HttpRequest request) override {
    const bool repeatable = is_repeatable(request) || (options_.any_method && !request.body_source);
    if (!repeatable) {
      auto once = inner_->open(std::move(request));
      co_return co_await std::move(once);
    }
    for (unsigned attempts = 1;; ++attempts) {
      auto attempt = inner_->open(request);
      Opened opened = co_await std::move(attempt);
      const Trouble trouble = trouble_of(opened);
      if (!trouble.worth_a_retry) co_return opened;
      const double random = std::uniform_real_distribution<double>(0, 1)(random_);
      const auto wait = next_wait(options_, attempts, trouble.told, random);
      if (!wait) co_return opened;
      const SteadyTime next = std::chrono::steady_clock::now() + *wait;
      if (next >= request.deadline) co_return opened;
      if (opened) {
        const SteadyTime until = std::max(next, std::chrono::steady_clock::now() + kGiveBack);
        auto giving_back = with_deadline(give_back(std::move(*opened)), until);
        (void)co_await std::move(giving_back);
      }
      const auto waited = co_await sleep_until(next);
      if (!waited) co_return waited.error().with_context(describe_request(request));
    }
  }

  /// Reads the short body of a refusal, so that its connection can be used again.
  static boost::asio::awaitable<Result<void>> give_back(std::unique_ptr<HttpExchange> exchange) {
    constexpr std::size_t kMost = std::size_t{64} << 10U;
    std::size_t bytes = 0;
    while (bytes <= kMost) {
      const auto piece = co_await exchange->read();
      if (!piece || piece->empty()) break;
      bytes += piece->size();
    }
    co_return Result<void>();
  }

  const std::shared_ptr<HttpTransport> inner_;
  const RetryOptions options_;
  std::minstd_rand random_{std::random_device()()};
};

}  // namespace

std::shared_ptr<HttpTransport> make_retrying_transport(std::shared_ptr<HttpTransport> inner,
                                                       RetryOptions options) {
  return std::make_shared<RetryingTransport>(std::move(inner), options);
}

}  // namespace rwp::net
