#pragma once

#include "core/posix_file.hpp"
#include "net/sqlite/connection.hpp"
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/observability/log.hpp>

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace rwp::jobs_sqlite {

/// Carries the write-ahead log over into the database file, on a connection of its own beside the
/// writer, so that no commit waits for it. Once all of the log is in the file the next commit
/// begins it anew. Where something is written all the time, the writer itself carries over, between
/// two groups, the little that came last.
///
/// Threads: safe to share, on the runtime's pool. Lifetime: kept by its work.
class Checkpoints : public std::enable_shared_from_this<Checkpoints> {
 public:
  /// `database`: the file, on a connection that nobody else uses. `lock_file`: that of the holders'
  /// locks, opened for this alone.
  Checkpoints(Runtime& runtime, std::unique_ptr<net_sqlite::Connection> database,
              posix::FileDescriptor lock_file, observability::Logger log);

  /// Told by the writer after a commit, with nobody waiting for it.
  void committed(net_sqlite::Connection& writer);

  /// Carries over all of a file's log and cuts it to nothing, so that it holds no older version of
  /// any page. Nobody commits meanwhile. `Errc::unavailable`: a reader or another process was in
  /// the way. Blocks.
  static Result<void> empty_log(const std::string& path);

 private:
  enum class Stage : std::uint8_t {
    waiting,  ///< For the log to become longer.
    running,
    nearly_done  ///< What is left is the writer's to do.
  };

  enum class Done : std::uint8_t {
    all,   ///< The whole log is in the file.
    some,  ///< A reader, or another process, was in the way of the rest.
    failed
  };

  void run();
  /// `sync`: what was carried over, whether or not it is all.
  Done checkpoint(net_sqlite::Connection& database, bool sync);

  Runtime& runtime_;
  const std::unique_ptr<net_sqlite::Connection> database_;
  const posix::FileDescriptor lock_file_;
  const observability::Logger log_;
  std::mutex mutex_;
  Stage stage_ = Stage::waiting;
  int last_frames_ = 0;
  int begin_at_;
};

}  // namespace rwp::jobs_sqlite
