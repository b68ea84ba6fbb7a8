#include "net/otlp_spans.hpp"
#include <rwp/core/url.hpp>
#include <rwp/net/otlp_exporter.hpp>
#include <rwp/net/retry.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <exception>
#include <iterator>
#include <mutex>
#include <utility>
#include <vector>

namespace rwp::net {
namespace {

using boost::asio::awaitable;
using observability::SpanRecord;
using Steady = std::chrono::steady_clock;

constexpr std::size_t kMostQueued = 1'000'000;
constexpr std::size_t kMostInBatch = 10'000;
/// Between two lines of the log about a collector that takes nothing.
constexpr std::chrono::minutes kLogEvery{1};

Error bad_option(const char* rule) {
  return {Errc::invalid_argument, std::string("OTLP: ") + rule};
}

Result<void> check(const OtlpOptions& options) {
  const auto url = Url::parse(options.url);
  if (!url) return url.error().with_context("OTLP: url");
  if (url->scheme() != "http" && url->scheme() != "https") {
    return bad_option("url must begin with http: or https:");
  }
  if (!(options.sample_ratio >= 0 && options.sample_ratio <= 1)) {
    return bad_option("sample_ratio must be 0 to 1");
  }
  if (options.max_queued < 1 || options.max_queued > kMostQueued) {
    return bad_option("max_queued must be 1 to 1,000,000");
  }
  if (options.max_batch < 1 || options.max_batch > kMostInBatch) {
    return bad_option("max_batch must be 1 to 10,000");
  }
  return {};
}

/// OpenTelemetry's TraceIdRatioBased: the lower 63 bits of the id's second half.
bool is_sampled(const observability::TraceContext& context, double ratio) {
  if (!context.sampled) return false;
  if (ratio >= 1) return true;
  constexpr std::size_t kHalf = 8;
  constexpr double kRange = 9'223'372'036'854'775'808.0;  // 2^63
  std::uint64_t bits = 0;
  for (std::size_t i = kHalf; i < context.trace_id.size(); ++i) {
    bits = (bits << 8U) | context.trace_id[i];
  }
  return static_cast<double>(bits & ~(std::uint64_t{1} << 63U)) < ratio * kRange;
}

/// What the exporter, its task and its flushes share.
class Queue {
 public:
  Queue(Runtime& runtime, std::shared_ptr<HttpTransport> transport, OtlpOptions options)
      : executor_(runtime.executor()), options_(std::move(options)) {
    RetryOptions retry;
    retry.any_method = true;
    transport_ = make_retrying_transport(std::move(transport), retry);
    if (!options_.metrics) return;
    const auto series = [this](const char* outcome) {
      return &options_.metrics->counter("rwp_trace_spans_total",
                                        "Spans that were exported, dropped, or refused by the "
                                        "collector",
                                        {{"outcome", outcome}});
    };
    exported_ = series("exported");
    dropped_ = series("dropped");
    refused_ = series("refused");
  }

  const boost::asio::any_io_executor& executor() const { return executor_; }

  void put(SpanRecord span, const std::shared_ptr<Queue>& self) {
    if (!is_sampled(span.context, options_.sample_ratio)) return;
    bool wake = false;
    {
      const std::lock_guard lock(mutex_);
      if (spans_.size() >= options_.max_queued) {
        count(dropped_, 1);
        return;
      }
      spans_.push_back(std::move(span));
      wake = !woken_ && spans_.size() >= options_.max_batch;
      woken_ = woken_ || wake;
    }
    if (wake) post(executor_, [self] { self->changed_.notify_all(); });
  }

  static awaitable<void> send_all(std::shared_ptr<Queue> self) {
    for (;;) {
      const auto next = Steady::now() + self->options_.flush_every;
      if (co_await self->changed_.wait_until(next) == Wake::cancelled) co_return;
      self->sending_ = true;
      for (auto batch = self->take(); !batch.empty(); batch = self->take()) {
        co_await self->send(std::move(batch));
      }
      self->sending_ = false;
      self->sent_.notify_all();
    }
  }

