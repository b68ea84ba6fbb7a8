#pragma once

#include "jobs_tiered/codec.hpp"
#include "jobs_tiered/dispatch.hpp"
#include "jobs_tiered/server_line.hpp"
#include "jobs_tiered/work_watch.hpp"
#include "net/redis/subscriber.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace rwp::jobs_tiered {

/// A Dispatch on Redis.
class RedisDispatch final : public Dispatch, public std::enable_shared_from_this<RedisDispatch> {
 public:
  RedisDispatch(Runtime& runtime, DispatchOptions options);
  ~RedisDispatch() override;
  /// `errors` as make_redis_dispatch().
  Result<void> connect(const Url& url);

  bool is_open() const override { return line_->is_open(); }
  Error why_closed() const override { return line_->why_closed(); }
  Window window(LaneId lane, jobs::Priority priority) const override;
  boost::asio::awaitable<Result<void>> read_windows(std::vector<LaneId> lanes) override;
  void set_epoch(std::int64_t epoch) override { line_->set_epoch(epoch); }
  void set_database(std::string database) override { line_->set_database(std::move(database)); }
  std::optional<Error> is_of_another() const override { return line_->is_of_another(); }

  boost::asio::awaitable<Result<std::vector<PushOutcome>>> push(
      std::vector<Ticket> tickets) override;
  boost::asio::awaitable<Result<std::vector<ClaimedTicket>>> claim(TicketClaim request) override;
  boost::asio::awaitable<Result<void>> wait_for_work(std::vector<LaneId> lanes,
                                                     SteadyTime deadline) override;
  void wake() override { work_.wake_all(); }
  boost::asio::awaitable<jobs::PerItem<jobs::LeaseState>> extend(
      std::vector<jobs::RunRef> runs, std::chrono::milliseconds lease) override;
  boost::asio::awaitable<jobs::PerItem<jobs::LeaseState>> mark_started(
      std::vector<jobs::RunRef> runs) override;
  boost::asio::awaitable<Result<void>> hand_back(std::vector<jobs::RunRef> runs) override;
  boost::asio::awaitable<Result<void>> release(std::vector<jobs::RunRef> runs) override;
  boost::asio::awaitable<Result<std::vector<WithdrawOutcome>>> withdraw(
      std::vector<StampedJob> jobs, bool ask_to_cancel) override;
  boost::asio::awaitable<Result<std::vector<TicketPlace>>> look(std::vector<Uuid> ids) override;
  boost::asio::awaitable<Result<Audit>> audit(std::string cursor, std::size_t limit) override;
  boost::asio::awaitable<Result<std::vector<LaneLook>>> lanes() override;
  boost::asio::awaitable<Result<std::vector<LapsedLease>>> expired(std::size_t limit) override;
  boost::asio::awaitable<Result<void>> give_up_leases() override;
  boost::asio::awaitable<Result<void>> raise_watermark(std::int64_t stamp,
                                                       std::int64_t term) override;
  boost::asio::awaitable<Result<Opening>> opening() override;
  boost::asio::awaitable<Result<void>> open(OpenRequest request) override;
  boost::asio::awaitable<Result<void>> close() override;
  boost::asio::awaitable<Result<void>> set_paused(std::string queue, bool paused) override;
  boost::asio::awaitable<Result<void>> set_backlog(LaneId lane, jobs::Priority priority,
                                                   bool waits) override;
  boost::asio::awaitable<Result<std::vector<std::string>>> risks() override {
    return line_->risks();
  }
  void shut_down() override;

 private:
  /// A run that has been claimed here and not been released.
  struct Held {
    LeaseHead lease{};
    /// Where its lease was last seen.
    std::shared_ptr<const std::string> server{};
  };
  using Slice = std::pair<std::size_t, std::size_t>;
  using WindowsOfLane = std::array<Window, jobs::kPriorityCount>;

  boost::asio::awaitable<Result<void>> push_some(const std::vector<Ticket>* tickets, Slice slice,
                                                 std::vector<PushOutcome>* outcomes);
  boost::asio::awaitable<Result<void>> extend_some(const std::vector<jobs::RunRef>* runs,
                                                   Slice slice, std::chrono::milliseconds lease,
                                                   std::vector<Result<jobs::LeaseState>>* states);
  /// Leaves out the lanes without tickets, and what is too much for one script.
  boost::asio::awaitable<Result<TicketClaim>> narrow(TicketClaim request);
  void note_empty(const std::vector<LaneId>& lanes, std::uint64_t heard);
  Result<std::vector<ClaimedTicket>> take_claim(const Answer& answer, const TicketClaim& request,
                                                std::uint64_t heard);
  /// One of {lane, priority, tickets, bytes, backlog}.
  bool note_window(const net_redis::Reply* parts);
  void set_window(LaneId lane, jobs::Priority priority, std::size_t jobs, std::size_t bytes,
                  bool backlog);
  void on_message(const std::string& message);
  void look_if_deaf();
  std::shared_ptr<const std::string> same_server(const std::string& server);

  Runtime& runtime_;
  const DispatchOptions options_;
  std::shared_ptr<ServerLine> line_;
  std::shared_ptr<net_redis::Subscriber> subscriber_;
  WorkWatch work_;
  std::unordered_map<LaneId, WindowsOfLane> windows_;
  std::unordered_map<Uuid, Held> held_;
  std::shared_ptr<const std::string> server_ = std::make_shared<const std::string>();
  /// The leases' time since when lapses are their holders' own fault, and when it was last told.
  std::optional<std::int64_t> trusted_since_;
  std::int64_t last_beat_ = 0;
  std::chrono::milliseconds last_local_{0};
  /// The server's account of how long it has waited is not believed beyond what has passed here.
  std::string opening_;
  SteadyTime opening_since_;
  std::chrono::milliseconds last_waited_{0};
  /// Of claims from more lanes than one script takes.
  std::size_t turn_ = 0;
  double window_jobs_ = 0;
  double window_bytes_ = 0;
  observability::Gauge* jobs_gauge_ = nullptr;
  observability::Gauge* bytes_gauge_ = nullptr;
  observability::Histogram* claim_seconds_ = nullptr;
  Task following_;
};

}  // namespace rwp::jobs_tiered
