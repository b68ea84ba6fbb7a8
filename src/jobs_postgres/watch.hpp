#pragma once

#include "jobs_postgres/open_rows.hpp"
#include "jobs_postgres/session.hpp"
#include <rwp/core/async.hpp>
#include <rwp/jobs/requests.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rwp::jobs_postgres {

/// The one watch that all who wait for work or for ends share.
///
/// What this process commits is told to it, and it tells the others by NOTIFY, gathered, after the
/// commit. What others commit is heard by LISTEN on a connection of its own while somebody waits,
/// or seen by looking: each second while it listens, from every 5 to every 100 ms when it cannot.
///
/// Threads: confined to the runtime's I/O thread. Lifetime: kept by its calls in flight.
class Watch : public std::enable_shared_from_this<Watch> {
 public:
  /// `listens`: behind a pooler that gives each transaction another connection nobody can listen.
  Watch(std::shared_ptr<Session> session, bool listens);

  /// Something has been committed here.
  void on_committed(Effects effects);

  boost::asio::awaitable<Result<void>> wait_for_work(jobs::ClaimRequest request,
                                                     SteadyTime deadline);
  /// Rises whenever jobs may have become ready, here or (heard) elsewhere.
  std::uint64_t changes() const noexcept { return changes_; }
  /// Until changes() is not `seen`; success at the deadline too.
  boost::asio::awaitable<Result<void>> wait_for_change(std::uint64_t seen, SteadyTime deadline);
  /// Success at the deadline too.
  boost::asio::awaitable<Result<void>> wait_for_end(std::vector<Uuid> ids, SteadyTime deadline);

  /// Nobody waits any more; ends what goes on.
  void close();

 private:
  struct EndWaiter {
    std::size_t open = 0;
    Signal all_ended{};
  };
  class EndRegistration;
  struct WorkWaiter {
    const jobs::ClaimRequest& request;
    bool there = false;  ///< A commit has brought what it waits for.
    bool look = false;   ///< A commit may have.
    Signal changed{};
  };
  class WorkRegistration;

  /// Whether somebody here waits for what has become ready.
  bool tell_here(const Effects& effects);
  void tell_ends(const std::vector<Uuid>& ids);
  void ask_for_ends();
  void start_telling();
  std::vector<net_postgres::Command> take_what_is_to_tell();
  void note_ended(const std::vector<Uuid>& ids);
  boost::asio::awaitable<Result<void>> check_ended(std::vector<Uuid> ids);
  boost::asio::awaitable<void> tell_others();
  void start_listening();
  boost::asio::awaitable<void> listen();
  void hear(const std::vector<std::string>& payloads);
  /// Whether it was of ends.
  bool hear_of_ends(std::string_view payload);
  void start_looking_for_ends();
  boost::asio::awaitable<void> look_for_ends();
  std::chrono::milliseconds look_interval(int looks) const;

  const std::shared_ptr<Session> session_;
  const bool listens_;
  std::list<WorkWaiter*> work_waiters_;
  std::unordered_multimap<Uuid, EndWaiter*> open_;

  std::uint64_t changes_ = 0;
  std::size_t change_waiters_ = 0;
  Signal changed_;

  std::set<std::int64_t> lanes_to_tell_;
  bool look_to_tell_ = false;
  bool telling_ = false;
  bool own_workers_first_ = false;
  // Ends are told to other processes while one of them says that it waits for some.
  std::vector<Uuid> ends_to_tell_;
  bool asks_for_ends_ = false;
  SteadyTime asked_for_ends_{};
  SteadyTime ends_wanted_until_{};
  SteadyTime heard_of_ends_{};

  bool hears_ = false;
  bool listening_ = false;
  Task listener_;
  bool looking_for_ends_ = false;
  bool look_quickly_ = false;
  Signal look_sooner_;
  bool closed_ = false;
};

}  // namespace rwp::jobs_postgres
