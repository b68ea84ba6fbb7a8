#include "jobs_sqlite/checkpoints.hpp"

#include "jobs_sqlite/holder_locks.hpp"
#include "jobs_sqlite/schema.hpp"
#include <rwp/core/async.hpp>

#include <chrono>
#include <fcntl.h>
#include <thread>
#include <utility>

namespace rwp::jobs_sqlite {
namespace {

/// Pages of the log that are carried over together: few, so that the commits beside it hardly wait
/// for the disk.
constexpr int kPiece = 350;
/// From so many on the writer finishes it. A log that is soon written over costs less to sync than
/// one that grows for longer, and one table of SQLite's index to it is enough up to 4,000.
constexpr int kLongLog = 3'500;
/// Of the file of the holders' locks, whose numbers never come so far.
constexpr off_t kLockedByte = off_t{1} << 62U;

/// How long others are waited for when the log is to be emptied.
constexpr std::chrono::seconds kEmptyPatience{20};
constexpr std::chrono::milliseconds kEmptyPause{20};

/// Says that a checkpoint runs, to all threads and processes that share the file.
class CheckpointLock {
 public:
  explicit CheckpointLock(int file) : file_(file), taken_(set(F_WRLCK)) {}
  ~CheckpointLock() {
    if (taken_) set(F_UNLCK);
  }
  CheckpointLock(const CheckpointLock&) = delete;
  CheckpointLock& operator=(const CheckpointLock&) = delete;

  bool taken() const noexcept { return taken_; }

 private:
  bool set(short type) const {
    struct flock range {};
    range.l_type = type;
    range.l_whence = SEEK_SET;
    range.l_start = kLockedByte;
    range.l_len = 1;
    return fcntl(file_, F_OFD_SETLK, &range) == 0;
  }

  const int file_;
  const bool taken_;
};

}  // namespace

Checkpoints::Checkpoints(Runtime& runtime, std::unique_ptr<net_sqlite::Connection> database,
                         posix::FileDescriptor lock_file, observability::Logger log)
    : runtime_(runtime),
      database_(std::move(database)),
      lock_file_(std::move(lock_file)),
      log_(std::move(log)),
      begin_at_(kPiece) {}

void Checkpoints::committed(net_sqlite::Connection& writer) {
  const int frames = writer.log_frames();
  {
    const std::lock_guard lock(mutex_);
    if (frames < last_frames_) {  // Begun anew, by this process or another.
      begin_at_ = kPiece;
      if (stage_ == Stage::nearly_done) stage_ = Stage::waiting;
    }
    last_frames_ = frames;
    if (stage_ == Stage::running) return;
    if (stage_ == Stage::waiting) {
      if (frames < begin_at_) return;
      stage_ = Stage::running;
      post(runtime_.blocking(), [self = shared_from_this()] { self->run(); });
      return;
    }
  }
  const Done done = checkpoint(writer, false);
  if (done == Done::some) return;  // Tried again after the next commit.
  const std::lock_guard lock(mutex_);
  stage_ = Stage::waiting;
  begin_at_ = frames + (done == Done::failed ? kLongLog : kPiece);
}

void Checkpoints::run() {
  const Done done = checkpoint(*database_, true);
  const std::lock_guard lock(mutex_);
  const bool is_long = last_frames_ >= kLongLog && done != Done::failed;
  stage_ = is_long ? Stage::nearly_done : Stage::waiting;
  // Where all was carried over and nothing comes meanwhile, the next commit begins the log anew.
  begin_at_ = last_frames_ + (done == Done::failed ? kLongLog : kPiece);
}

Result<void> Checkpoints::empty_log(const std::string& path) {
  try {
    const auto lock_file = HolderLocks::open_file(path + "-holders");
    net_sqlite::ConnectionOptions options;
    options.path = path;
    net_sqlite::Connection database(std::move(options));
    prepare_checkpoints(database);
    // As in checkpoint(). This one holds the write lock besides, so no commit meets it.
    const auto until = std::chrono::steady_clock::now() + kEmptyPatience;
    while (std::chrono::steady_clock::now() < until) {
      {
        const CheckpointLock lock(lock_file.get());
        if (lock.taken()) {
          auto query = database.query("PRAGMA wal_checkpoint(TRUNCATE)");
          if (query.step() && query.integer(0) == 0) return {};
        }
      }
      std::this_thread::sleep_for(kEmptyPause);
    }
    return Error(
        Errc::unavailable,
        "the job database's log could not be emptied: others read or write it all the time");
  } catch (const net_sqlite::Failure& failure) {
    return failure.error().with_context("emptying the job database's log");
  }
}

Checkpoints::Done Checkpoints::checkpoint(net_sqlite::Connection& database, bool sync) {
  try {
    // SQLite before 3.51.3 loses commits when a checkpoint of a log that is in the file already
    // meets the commit that begins the log anew (sqlite.org/wal.html#walresetbug). So none of those
    // is begun, and none ends while another looks.
    const CheckpointLock lock(lock_file_.get());
    if (!lock.taken()) return Done::some;
    if (database.log_is_carried_over()) return Done::all;
    auto query = database.query("PRAGMA wal_checkpoint(PASSIVE)");
    // Whether it was kept from it; frames in the log; how many of them are in the file.
    const bool whole =
        query.step() && query.integer(0) == 0 && query.integer(1) == query.integer(2);
    // SQLite leaves that to whoever finishes.
    if (!whole && sync) database.sync_file();
    return whole ? Done::all : Done::some;
  } catch (const net_sqlite::Failure& failure) {
    // Should commits become impossible by it, they will say so themselves.
    log_.warn("the job database's log cannot be carried over", {{"error", failure.error()}});
    return Done::failed;
  }
}

}  // namespace rwp::jobs_sqlite
