#include "net/sqlite/connection.hpp"

#include <sqlite3.h>

#include <fcntl.h>
#include <unistd.h>

namespace rwp::net_sqlite {
namespace {

Errc classify(int result_code) {
  switch (result_code & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Errc::corrupt;
    case SQLITE_FULL:
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_IOERR:
    case SQLITE_NOMEM:
    case SQLITE_INTERRUPT:
      return Errc::unavailable;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return Errc::permission_denied;
    case SQLITE_CANTOPEN:
      return Errc::unavailable;
    case SQLITE_CONSTRAINT:
      return Errc::conflict;
    case SQLITE_TOOBIG:
      return Errc::invalid_argument;
    default:
      return Errc::internal;
  }
}

std::string explain(int result_code, const char* message) {
  switch (result_code & 0xFF) {
    case SQLITE_FULL:
      return "the disk is full (free space, or move the file)";
    case SQLITE_BUSY:
      return "another process holds the database locked";
    case SQLITE_NOTADB:
      return "the file is not an SQLite database";
    case SQLITE_CORRUPT:
      return "the database file is damaged (restore it from a backup)";
    case SQLITE_READONLY:
      return "the database is read-only (check the file's permissions)";
    default:
      return message == nullptr ? "SQLite failed" : message;
  }
}

}  // namespace

Failure failure(sqlite3* database, int result_code, std::string_view doing) {
  const char* message =
      database == nullptr ? sqlite3_errstr(result_code) : sqlite3_errmsg(database);
  std::string text(doing);
  text += ": ";
  text += explain(result_code, message);
  return Failure(result_code, Error(classify(result_code), std::move(text)));
}

bool Failure::busy() const noexcept { return (result_code_ & 0xFF) == SQLITE_BUSY; }

Query::~Query() {
  if (statement_ != nullptr) sqlite3_reset(statement_);
}

namespace {

void check(sqlite3_stmt* statement, int result_code) {
  if (result_code == SQLITE_OK) return;
  throw failure(sqlite3_db_handle(statement), result_code, "binding a value");
}

}  // namespace

Query& Query::bind(int index, std::int64_t value) {
  check(statement_, sqlite3_bind_int64(statement_, index, value));
  return *this;
}

Query& Query::bind(int index, double value) {
  check(statement_, sqlite3_bind_double(statement_, index, value));
  return *this;
}

Query& Query::bind(int index, std::string_view text) {
  check(statement_, sqlite3_bind_text64(statement_, index, text.data() ? text.data() : "",
                                        text.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

Query& Query::bind_blob(int index, const void* data, std::size_t size) {
  check(statement_, sqlite3_bind_blob64(statement_, index, data, size, SQLITE_STATIC));
  return *this;
}

Query& Query::bind_null(int index) {
  check(statement_, sqlite3_bind_null(statement_, index));
  return *this;
}

bool Query::step() {
  const int result_code = sqlite3_step(statement_);
  if (result_code == SQLITE_ROW) return true;
  if (result_code == SQLITE_DONE) return false;
  const Failure thrown = failure(sqlite3_db_handle(statement_), result_code, "the job database");
  sqlite3_reset(statement_);
  throw Failure(thrown);
}

void Query::run() {
  step();
  sqlite3_reset(statement_);
}

void Query::reset() { sqlite3_reset(statement_); }

bool Query::is_null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}

std::int64_t Query::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Query::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::string_view Query::blob(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  if (data == nullptr) return {};
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Connection::Closer::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

void Connection::Finalizer::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

namespace {

/// Makes a missing file for its owner alone, as there will be people's data in it: SQLite would go
/// by the umask. Its log and the log's index get the file's mode. A file that is there is not
/// opened, since to close it would give up the locks that this process has on it.
void make_for_owner(const std::string& path) {
  constexpr int kFlags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
  constexpr ::mode_t kMode = 0600;
  const int file = ::open(path.c_str(), kFlags, kMode);
  // Why it cannot be made is told by SQLite.
  if (file >= 0) ::close(file);
}

}  // namespace

Connection::Connection(ConnectionOptions options) {
  const int access = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  if (!options.path.empty()) make_for_owner(options.path);
  const std::string path = options.path.empty() ? ":memory:" : options.path;
  sqlite3* opened = nullptr;
  // One thread at a time uses a connection, so SQLite's own mutexes are left out.
  const int result_code = sqlite3_open_v2(
      path.c_str(), &opened, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, nullptr);
  database_.reset(opened);
  if (result_code != SQLITE_OK) throw failure(opened, result_code, "opening " + path);
  sqlite3_extended_result_codes(opened, 1);
  sqlite3_busy_timeout(opened, options.busy_timeout_ms);
}

Connection::~Connection() { statements_.clear(); }

void Connection::execute(const std::string& sql) {
  const int result_code = sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (result_code != SQLITE_OK) throw failure(database_.get(), result_code, "the job database");
}

Query Connection::query(const char* sql) { return query(sql, 0); }

Query Connection::query(const char* sql, std::size_t slot) {
  auto& owned = statements_[{sql, slot}];
  if (!owned) {
    sqlite3_stmt* prepared = nullptr;
    const int result_code =
        sqlite3_prepare_v3(database_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &prepared, nullptr);
    if (result_code != SQLITE_OK) {
      statements_.erase({sql, slot});
      throw failure(database_.get(), result_code, "preparing a statement");
    }
    owned.reset(prepared);
  }
  return Query(owned.get());
}

int Connection::changes() const { return sqlite3_changes(database_.get()); }

void Connection::keep_log() {
  const auto note = [](void* frames, sqlite3*, const char*, int now) {
    *static_cast<int*>(frames) = now;
    return SQLITE_OK;
  };
  // Takes the place of SQLite's own, which checkpoints.
  sqlite3_wal_hook(database_.get(), note, &log_frames_);
}

namespace {

/// The database's; null: it has none yet.
sqlite3_file* file_of(sqlite3* database) {
  sqlite3_file* file = nullptr;
  const int result_code = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (result_code != SQLITE_OK) throw failure(database, result_code, "the job database");
  return file != nullptr && file->pMethods != nullptr ? file : nullptr;
}

}  // namespace

void Connection::sync_file() {
  sqlite3_file* file = file_of(database_.get());
  if (file == nullptr) return;
  const int result_code = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
  if (result_code != SQLITE_OK) throw failure(database_.get(), result_code, "the job database");
}

bool Connection::log_is_carried_over() {
  sqlite3_file* file = file_of(database_.get());
  if (file == nullptr || file->pMethods->iVersion < 2) return false;
  // The index of the log that all processes share (sqlite.org/walformat.html); mapped already.
  constexpr int kRegionBytes = 32 * 1024;
  void volatile* region = nullptr;
  const int result_code = file->pMethods->xShmMap(file, 0, kRegionBytes, 0, &region);
  if (result_code != SQLITE_OK || region == nullptr) return false;
  const auto* words = static_cast<const volatile std::uint32_t*>(region);
  constexpr std::size_t kFrames = 4;   // mxFrame, at byte 16
  constexpr std::size_t kInFile = 24;  // nBackfill, at byte 96
  const std::uint32_t in_file = __atomic_load_n(&words[kInFile], __ATOMIC_ACQUIRE);
  return in_file >= __atomic_load_n(&words[kFrames], __ATOMIC_ACQUIRE);
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(database_.get()) == 0; }

}  // namespace rwp::net_sqlite
