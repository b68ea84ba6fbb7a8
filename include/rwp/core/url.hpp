#pragma once

#include <rwp/core/error.hpp>

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>

namespace rwp {

/// A URL that picks a part: `scheme:rest?name=value&…`, as in `sqlite:jobs.db?synchronous=normal`.
///
/// Only scheme and query are taken apart; what `rest` means is the scheme's own business. Percent
/// escapes are resolved in the query's names and values, and in `rest` by `path()`.
class Url {
 public:
  Url() = default;

  /// `Errc::invalid_argument`: no scheme (letter, then letters, digits, + - .), a broken escape, a
  /// query name twice, more than 8 KiB.
  static Result<Url> parse(std::string_view text);

  const std::string& scheme() const noexcept { return scheme_; }
  /// Between "scheme:" and the query, as written.
  const std::string& rest() const noexcept { return rest_; }
  /// `rest` with percent escapes resolved.
  std::string path() const;
  /// All of it, as written; never for logs or errors.
  const std::string& text() const noexcept { return text_; }
  const std::map<std::string, std::string>& query() const noexcept { return query_; }

  /// `Errc::invalid_argument` names the first query name that is not in `known`.
  Result<void> allow_query(std::initializer_list<std::string_view> known) const;

  /// The value under `name`, or `fallback`. `Errc::invalid_argument`: not of that form.
  Result<std::int64_t> integer(std::string_view name, std::int64_t fallback, std::int64_t minimum,
                               std::int64_t maximum) const;
  /// Digits and a unit: 250ms, 30s, 5m, 2h, 7d.
  Result<std::chrono::milliseconds> duration(std::string_view name,
                                             std::chrono::milliseconds fallback) const;

  /// The URL with any password, and the values of options named like a password, secret, key or
  /// token, masked; fit for logs and errors.
  std::string masked() const;

 private:
  std::string scheme_;
  std::string rest_;
  std::map<std::string, std::string> query_;
  std::string text_;
};

/// Reads "250ms", "30s", "5m", "2h", "7d". `Errc::invalid_argument`: another form, or beyond 10
/// years.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

}  // namespace rwp
