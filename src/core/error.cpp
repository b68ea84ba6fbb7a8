#include <rwp/core/error.hpp>

#include <array>
#include <utility>

namespace rwp {
namespace {

constexpr std::array<std::string_view, 15> kNames = {
    "none",
    "invalid_argument",
    "not_found",
    "already_exists",
    "conflict",
    "unauthenticated",
    "permission_denied",
    "rate_limited",
    "budget_exceeded",
    "unavailable",
    "deadline_exceeded",
    "cancelled",
    "corrupt",
    "unsupported",
    "internal",
};

bool retryable_by_default(Errc code) noexcept {
  return code == Errc::rate_limited || code == Errc::unavailable ||
         code == Errc::deadline_exceeded || code == Errc::internal;
}

const std::string kEmpty;

}  // namespace

struct Error::Detail {
  std::string message{};
  std::optional<std::chrono::milliseconds> retry_after{};
  std::optional<Error> cause{};
};

std::string_view to_string(Errc code) noexcept { return kNames.at(static_cast<std::size_t>(code)); }

Errc errc_from_string(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames.at(i) == name) return static_cast<Errc>(i);
  }
  return Errc::internal;
}

Error::Error(Errc code, std::string message)
    : code_(code),
      retryable_(retryable_by_default(code)),
      detail_(std::make_shared<const Detail>(Detail{.message = std::move(message)})) {}

const std::string& Error::message() const noexcept { return detail_ ? detail_->message : kEmpty; }

std::optional<std::chrono::milliseconds> Error::retry_after() const noexcept {
  return detail_ ? detail_->retry_after : std::nullopt;
}

const Error* Error::cause() const noexcept {
  return detail_ && detail_->cause ? &*detail_->cause : nullptr;
}

Error Error::with_retryable(bool retryable) const {
  Error copy = *this;
  copy.retryable_ = retryable;
  return copy;
}

Error Error::with_retry_after(std::chrono::milliseconds wait) const {
  Detail detail = detail_ ? *detail_ : Detail{};
  detail.retry_after = wait;
  Error copy = *this;
  copy.detail_ = std::make_shared<const Detail>(std::move(detail));
  return copy;
}

Error Error::with_cause(Error cause) const {
  Detail detail = detail_ ? *detail_ : Detail{};
  detail.cause = std::move(cause);
  Error copy = *this;
  copy.detail_ = std::make_shared<const Detail>(std::move(detail));
  return copy;
}

Error Error::with_context(std::string_view context) const {
  Detail detail = detail_ ? *detail_ : Detail{};
  detail.message = std::string(context) + ": " + detail.message;
  Error copy = *this;
  copy.detail_ = std::make_shared<const Detail>(std::move(detail));
  return copy;
}

std::string Error::to_string() const {
  std::string text(rwp::to_string(code_));
  text += ": ";
  text += message();
  for (const Error* deeper = cause(); deeper != nullptr; deeper = deeper->cause()) {
    text += "; because ";
    text += deeper->message();
  }
  return text;
}

ErrorException::ErrorException(Error error)
    : std::runtime_error(error.to_string()), error_(std::move(error)) {}

void throw_exception_from_error(const Error& error, const boost::source_location& /*where*/) {
  throw ErrorException(error);
}

}  // namespace rwp
