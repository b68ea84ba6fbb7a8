#pragma once

#include <rwp/observability/log.hpp>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace rwp::testing {

/// One line as it reached the sink.
struct CapturedLine {
  observability::LogLevel level = observability::LogLevel::info;
  std::string event{};
  std::vector<observability::LogField> fields{};

  /// The first field of that name, numbers and booleans as text; none when absent.
  std::optional<std::string> field(std::string_view name) const {
    for (const auto& candidate : fields) {
      if (candidate.name() != name) continue;
      const auto as_text = [](const auto& value) -> std::string {
        using Value = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<Value, std::string>) {
          return value;
        } else if constexpr (std::is_same_v<Value, bool>) {
          return value ? "true" : "false";
        } else {
          return std::to_string(value);
        }
      };
      return std::visit(as_text, candidate.value());
    }
    return std::nullopt;
  }
};

/// Keeps log lines for a test to look at.
///
///     auto log = std::make_shared<testing::CapturedLog>();
///     … rwp::observability::Logger(log) …
///     EXPECT_EQ(log->count("lease lost"), 1);
///
/// Threads: safe to share. Answers are copies, so lines may go on arriving.
class CapturedLog final : public observability::LogSink {
 public:
  /// Keeps lines of `level` and above.
  explicit CapturedLog(observability::LogLevel level = observability::LogLevel::debug)
      : level_(level) {}

  bool enabled(observability::LogLevel level) const noexcept override { return level >= level_; }

  void write(observability::LogLevel level, std::string_view event,
             const std::vector<observability::LogField>& fields) override {
    if (!enabled(level)) return;
    const std::lock_guard lock(mutex_);
    lines_.push_back({.level = level, .event = std::string(event), .fields = fields});
  }

  /// All lines so far, oldest first.
  std::vector<CapturedLine> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

  /// How many lines tell of `event`.
  std::size_t count(std::string_view event) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(
        std::count_if(lines_.begin(), lines_.end(),
                      [event](const CapturedLine& line) { return line.event == event; }));
  }

  /// The oldest line that tells of `event`; none when there is none.
  std::optional<CapturedLine> find(std::string_view event) const {
    const std::lock_guard lock(mutex_);
    for (const CapturedLine& line : lines_) {
      if (line.event == event) return line;
    }
    return std::nullopt;
  }

  void clear() {
    const std::lock_guard lock(mutex_);
    lines_.clear();
  }

 private:
  const observability::LogLevel level_;
  mutable std::mutex mutex_;
  std::vector<CapturedLine> lines_;
};

}  // namespace rwp::testing
