#include "pods/trouble.hpp"

#include <algorithm>
#include <string_view>
#include <utility>
#include <variant>

namespace rwp::pods {
namespace {

using observability::LogField;
using observability::LogLevel;
using observability::LogSink;

/// So often in a row, what may be one advert's fate is all of theirs.
constexpr int kFailuresInARow = 3;
/// A service that restarts is back by then.
constexpr std::chrono::seconds kModelPatience{60};

/// Says nothing about the next call.
bool is_of_the_call(Errc code) { return code == Errc::invalid_argument || code == Errc::cancelled; }

/// Holds for every call.
bool is_of_all_calls(Errc code) {
  return code == Errc::unauthenticated || code == Errc::not_found || code == Errc::budget_exceeded;
}

std::string_view model_remedy(Errc code) {
  switch (code) {
    case Errc::unauthenticated:
    case Errc::permission_denied:
      return "; check the key for the model, then run the same command again: it continues";
    case Errc::not_found:
    case Errc::unsupported:
      return "; check --ai-url and --ai-model";
    case Errc::budget_exceeded:
      return "; see to the account's credit, then run the same command again: it continues";
    default:
      return "; see that the service is up and that --ai-url names it, then run the same command "
             "again: it continues";
  }
}

class WatchingSink final : public LogSink {
 public:
  WatchingSink(std::shared_ptr<LogSink> inner, std::shared_ptr<Trouble> trouble)
      : inner_(std::move(inner)), trouble_(std::move(trouble)) {}

  bool enabled(LogLevel level) const noexcept override {
    return level >= LogLevel::warn || inner_->enabled(level);
  }

  void write(LogLevel level, std::string_view event, const std::vector<LogField>& fields) override {
    if (level >= LogLevel::warn) note(event, fields);
    if (inner_->enabled(level)) inner_->write(level, event, fields);
  }

  void gather(LogLevel level, std::string_view event,
              const std::vector<LogField>& fields) override {
    if (level >= LogLevel::warn) note(event, fields);
    if (inner_->enabled(level)) inner_->gather(level, event, fields);
  }

  void flush() override { inner_->flush(); }

 private:
  void note(std::string_view event, const std::vector<LogField>& fields) {
    for (const auto& field : fields) {
      const auto* text = std::get_if<std::string>(&field.value());
      if (field.name() != "error" || text == nullptr) continue;
      // Written as "code: message".
      const auto colon = text->find(": ");
      const auto code = errc_from_string(std::string_view(*text).substr(0, colon));
      if (code != Errc::unavailable && code != Errc::corrupt && code != Errc::permission_denied) {
        continue;
      }
      const std::string message = colon == std::string::npos ? *text : text->substr(colon + 2);
      trouble_->note(std::string(event), Error(code, message));
    }
  }

  const std::shared_ptr<LogSink> inner_;
  const std::shared_ptr<Trouble> trouble_;
};

}  // namespace

void Trouble::note(const std::string& what, const Error& error) {
  Report report;
  report.text = what + ": " + error.message() + remedy(error);
  report.final = error.code() == Errc::permission_denied || error.code() == Errc::corrupt;
  report.at = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  latest_ = std::move(report);
}

std::optional<Trouble::Report> Trouble::latest() const {
  const std::lock_guard lock(mutex_);
  return latest_;
}

void Trouble::note_model(const std::string& what, const Error& error) {
  if (is_of_the_call(error.code())) return;
  const auto now = std::chrono::steady_clock::now();
  const std::lock_guard lock(mutex_);
  if (model_.in_a_row == 0) model_.patient_until = now + kModelPatience;
  // A service that tells when it is back is waited for.
  if (const auto wait = error.retry_after()) {
    model_.patient_until = std::max(model_.patient_until, now + *wait + kModelPatience / 2);
  }
  ++model_.in_a_row;
  model_.text = what + ": " + error.message();
  model_.text += model_remedy(error.code());
  model_.code = error.code();
  model_.retryable = error.retryable();
}

void Trouble::model_answered() {
  const std::lock_guard lock(mutex_);
  model_ = ModelFailures();
}

std::optional<std::string> Trouble::model_failure(std::chrono::steady_clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  if (model_.in_a_row == 0) return std::nullopt;
  const bool at_once = is_of_all_calls(model_.code);
  const bool often = model_.in_a_row >= kFailuresInARow;
  const bool waited = !model_.retryable || now >= model_.patient_until;
  if (at_once || (often && waited)) return model_.text;
  return std::nullopt;
}

std::shared_ptr<LogSink> watch_log(std::shared_ptr<LogSink> inner,
                                   std::shared_ptr<Trouble> trouble) {
  return std::make_shared<WatchingSink>(std::move(inner), std::move(trouble));
}

std::string remedy(const Error& error) {
  const auto says = [&error](std::string_view text) {
    return error.message().find(text) != std::string::npos;
  };
  if (says("free space")) return "; then run the same command again: it continues";
  if (says("full") || says("No space left")) {
    return "; free space on the disk, then run the same command again: it continues";
  }
  switch (error.code()) {
    case Errc::corrupt:
      return "; restore it from a backup, or name another place with --data-dir";
    case Errc::unsupported:
      return "; name another place with --data-dir, or use the version of rwp that made it";
    case Errc::permission_denied:
      return "; make it readable and writable for this user, or name another place with --data-dir";
    case Errc::unavailable:
      return "; see that the disk has space and nothing else holds the file, then run the same "
             "command again: it continues";
    default:
      return "";
  }
}

}  // namespace rwp::pods
