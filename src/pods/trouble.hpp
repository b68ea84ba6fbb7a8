#pragma once

#include <rwp/core/error.hpp>
#include <rwp/observability/log.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace rwp::pods {

/// The latest failure of something that all jobs need, such as a full disk or a model out of reach:
/// what handlers retry in silence must end a run that gets nowhere. Threads: safe to share.
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

  /// A call of the model failed. `what`: "model http://…", masked.
  void note_model(const std::string& what, const Error& error);
  /// A call went well: what was noted about the model is forgotten.
  void model_answered();
  /// Why no advert will get an answer of the model; none while one may. What holds for all calls,
  /// such as a wrong key, counts at once; what may be one advert's fate, once it has come some
  /// times in a row; what may pass, when no call has gone well for a minute.
  std::optional<std::string> model_failure(std::chrono::steady_clock::time_point now) const;

 private:
  struct ModelFailures {
    std::string text{};
    Errc code = Errc::none;
    bool retryable = false;
    int in_a_row = 0;
    /// When it is over with patience, as far as it may pass.
    std::chrono::steady_clock::time_point patient_until{};
  };

  mutable std::mutex mutex_;
  std::optional<Report> latest_;
  ModelFailures model_;
};

/// Passes lines on to `inner`, and notes warnings and errors that carry an "error" field.
std::shared_ptr<observability::LogSink> watch_log(std::shared_ptr<observability::LogSink> inner,
                                                  std::shared_ptr<Trouble> trouble);

/// What an operator can do about a failure of `part`; begins with "; ", or is empty.
std::string remedy(const Error& error);

}  // namespace rwp::pods
