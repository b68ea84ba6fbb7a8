#include "net/redis/link.hpp"

#include <algorithm>
#include <utility>

namespace rwp::net_redis {
namespace {

/// About as much is written at once; more waits for the next write.
constexpr std::size_t kBatchBytes = std::size_t{128} << 10U;

/// A whole answer is to come within so many times the longest silence, however its bytes trickle.
constexpr int kLongestAnswer = 6;

SteadyTime now() { return std::chrono::steady_clock::now(); }

}  // namespace

Link::Link(boost::asio::any_io_executor executor, Session session,
           std::shared_ptr<Pipeline> pipeline, ClientSeries series, const ClientOptions& options)
    : executor_(std::move(executor)),
      wire_(std::move(session.wire)),
      server_(std::move(session.server)),
      pipeline_(std::move(pipeline)),
      series_(std::move(series)),
      ping_interval_(options.ping_interval),
      longest_silence_(options.longest_silence),
      last_heard_(now()),
      last_answer_(last_heard_) {}

void Link::close(Error why) {
  if (closed_) return;
  closed_ = std::move(why);
  wire_->close();
  work_.notify_all();
  closing_.notify_all();
}

boost::asio::awaitable<Error> Link::serve() {
  const auto self = shared_from_this();
  // A handler, as a runtime that ends destroys them while they wait.
  const auto ended = [](std::exception_ptr) {};
  spawn(executor_, write_calls(), ended);
  spawn(executor_, watch_health(), ended);
  auto reading = read_answers();
  Error why = co_await std::move(reading);
  close(why);
  co_return *closed_;
}

boost::asio::awaitable<Error> Link::read_answers() {
  while (true) {
    auto filling = wire_->fill();
    const auto filled = co_await std::move(filling);
    if (!filled) co_return filled.error();
    last_heard_ = now();
    if (const auto taken = take_answers(); !taken) co_return taken.error();
    series_.pending(pipeline_->pending());
  }
}

/// Gives out all answers that are there.
Result<void> Link::take_answers() {
  std::optional<Error> demoted;
  while (true) {
    auto reply = wire_->next();
    if (!reply) return reply.error();
    if (!*reply) break;
    if (answer_error(**reply) == AnswerError::read_only) {
      demoted = Error(Errc::unavailable, "redis: the server has become a replica");
    }
    last_answer_ = last_heard_;
    const auto ended = pipeline_->answer(std::move(**reply));
    if (!ended) return ended.error();
    if (*ended) {
      const std::chrono::duration<double> took = last_heard_ - (*ended)->began;
      series_.took(took.count());
    }
  }
  if (demoted) return *demoted;
  return {};
}

boost::asio::awaitable<void> Link::write_calls() {
  const auto self = shared_from_this();
  while (!closed_) {
    if (!pipeline_->has_work()) {
      if (co_await work_.wait_until(SteadyTime::max()) == Wake::cancelled) co_return;
      continue;
    }
    const Pipeline::Batch batch = pipeline_->take(server_.connection, kBatchBytes, now());
    if (batch.commands == 0) continue;
    series_.wrote(batch.commands);
    auto writing = wire_->write(batch.bytes);
    const auto written = co_await std::move(writing);
    if (!written) close(written.error());
  }
}

SteadyTime Link::next_look() const {
  if (!pipeline_->awaits_answers()) return last_heard_ + ping_interval_;
  const SteadyTime sent = pipeline_->oldest_sent();
  return std::min(std::max(last_heard_, sent) + longest_silence_,
                  std::max(last_answer_, sent) + kLongestAnswer * longest_silence_);
}

void Link::look(SteadyTime at) {
  if (at < next_look()) return;
  if (pipeline_->awaits_answers()) {
    close(Error(Errc::unavailable, "redis: the server has owed an answer for too long"));
    return;
  }
  auto ping = std::make_shared<Call>();
  const Command asked("PING");
  asked.encode_to(ping->bytes);
  ping->name = asked.name();
  ping->only_on = server_.connection;
  ping->abandoned = true;
  ping->began = at;
  if (pipeline_->add(std::move(ping))) wake();
}

boost::asio::awaitable<void> Link::watch_health() {
  const auto self = shared_from_this();
  while (!closed_) {
    // What is sent meanwhile may be due sooner than what is looked for now.
    const auto soon = now() + std::min(ping_interval_, longest_silence_) / 4;
    if (co_await closing_.wait_until(std::min(soon, next_look())) == Wake::cancelled) co_return;
    if (!closed_) look(now());
  }
}

}  // namespace rwp::net_redis