  static awaitable<Result<void>> flush(std::shared_ptr<Queue> self, SteadyTime deadline) {
    while (self->sending_ || !self->empty()) {
      self->changed_.notify_all();
      const auto woken = co_await self->sent_.wait_until(deadline);
      if (woken == Wake::cancelled) co_return Error(Errc::cancelled, "OTLP: flush was cancelled");
      if (woken == Wake::timed_out) {
        co_return Error(Errc::deadline_exceeded, "OTLP: not all spans were sent in time");
      }
    }
    co_return Result<void>();
  }

 private:
  static void count(observability::Counter* counter, std::size_t spans) {
    if (counter != nullptr) counter->add(static_cast<double>(spans));
  }

  bool empty() {
    const std::lock_guard lock(mutex_);
    return spans_.empty();
  }

  std::vector<SpanRecord> take() {
    const std::lock_guard lock(mutex_);
    woken_ = false;
    const auto end =
        spans_.begin() + static_cast<std::ptrdiff_t>(std::min(spans_.size(), options_.max_batch));
    std::vector<SpanRecord> batch(std::make_move_iterator(spans_.begin()),
                                  std::make_move_iterator(end));
    spans_.erase(spans_.begin(), end);
    return batch;
  }

  awaitable<void> send(std::vector<SpanRecord> batch) {
    HttpRequest request;
    request.method = "POST";
    request.url = options_.url;
    request.headers = options_.headers;
    request.headers.set("Content-Type", "application/json");
    request.body = encode_otlp_spans(batch, options_.service_name, options_.service_instance);
    request.deadline = Steady::now() + options_.timeout;
    auto answer = co_await transport_->send(std::move(request));
    if (answer && answer->status >= 200 && answer->status < 300) {
      count(exported_, batch.size());
      co_return;
    }
    count(answer ? refused_ : dropped_, batch.size());
    if (Steady::now() < log_again_) co_return;
    log_again_ = Steady::now() + kLogEvery;
    if (answer) {
      options_.log.warn("spans were refused",
                        {{"spans", batch.size()}, {"status", answer->status}});
    } else {
      options_.log.warn("spans were dropped", {{"spans", batch.size()}, {"error", answer.error()}});
    }
  }

  const boost::asio::any_io_executor executor_;
  const OtlpOptions options_;
  std::shared_ptr<HttpTransport> transport_;
  observability::Counter* exported_ = nullptr;
  observability::Counter* dropped_ = nullptr;
  observability::Counter* refused_ = nullptr;

  std::mutex mutex_;  // Of the two that follow; all else is the I/O thread's.
  std::deque<SpanRecord> spans_;
  bool woken_ = false;

  Signal changed_;
  Signal sent_;
  bool sending_ = false;
  Steady::time_point log_again_ = Steady::time_point::min();
};

class Exporter final : public OtlpExporter {
 public:
  explicit Exporter(std::shared_ptr<Queue> queue)
      : queue_(std::move(queue)),
        sending_(queue_->executor(), Queue::send_all(queue_), [](const std::exception_ptr&) {}) {}
  ~Exporter() override { sending_.cancel(); }

  void export_span(SpanRecord span) noexcept override { queue_->put(std::move(span), queue_); }

  awaitable<Result<void>> flush(SteadyTime deadline) override {
    return on(queue_->executor(), Queue::flush(queue_, deadline));
  }

 private:
  const std::shared_ptr<Queue> queue_;
  Task sending_;
};

}  // namespace

Result<std::shared_ptr<OtlpExporter>> make_otlp_exporter(Runtime& runtime,
                                                         std::shared_ptr<HttpTransport> transport,
                                                         OtlpOptions options) {
  if (auto checked = check(options); !checked) return checked.error();
  auto queue = std::make_shared<Queue>(runtime, std::move(transport), std::move(options));
  return std::make_shared<Exporter>(std::move(queue));
}

}  // namespace rwp::net
