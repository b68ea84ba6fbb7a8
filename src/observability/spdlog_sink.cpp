#include "observability/log_format.hpp"
#include <rwp/observability/log.hpp>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <chrono>
#include <exception>
#include <utility>

namespace rwp::observability {
namespace {

/// spdlog keeps lines whole between threads and ends them; what stands in them is ours.
class SpdlogSink final : public LogSink {
 public:
  SpdlogSink(std::shared_ptr<spdlog::sinks::sink> sink, LogOptions options)
      : sink_(std::move(sink)), options_(options) {
    sink_->set_formatter(std::make_unique<spdlog::pattern_formatter>("%v"));
  }

  bool enabled(LogLevel level) const noexcept override { return level >= options_.level; }

  void write(LogLevel level, std::string_view event, const std::vector<LogField>& fields) override {
    // Also for a caller that did not ask first.
    if (!enabled(level)) return;
    const std::string line =
        format_log_line(options_.format, std::chrono::system_clock::now(), level, event, fields);
    try {
      sink_->log(spdlog::details::log_msg({}, spdlog::level::info, line));
      // A line is there for whoever looks after a crash.
      sink_->flush();
    } catch (const std::exception&) {
      // A full disk must not stop the work that wanted to tell something: the line is lost.
    }
  }

 private:
  const std::shared_ptr<spdlog::sinks::sink> sink_;
  const LogOptions options_;
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
