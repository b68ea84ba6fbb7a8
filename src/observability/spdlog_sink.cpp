#include "observability/log_format.hpp"
#include <rwp/observability/log.hpp>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <chrono>
#include <exception>
#include <mutex>
#include <utility>

namespace rwp::observability {
namespace {

/// What the system takes in one piece from a pipe that several processes write to.
constexpr std::size_t kMostTogether = 4096;

/// The lines are ours; spdlog sees to the file.
class SpdlogSink final : public LogSink {
 public:
  SpdlogSink(std::shared_ptr<spdlog::sinks::sink> sink, LogOptions options)
      : sink_(std::move(sink)), options_(options) {
    sink_->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
  }
  ~SpdlogSink() override { write_gathered(gathered_.size()); }
  SpdlogSink(const SpdlogSink&) = delete;
  SpdlogSink& operator=(const SpdlogSink&) = delete;

  bool enabled(LogLevel level) const noexcept override { return level >= options_.level; }

  void write(LogLevel level, std::string_view event, const std::vector<LogField>& fields) override {
    // Also for a caller that did not ask first.
    if (!enabled(level)) return;
    const std::lock_guard lock(mutex_);
    add(level, event, fields);
    // A line is there for whoever looks after a crash.
    write_gathered(gathered_.size());
  }

  void gather(LogLevel level, std::string_view event,
              const std::vector<LogField>& fields) override {
    if (!enabled(level)) return;
    const std::lock_guard lock(mutex_);
    add(level, event, fields);
  }

  void flush() override {
    const std::lock_guard lock(mutex_);
    write_gathered(gathered_.size());
  }

 private:
  void add(LogLevel level, std::string_view event, const std::vector<LogField>& fields) {
    const std::size_t before = gathered_.size();
    append_log_line(gathered_, options_.format, std::chrono::system_clock::now(), level, event,
                    fields);
    if (gathered_.size() > kMostTogether) write_gathered(before);
  }

  /// The first bytes, which are whole lines.
  void write_gathered(std::size_t size) {
    if (size == 0) return;
    // spdlog adds the end of the last line.
    const std::string_view lines = std::string_view(gathered_).substr(0, size - 1);
    try {
      sink_->log(spdlog::details::log_msg({}, spdlog::level::info, lines));
      sink_->flush();
    } catch (const std::exception&) {
      // A full disk must not stop the work that wanted to tell something: the lines are lost.
    }
    gathered_.erase(0, size);
  }

  const std::shared_ptr<spdlog::sinks::sink> sink_;
  const LogOptions options_;
  std::mutex mutex_;
  std::string gathered_;
};

}  // namespace

std::shared_ptr<LogSink> make_stderr_log_sink(LogOptions options) {
  return std::make_shared<SpdlogSink>(std::make_shared<spdlog::sinks::stderr_sink_mt>(), options);
}

Result<std::shared_ptr<LogSink>> make_file_log_sink(const std::string& path, LogOptions options) {
  try {
    auto file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path);
    return std::shared_ptr<LogSink>(std::make_shared<SpdlogSink>(std::move(file), options));
  } catch (const spdlog::spdlog_ex& problem) {
    return Error(Errc::unavailable, "cannot open log file " + path + ": " + problem.what());
  }
}

}  // namespace rwp::observability
