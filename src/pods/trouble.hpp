#pragma once

#include <rwp/core/error.hpp>
#include <rwp/observability/log.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace rwp::pods {

/// The latest failure of something that all jobs need, such as a full disk: what handlers retry in
/// silence must end a run that gets nowhere. Threads: safe to share.
class Trouble {
 public:
  struct Report {
    std::string text{};
    /// Waiting will not help.
    bool final = false;
    std::chrono::steady_clock::time_point at{};
  };

  void note(const std::string& what, const Error& error);
  std::optional<Report> latest() const;

 private:
  mutable std::mutex mutex_;
  std::optional<Report> latest_;
};

/// Passes lines on to `inner`, and notes warnings and errors that carry an "error" field.
std::shared_ptr<observability::LogSink> watch_log(std::shared_ptr<observability::LogSink> inner,
                                                  std::shared_ptr<Trouble> trouble);

/// What an operator can do about a failure of `part`; begins with "; ", or is empty.
std::string remedy(const Error& error);

}  // namespace rwp::pods
