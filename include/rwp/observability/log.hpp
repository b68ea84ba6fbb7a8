#pragma once

#include <rwp/core/error.hpp>

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace rwp::observability {

/// Debug: each exchange. Info: a change of state. Warn: handled and odd. Error: somebody should
/// look.
enum class LogLevel : std::uint8_t { debug, info, warn, error };

/// One fact beside the text of a log line. The value is copied; an unsigned one beyond 2^63 - 1 is
/// kept as its digits.
class LogField {
 public:
  using Value = std::variant<std::string, std::int64_t, double, bool>;

  LogField(std::string_view name, std::string_view value)
      : name_(name), value_(std::string(value)) {}
  LogField(std::string_view name, const char* value)
      : name_(name), value_(std::string(value != nullptr ? value : "")) {}
  LogField(std::string_view name, const std::string& value) : name_(name), value_(value) {}
  LogField(std::string_view name, bool value) : name_(name), value_(value) {}
  LogField(std::string_view name, double value) : name_(name), value_(value) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) LogField(std::string_view name, T value) : name_(name) {
    if (std::in_range<std::int64_t>(value)) {
      value_ = static_cast<std::int64_t>(value);
    } else {
      value_ = std::to_string(value);
    }
  }
  /// Error code and message.
  LogField(std::string_view name, const Error& value) : name_(name), value_(value.to_string()) {}

  const std::string& name() const noexcept { return name_; }
  const Value& value() const noexcept { return value_; }

 private:
  std::string name_;
  Value value_;
};

/// Where log lines go. Threads: safe to share; each line is written whole.
class LogSink {
 public:
  virtual ~LogSink() = default;
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;

  /// Whether lines of this level are kept; asked before a line is put together.
  virtual bool enabled(LogLevel level) const noexcept = 0;
  /// Takes one line. Never throws: a line that cannot be written is lost.
  virtual void write(LogLevel level, std::string_view event,
                     const std::vector<LogField>& fields) = 0;
  /// As write(), but the line may wait for flush() or the next write(), so that many lines go out
  /// together. Whoever calls it sees to a flush() soon.
  virtual void gather(LogLevel level, std::string_view event, const std::vector<LogField>& fields) {
    write(level, event, fields);
  }
  /// Writes what was gathered.
  virtual void flush() {}

 protected:
  LogSink() = default;
};

/// Writes events: one short text a kind of event, the facts apart from it. A value, cheap to copy;
/// the default is silent. Never log keys, tokens or candidates' data.
///
///     log.warn("lease lost", {{"job_id", id.to_string()}, {"attempt", 3}});
///
/// Threads: safe to share.
class Logger {
 public:
  Logger() = default;
  explicit Logger(std::shared_ptr<LogSink> sink) : sink_(std::move(sink)) {}

  bool enabled(LogLevel level) const noexcept { return sink_ && sink_->enabled(level); }
  void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) const;
  void debug(std::string_view event, std::initializer_list<LogField> fields = {}) const {
    log(LogLevel::debug, event, fields);
  }
  void info(std::string_view event, std::initializer_list<LogField> fields = {}) const {
    log(LogLevel::info, event, fields);
  }
  void warn(std::string_view event, std::initializer_list<LogField> fields = {}) const {
    log(LogLevel::warn, event, fields);
  }
  void error(std::string_view event, std::initializer_list<LogField> fields = {}) const {
    log(LogLevel::error, event, fields);
  }

  /// For lines that come by the thousand: they go out together at the next flush(), which the
  /// caller owes, or earlier. Level as in log().
  void gather(LogLevel level, std::string_view event, const std::vector<LogField>& fields) const;
  void flush() const {
    if (sink_) sink_->flush();
  }

  /// This logger with fields that stand on every line of it; a field of the same name in a call, or
  /// in a further with(), takes its place.
  Logger with(std::initializer_list<LogField> fields) const;

 private:
  std::shared_ptr<LogSink> sink_;
  std::vector<LogField> fields_;
};

enum class LogFormat : std::uint8_t { text, json };

struct LogOptions {
  LogFormat format = LogFormat::text;
  /// The least level that is written.
  LogLevel level = LogLevel::info;
};

/// Lines on standard error, each handed to the system at once, gathered ones together. JSON: one
/// object a line with "time" (RFC 3339, UTC, milliseconds), "level", "event" and the fields; text:
/// the same for people.
///
/// No text can break a line in two, or name a field twice: one called "time", "level", "event",
/// "cut", or like one before it, gets "_" appended. A line takes 64 KiB at most: longer texts are
/// shortened, fields without room dropped, and the line ends with "cut": true, or [cut].
std::shared_ptr<LogSink> make_stderr_log_sink(LogOptions options = LogOptions());

/// Lines appended to a file, as on standard error. `Errc::unavailable`: it cannot be opened.
Result<std::shared_ptr<LogSink>> make_file_log_sink(const std::string& path,
                                                    LogOptions options = LogOptions());

}  // namespace rwp::observability
