#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/url.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rwp::net_postgres {

/// Which servers to connect to, and how: libpq's keywords and their values. Never shown; holds the
/// password.
class Target {
 public:
  /// Reads postgres://…, libpq's own URLs with everything that libpq takes: several hosts,
  /// target_session_attrs, sslmode, service. Query options named in `own` are left to the caller.
  /// `Errc::invalid_argument`: libpq does not take it; nothing of the URL is repeated.
  static Result<Target> parse(const Url& url, std::initializer_list<std::string_view> own);

  /// Sets a keyword that the URL leaves open.
  void set_default(std::string_view keyword, std::string value);

  /// The keywords to connect with, host names resolved on the runtime's pool: libpq's own look-up
  /// would hold up the I/O thread. `Errc::unavailable`: no host has an address.
  boost::asio::awaitable<Result<Target>> resolve(Runtime& runtime) const;

  /// Moves the hosts before this one, counted round, to the end. libpq tries them in their order,
  /// and would wait for a silent one for as long as the caller does.
  void begin_with(std::size_t host);

  const std::vector<std::pair<std::string, std::string>>& keywords() const noexcept {
    return keywords_;
  }

 private:
  std::string value_of(std::string_view keyword) const;
  void set(std::string_view keyword, std::string value);

  std::vector<std::pair<std::string, std::string>> keywords_;
};

}  // namespace rwp::net_postgres
