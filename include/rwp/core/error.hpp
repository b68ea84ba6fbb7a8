#pragma once

#include <boost/system/result.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace rwp {

/// What a caller can do about a failure; never which server spoke. The set is closed.
enum class Errc : std::uint8_t {
  none = 0,           ///< Only in a default-made Error; never sent.
  invalid_argument,   ///< Fix the input; repeating it fails again.
  not_found,          ///< The thing named is not there.
  already_exists,     ///< The thing to be made is there already.
  conflict,           ///< Another state or token stands; read, decide, try anew.
  unauthenticated,    ///< No valid credentials.
  permission_denied,  ///< Valid credentials, but not for this.
  rate_limited,       ///< Too many requests; wait `retry_after`.
  budget_exceeded,    ///< The money or quota set for this is spent.
  unavailable,        ///< The other side cannot answer now; worth a retry.
  deadline_exceeded,  ///< Time ran out; the outcome may be unknown, and the message then says so.
  cancelled,          ///< The caller, or a shutdown, asked to stop.
  corrupt,            ///< Stored or received data breaks its own rules.
  unsupported,        ///< Not offered by this part or version.
  internal,           ///< A defect, here or in user code.
};

/// The code's name as it stands in logs and documents, such as "not_found".
std::string_view to_string(Errc code) noexcept;

/// The code with this name; `Errc::internal` for a name that is not one.
Errc errc_from_string(std::string_view name) noexcept;

/// A failure as a value: what can be done, a message fit for a person, whether a retry may help.
///
/// The message is lower case, names the thing, and holds no secret and no personal data.
/// Threads: safe to share once made. Copies are cheap (one shared pointer).
class Error {
 public:
  Error() noexcept = default;

  /// `retryable` follows from the code: rate_limited, unavailable, deadline_exceeded and internal.
  Error(Errc code, std::string message);

  Errc code() const noexcept { return code_; }
  const std::string& message() const noexcept;

  /// Whether repeating the same call later may succeed.
  bool retryable() const noexcept { return retryable_; }

  /// The least time to wait before a retry, when the other side named one.
  std::optional<std::chrono::milliseconds> retry_after() const noexcept;

  /// The failure beneath this one; null when there is none. Lives as long as this Error.
  const Error* cause() const noexcept;

  /// Copies of this error with one thing changed.
  Error with_retryable(bool retryable) const;
  Error with_retry_after(std::chrono::milliseconds wait) const;
  Error with_cause(Error cause) const;
  /// The message preceded by `context` and ": ".
  Error with_context(std::string_view context) const;

  /// "not_found: no job 0190…" and, after "; because ", the causes.
  std::string to_string() const;

 private:
  struct Detail;
  Errc code_ = Errc::none;
  bool retryable_ = false;
  std::shared_ptr<const Detail> detail_;
};

/// Called by `Result<T>::value()` on a failure; throws `rwp::ErrorException`.
[[noreturn]] void throw_exception_from_error(const Error& error,
                                             const boost::source_location& where);

/// What `.value()` throws.
class ErrorException : public std::runtime_error {
 public:
  explicit ErrorException(Error error);
  const Error& error() const noexcept { return error_; }

 private:
  Error error_;
};

/// A `T` or the reason why there is none. `T` has a default constructor when it is awaited.
template <class T>
using Result = boost::system::result<T, Error>;

}  // namespace rwp
