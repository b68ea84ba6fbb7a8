#pragma once

#include "support/postgres_server.hpp"

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <thread>
#include <utility>

namespace rwp::tests {

/// A primary with a database, and a standby without which nothing is acknowledged there.
class PostgresPair {
 public:
  explicit PostgresPair(std::string database)
      : database_(std::move(database)),
        primary_(PostgresServer::Options{
            .settings = {"wal_level=replica", "max_wal_senders=5", "synchronous_standby_names=*",
                         // Nobody waits for a standby that is still to be made.
                         "synchronous_commit=local"}}) {
    primary_.create_database(database_);
    standby_.emplace(PostgresServer::Options{
        .primary = "host=127.0.0.1 user=rwp application_name=standby port=" +
                   std::to_string(primary_.port())});
    // What the command line says stands above; sessions say it for themselves.
    primary_.execute("ALTER DATABASE " + database_ + " SET synchronous_commit = 'on'");
    while (primary_.execute("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") !=
           "1") {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  /// Of whichever takes writes.
  std::string url() const {
    return "postgres://rwp@127.0.0.1:" + std::to_string(primary_.port()) +
           ",127.0.0.1:" + std::to_string(standby_->port()) + "/" + database_ +
           "?target_session_attrs=read-write";
  }
  const PostgresServer& standby() const { return *standby_; }
  /// The primary is lost as in a crash, and the standby takes its place.
  void fail_over() {
    primary_.stop(SIGQUIT);
    standby_->promote();
  }

 private:
  const std::string database_;
  PostgresServer primary_;
  std::optional<PostgresServer> standby_;
};

}  // namespace rwp::tests
