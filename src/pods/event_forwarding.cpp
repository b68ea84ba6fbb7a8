#include "pods/event_forwarding.hpp"

#include "pods/collect_spool.hpp"

#include <chrono>
#include <string>
#include <utility>

namespace rwp::pods {
namespace {

jobs::Awaitable<Result<JsonText>> forward(std::shared_ptr<EventForwarder> forwarder,
                                          jobs::JobContext& context) {
  auto event = read_collect_job(context.job().payload, context.job().created_at);
  if (!event) co_return event.error();
  // An earlier run may have died between the sink and its completion.
  const bool repeated = context.run_token() > 1;
  auto forwarded = co_await forwarder->forward(std::move(*event), repeated);
  if (!forwarded) {
    if (context.stop_reason() == jobs::StopReason::drain) co_return context.hand_back();
    co_return forwarded.error();
  }
  co_return JsonText();
}

}  // namespace

void handle_collected_events(jobs::Worker& worker, std::shared_ptr<EventForwarder> forwarder) {
  jobs::HandlerOptions options;
  options.timeout = std::chrono::minutes(2);
  options.backoff.base = std::chrono::seconds(1);
  options.backoff.cap = std::chrono::minutes(5);
  worker.handle(
      std::string(kCollectKind),
      [forwarder = std::move(forwarder)](jobs::JobContext& context) {
        return forward(forwarder, context);
      },
      options);
}

}  // namespace rwp::pods
