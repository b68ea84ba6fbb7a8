#pragma once

#include <rwp/core/error.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

/// A thin, private face of SQLite for backends: one connection, cached statements, failures as one
/// exception type that never leaves the backend.
namespace rwp::net_sqlite {

/// Thrown by every call below; `error` is what a caller of the library may see.
class Failure : public std::exception {
 public:
  Failure(int result_code, Error error) : result_code_(result_code), error_(std::move(error)) {}
  const char* what() const noexcept override { return error_.message().c_str(); }
  const Error& error() const noexcept { return error_; }
  /// Whether another connection's lock was in the way.
  bool busy() const noexcept;

 private:
  int result_code_;
  Error error_;
};

/// A prepared statement in use: bind, step, read; reset when it goes out of scope.
/// Texts and blobs that are bound must stay until then.
class Query {
 public:
  explicit Query(sqlite3_stmt* statement) : statement_(statement) {}
  ~Query();
  Query(Query&& other) noexcept : statement_(std::exchange(other.statement_, nullptr)) {}
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  Query& operator=(Query&& other) noexcept {
    std::swap(statement_, other.statement_);
    return *this;
  }

  /// Parameters count from 1.
  Query& bind(int index, std::int64_t value);
  Query& bind(int index, int value) { return bind(index, static_cast<std::int64_t>(value)); }
  Query& bind(int index, std::size_t value) {
    return bind(index, static_cast<std::int64_t>(value));
  }
  Query& bind(int index, double value);
  Query& bind(int index, std::string_view text);
  Query& bind_blob(int index, const void* data, std::size_t size);
  Query& bind_null(int index);
  /// Null for an empty text.
  Query& bind_or_null(int index, std::string_view text) {
    return text.empty() ? bind_null(index) : bind(index, text);
  }
  /// Null for zero.
  Query& bind_or_null(int index, std::int64_t value) {
    return value == 0 ? bind_null(index) : bind(index, value);
  }

  /// Whether there is a row.
  bool step();
  /// For statements without rows; ready to be bound again afterwards.
  void run();
  void reset();

  /// Columns count from 0. Views live until the next step.
  bool is_null(int column) const;
  std::int64_t integer(int column) const;
  std::string_view text(int column) const;
  std::string_view blob(int column) const;

 private:
  sqlite3_stmt* statement_;
};

struct ConnectionOptions {
  /// Empty: a database in memory.
  std::string path{};
  int busy_timeout_ms = 10'000;
};

/// One connection. Threads: one at a time, any.
class Connection {
 public:
  explicit Connection(ConnectionOptions options);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Statements that are not worth keeping: schema, pragmas.
  void execute(const std::string& sql);
  /// A cached statement; `sql` is a literal, known by its address. In use once at a time.
  Query query(const char* sql);
  /// A statement of its own, as when several of the same text are open at once. `slot` tells them
  /// apart.
  Query query(const char* sql, std::size_t slot);

  /// Rows changed by the last statement.
  int changes() const;
  /// From here on commits leave the write-ahead log as long as it becomes, and log_frames() says
  /// how long the last one left it: 0 before the first.
  void keep_log();
  /// Syncs what has been written to the database file, which a checkpoint that others' commits have
  /// overtaken leaves undone.
  void sync_file();
  /// Whether all of the write-ahead log is in the database file, so that the next commit may begin
  /// it anew. Something must have been read before. False when it cannot be told.
  bool log_is_carried_over();
  int log_frames() const noexcept { return log_frames_; }
  bool in_transaction() const;

 private:
  struct Closer {
    void operator()(sqlite3* database) const;
  };
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const;
  };
  using OwnedStatement = std::unique_ptr<sqlite3_stmt, Finalizer>;
  struct KeyHash {
    std::size_t operator()(const std::pair<const char*, std::size_t>& key) const {
      return std::hash<const void*>()(key.first) ^ (key.second * 0x9E3779B97F4A7C15ULL);
    }
  };

  int log_frames_ = 0;
  std::unique_ptr<sqlite3, Closer> database_;
  std::unordered_map<std::pair<const char*, std::size_t>, OwnedStatement, KeyHash> statements_;
};

/// The file's text as SQLite names it in messages, for errors ("jobs.db").
Failure failure(sqlite3* database, int result_code, std::string_view doing);

}  // namespace rwp::net_sqlite
