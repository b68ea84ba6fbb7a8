#include <rwp/analytics/batching_sink.hpp>
#include <rwp/core/async.hpp>

#include <boost/asio/this_coro.hpp>

#include <utility>

namespace rwp::analytics {
namespace {

class BatchingSink final : public Sink, public std::enable_shared_from_this<BatchingSink> {
 public:
  BatchingSink(std::shared_ptr<Sink> inner, BatchingOptions options)
      : inner_(std::move(inner)), options_(options) {}

 private:
  struct Batch {
    std::vector<std::vector<Event>> deliveries{};
    std::size_t events = 0;
    /// One a delivery, once the batch has ended.
    std::vector<Result<void>> outcomes{};
    bool ended = false;
    Signal full{};
    Signal done{};
  };

  boost::asio::awaitable<Result<void>> do_deliver(std::vector<Event> events) override {
    const auto self = shared_from_this();
    std::shared_ptr<Batch> batch = open_;
    if (!batch) {
      batch = open_ = std::make_shared<Batch>();
      const auto executor = co_await boost::asio::this_coro::executor;
      // On its own, as the batch is not this delivery's alone.
      spawn(executor, deliver_batch(self, batch), [self, batch](std::exception_ptr thrown) {
        if (self->open_ == batch) self->open_.reset();
        if (thrown) {
          batch->outcomes.assign(batch->deliveries.size(), detail::from_exception(thrown));
        }
        batch->ended = true;
        batch->done.notify_all();
      });
    }
    const std::size_t place = batch->deliveries.size();
    batch->events += events.size();
    batch->deliveries.push_back(std::move(events));
    if (batch->events >= options_.events) {
      if (open_ == batch) open_.reset();
      batch->full.notify_all();
    }
    while (!batch->ended) {
      const Wake wake = co_await batch->done.wait_until(SteadyTime::max());
      if (wake == Wake::cancelled && !batch->ended) {
        co_return Error(Errc::cancelled, "delivery of events cancelled; they may yet arrive");
      }
    }
    co_return batch->outcomes[place];
  }

  boost::asio::awaitable<Result<std::vector<Uuid>>> do_find_delivered(
      std::vector<Uuid> ids) override {
    return inner_->find_delivered(std::move(ids));
  }

  static boost::asio::awaitable<void> deliver_batch(std::shared_ptr<BatchingSink> self,
                                                    std::shared_ptr<Batch> batch) {
    const auto until = std::chrono::steady_clock::now() + self->options_.linger;
    while (batch->events < self->options_.events) {
      if (co_await batch->full.wait_until(until) != Wake::notified) break;
    }
    if (self->open_ == batch) self->open_.reset();
    std::vector<Event> all;
    for (const auto& events : batch->deliveries)
      all.insert(all.end(), events.begin(), events.end());
    const auto delivered = co_await self->inner_->deliver(std::move(all));
    batch->outcomes.assign(batch->deliveries.size(), delivered);
    if (delivered || delivered.error().retryable() || batch->deliveries.size() == 1) co_return;
    for (std::size_t i = 0; i < batch->deliveries.size(); ++i) {
      auto alone = self->inner_->deliver(batch->deliveries[i]);
      batch->outcomes[i] = co_await std::move(alone);
    }
  }

  const std::shared_ptr<Sink> inner_;
  const BatchingOptions options_;
  /// The batch that still takes deliveries; null: none.
  std::shared_ptr<Batch> open_;
};

}  // namespace

std::shared_ptr<Sink> make_batching_sink(std::shared_ptr<Sink> inner, BatchingOptions options) {
  return std::make_shared<BatchingSink>(std::move(inner), options);
}

}  // namespace rwp::analytics
