#pragma once

#include "jobs_tiered/dispatch.hpp"
#include "jobs_tiered/scripts.hpp"
#include "net/redis/client.hpp"
#include "net/redis/reply.hpp"
#include <rwp/core/async.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace rwp::jobs_tiered {

using Arguments = std::vector<std::string>;

/// A script's answer.
struct Answer {
  /// 1: open; 0: closed; else as the script says.
  std::int64_t status = 0;
  /// The server process and its history.
  std::string server{};
  /// All parts, those two among them.
  std::vector<net_redis::Reply> parts{};
};

/// Runs scripts on the server, each on the connection whose run_id it is given, and keeps what
/// their answers say about whether the dispatch is open.
///
/// Threads: confined to the runtime's I/O thread. Lifetime: kept by its calls.
class ServerLine : public std::enable_shared_from_this<ServerLine> {
 public:
  /// `on_open` is called when the dispatch becomes open or closed.
  ServerLine(std::shared_ptr<net_redis::Client> client, const DispatchOptions& options,
             std::function<void(bool)> on_open);

  const scripts::Scripts& scripts() const noexcept { return scripts_; }

  /// Runs a script of at least `parts` parts in its answer when it says `status` 1. `unavailable`:
  /// no connection, no answer in time, or an answer that is none.
  boost::asio::awaitable<Result<Answer>> ask(scripts::ScriptRef script, const char* name,
                                             Arguments arguments);
  /// As ask(), when a closed dispatch is a failure, too.
  boost::asio::awaitable<Result<Answer>> ask_open(scripts::ScriptRef script, const char* name,
                                                  Arguments arguments);

  /// As Dispatch::risks().
  boost::asio::awaitable<Result<std::vector<std::string>>> risks();

  /// Looks whether the dispatch is open, for as long as it is not known to be, and whenever there
  /// is another connection; until shut_down().
  boost::asio::awaitable<void> follow();
  /// Each second while the dispatch is open.
  void on_second(std::function<void()> each) { each_second_ = std::move(each); }

  bool is_open() const;
  Error why_closed() const;
  void set_epoch(std::int64_t epoch);
  void set_database(std::string database);
  std::optional<Error> is_of_another() const { return of_another_; }
  /// The server may have changed without a word: look.
  void look_again();
  /// Heard from elsewhere.
  void hear_closed() { hear(false); }
  void shut_down();

  /// Whether the connection was lost since this was asked last; at first it was.
  bool was_lost() { return std::exchange(lost_, false); }

 private:
  boost::asio::awaitable<Result<net_redis::Server>> present_server();
  void notice(const net_redis::Server& server);
  void hear(bool open);
  void count(const char* name);
  Error belongs_to(const std::string& database) const;

  std::shared_ptr<net_redis::Client> client_;
  const scripts::Scripts scripts_;
  const std::string base_;
  const std::chrono::milliseconds patience_;
  const std::shared_ptr<const Clock> clock_;
  const std::shared_ptr<observability::Metrics> metrics_;
  std::unordered_map<const char*, observability::Counter*> counters_;
  const std::function<void(bool)> on_open_;
  std::function<void()> each_second_;
  std::int64_t epoch_ = 0;
  std::string database_;
  std::optional<Error> of_another_;
  bool open_ = false;
  bool lost_ = true;
  std::uint64_t connection_ = 0;
  std::optional<Error> trouble_;
  Signal look_;
};

/// "rwp:{NAME}:"
std::string key_base(const std::string& name);

/// Of a part of an answer; none when it is not one.
std::optional<std::int64_t> integer_of(const net_redis::Reply& reply);

Error bad_answer(const char* name);

}  // namespace rwp::jobs_tiered
