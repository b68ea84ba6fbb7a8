#include "net/redis/subscription.hpp"

#include "net/redis/backoff.hpp"

#include <utility>

namespace rwp::net_redis {
namespace {

constexpr std::size_t kMaxChannels = 10'000;
constexpr std::size_t kMaxChannelBytes = 256;
/// Of commands that the server does not take; then the connection is given up, and all channels
/// that are still wanted are subscribed to on the next.
constexpr std::size_t kMaxUnwritten = std::size_t{4} << 20U;

SteadyTime now() { return std::chrono::steady_clock::now(); }

}  // namespace

Subscription::Subscription(boost::asio::any_io_executor executor, Dial dial,
                           const ClientOptions& options, SubscriptionHandlers handlers)
    : executor_(std::move(executor)),
      dial_(std::move(dial)),
      first_wait_(options.first_wait),
      longest_wait_(options.longest_wait),
      ping_interval_(options.ping_interval),
      longest_silence_(options.longest_silence),
      log_(options.log.with({{"redis", options.use}})),
      handlers_(std::move(handlers)) {}

void Subscription::start() {
  if (closed_) return;
  auto ended = [self = shared_from_this()](std::exception_ptr thrown) {
    if (!thrown || self->closed_) return;
    self->log_.error("redis subscription ended", {{"error", detail::from_exception(thrown)}});
  };
  task_ = Task(executor_, keep_subscribed(), std::move(ended));
}

void Subscription::close() {
  if (std::exchange(closed_, true)) return;
  lose(Error(Errc::cancelled, "redis: the subscription was closed"));
  task_.cancel();
}

Result<void> Subscription::add(std::string channel) {
  if (channel.empty() || channel.size() > kMaxChannelBytes) {
    return Error(Errc::invalid_argument, "redis: a channel's name has 1 to 256 bytes");
  }
  if (channels_.size() >= kMaxChannels) {
    return Error(Errc::invalid_argument, "redis: more than 10,000 channels");
  }
  const auto [place, is_new] = channels_.insert(std::move(channel));
  if (is_new && wire_) say("SUBSCRIBE", *place);
  return {};
}

void Subscription::remove(const std::string& channel) {
  if (channels_.erase(channel) > 0 && wire_) say("UNSUBSCRIBE", channel);
}

void Subscription::say(std::string_view name, const std::string& channel) {
  command(name, channel).encode_to(outbox_);
  if (outbox_.size() > kMaxUnwritten) {
    lose(Error(Errc::unavailable, "redis: the server takes no commands"));
  }
  ++unacknowledged_;
  announced_ = false;
  work_.notify_all();
}

void Subscription::lose(Error why) {
  if (!wire_ || lost_) return;
  lost_ = std::move(why);
  wire_->close();
  work_.notify_all();
  looked_.notify_all();
}

boost::asio::awaitable<void> Subscription::keep_subscribed() {
  const auto self = shared_from_this();
  Backoff backoff(first_wait_, longest_wait_);
  bool told = false;
  while (!closed_) {
    auto dialling = dial_();
    auto session = co_await std::move(dialling);
    if (closed_) co_return;
    const SteadyTime began = now();
    Error trouble;
    if (session) {
      wire_ = std::move(session->wire);
      auto listening = listen();
      trouble = co_await std::move(listening);
      wire_.reset();
      if (closed_) co_return;
      told = false;
    } else {
      trouble = session.error();
    }
    const auto level =
        std::exchange(told, true) ? observability::LogLevel::debug : observability::LogLevel::warn;
    log_.log(level, "no redis subscription", {{"error", trouble}});
    auto waiting = sleep_for(backoff.after(now() - began));
    (void)co_await std::move(waiting);
  }
}

boost::asio::awaitable<Error> Subscription::listen() {
  lost_.reset();
  outbox_.clear();
  unacknowledged_ = 0;
  pinged_ = false;
  last_heard_ = now();
  for (const std::string& channel : channels_) say("SUBSCRIBE", channel);
  const auto ended = [](std::exception_ptr) {};
  spawn(executor_, write_commands(wire_), ended);
  spawn(executor_, watch_health(wire_), ended);
  while (!lost_) {
    auto filling = wire_->fill();
    auto filled = co_await std::move(filling);
    last_heard_ = now();
    if (std::exchange(pinged_, false)) looked_.notify_all();
    if (filled) filled = take_messages();
    if (!filled) lose(filled.error());
  }
  co_return *lost_;
}

Result<void> Subscription::take_messages() {
  while (true) {
    const auto reply = wire_->next();
    if (!reply) return reply.error();
    if (!*reply) return {};
    if (auto taken = take(**reply); !taken) return taken;
    // A handler may have closed this.
    if (lost_) return *lost_;
  }
}

Result<void> Subscription::take(const Reply& reply) {
  if (reply.is_error()) return to_error(reply, "SUBSCRIBE");
  // PING is answered by "PONG" as long as no channel is subscribed to.
  if (!reply.is_array() || reply.items.empty() || reply.items.front().text == "pong") return {};
  const std::string& what = reply.items.front().text;
  if (what == "message" && reply.items.size() == 3) {
    if (handlers_.on_message) handlers_.on_message(reply.items[1].text, reply.items[2].text);
    return {};
  }
  if (what != "subscribe" && what != "unsubscribe") {
    return Error(Errc::corrupt, "redis: not an answer that a subscription gets");
  }
  if (unacknowledged_ > 0) --unacknowledged_;
  if (unacknowledged_ == 0 && !std::exchange(announced_, true) && handlers_.on_subscribed) {
    handlers_.on_subscribed();
  }
  return {};
}

boost::asio::awaitable<void> Subscription::write_commands(std::shared_ptr<Wire> wire) {
  const auto self = shared_from_this();
  while (wire_ == wire && !lost_) {
    if (outbox_.empty()) {
      if (co_await work_.wait_until(SteadyTime::max()) == Wake::cancelled) co_return;
      continue;
    }
    const std::string bytes = std::exchange(outbox_, std::string());
    auto writing = wire->write(bytes);
    const auto written = co_await std::move(writing);
    if (!written && wire_ == wire) lose(written.error());
  }
}

boost::asio::awaitable<void> Subscription::watch_health(std::shared_ptr<Wire> wire) {
  const auto self = shared_from_this();
  while (wire_ == wire && !lost_) {
    const SteadyTime due =
        last_heard_ + ping_interval_ + (pinged_ ? longest_silence_ : std::chrono::milliseconds(0));
    if (co_await looked_.wait_until(due) == Wake::cancelled) co_return;
    if (wire_ != wire || lost_) co_return;
    if (now() < last_heard_ + ping_interval_) continue;
    if (!std::exchange(pinged_, true)) {
      command("PING").encode_to(outbox_);
      work_.notify_all();
    } else if (now() >= last_heard_ + ping_interval_ + longest_silence_) {
      lose(Error(Errc::unavailable, "redis: the server has been silent for too long"));
    }
  }
}

}  // namespace rwp::net_redis
