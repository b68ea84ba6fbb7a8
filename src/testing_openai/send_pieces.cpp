#include "testing_openai/fake_answer.hpp"
#include "testing_openai/fake_request.hpp"
#include <rwp/core/async.hpp>

#include <chrono>
#include <utility>

namespace rwp::testing {
namespace {

using boost::asio::awaitable;

constexpr std::chrono::minutes kLongestStall{10};
constexpr std::int64_t kHugeMebibytes = 64;
constexpr std::int64_t kSlowToken = 2'000;

struct Plan {
  std::vector<std::string> pieces{};
  bool event_stream = false;
  FakeStep step{};
  OnAbandoned on_abandoned{};
};

/// How many of the pieces go out before the fault.
std::size_t good_pieces(const Plan& plan) {
  const std::size_t all = plan.pieces.size();
  switch (plan.step.fault) {
    case Fault::cut:
    case Fault::stall:
    case Fault::malformed:
    case Fault::error_event:
    case Fault::empty:
    case Fault::huge:
      return plan.event_stream ? std::min<std::size_t>(2, all) : all / 2;
    default:
      return all;
  }
}

std::string filler(bool event_stream) {
  std::string text(std::size_t{64} << 10U, 'x');
  if (!event_stream) return text;
  return R"(data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":")" + text +
         "\"}}]}\n\n";
}

/// What comes after the good pieces.
awaitable<Result<void>> misbehave(std::shared_ptr<const Plan> plan, server::ResponseWriter& out) {
  switch (plan->step.fault) {
    case Fault::cut:
      co_return Error(Errc::unavailable, "the script says cut");
    case Fault::stall:
      (void)co_await sleep_for(kLongestStall);
      co_return Error(Errc::unavailable, "the script says stall");
    case Fault::malformed:
      co_return co_await out.write(plan->event_stream ? "data: {\"id\":\"chatcmpl-fake\",\"cho\n\n"
                                                      : "\"\n");
    case Fault::error_event: {
      Refused said;
      said.message = "The server had an error while processing your request";
      said.type = "server_error";
      std::string piece = "data: " + error_json(said) + "\n\n";
      co_return co_await out.write(std::move(piece));
    }
    case Fault::huge: {
      const auto mebibytes = plan->step.value < 0 ? kHugeMebibytes : plan->step.value;
      const std::string piece = filler(plan->event_stream);
      for (std::int64_t sent = 0; sent < mebibytes * 16; ++sent) {
        auto written = co_await out.write(piece);
        if (!written) co_return written;
      }
      co_return Result<void>();
    }
    default:
      co_return Result<void>();
  }
}

awaitable<Result<void>> write_all(std::shared_ptr<const Plan> plan, server::ResponseWriter& out) {
  if (plan->step.fault == Fault::slow_token) {
    // A comment takes the head with it.
    std::string begin = plan->event_stream ? ": wait\n\n" : " ";
    auto begun = co_await out.write(std::move(begin));
    if (!begun) co_return begun;
    auto slept = co_await sleep_for(
        std::chrono::milliseconds(plan->step.value < 0 ? kSlowToken : plan->step.value));
    if (!slept) co_return slept;
  }
  const std::size_t good = good_pieces(*plan);
  for (std::size_t i = 0; i < good; ++i) {
    auto written = co_await out.write(plan->pieces[i]);
    if (!written) co_return written;
  }
  co_return co_await misbehave(plan, out);
}

/// Tells when the client goes before the end: then the coroutine is cancelled, or a write fails.
class Watch {
 public:
  explicit Watch(OnAbandoned on_abandoned) : on_abandoned_(std::move(on_abandoned)) {}
  ~Watch() {
    if (!ended_ && on_abandoned_) on_abandoned_();
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  void end() { ended_ = true; }

 private:
  OnAbandoned on_abandoned_;
  bool ended_ = false;
};

awaitable<Result<void>> run(std::shared_ptr<const Plan> plan, server::ResponseWriter& out) {
  Watch watch(plan->on_abandoned);
  auto written = co_await write_all(plan, out);
  if (written || plan->step.fault == Fault::cut) watch.end();
  co_return written;
}

}  // namespace

server::Response send_pieces(std::vector<std::string> pieces, bool event_stream, FakeStep step,
                             OnAbandoned on_abandoned) {
  auto plan = std::make_shared<Plan>();
  plan->pieces = std::move(pieces);
  plan->event_stream = event_stream;
  plan->step = step;
  plan->on_abandoned = std::move(on_abandoned);
  server::Response response;
  response.headers.set("Content-Type", event_stream ? "text/event-stream" : "application/json");
  if (event_stream) response.headers.set("Cache-Control", "no-cache");
  response.stream = [plan](server::ResponseWriter& out) {
    return run(std::shared_ptr<const Plan>(plan), out);
  };
  return response;
}

}  // namespace rwp::testing
