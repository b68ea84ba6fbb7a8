#include <rwp/analytics_spool/spool.hpp>
#include <rwp/core/async.hpp>

#include <utility>

namespace rwp::analytics {
namespace {

class SpoolingSink final : public Sink {
 public:
  explicit SpoolingSink(std::shared_ptr<Spool> spool) : spool_(std::move(spool)) {}

 private:
  boost::asio::awaitable<Result<void>> do_deliver(std::vector<Event> events) override {
    std::vector<SpooledEvent> spooled;
    spooled.reserve(events.size());
    for (Event& event : events) {
      SpooledEvent& one = spooled.emplace_back();
      one.event = std::move(event);
    }
    auto keeping = spool_->keep(std::move(spooled));
    const auto kept = co_await on(spool_->store().runtime().executor(), std::move(keeping));
    if (!kept) co_return kept.error();
    for (const auto& answer : *kept) {
      // An event of this id is on its way; it is not another because a field was read back
      // differently.
      if (!answer && answer.error().code() != Errc::conflict) co_return answer.error();
    }
    co_return Result<void>();
  }

  const std::shared_ptr<Spool> spool_;
};

}  // namespace

std::shared_ptr<Sink> make_spooling_sink(std::shared_ptr<Spool> spool) {
  return std::make_shared<SpoolingSink>(std::move(spool));
}

}  // namespace rwp::analytics
