#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rwp::net {

/// Where the parts of an http or https URL stand in it; views into its text.
struct HttpUrlParts {
  std::string_view scheme{};
  /// Host and port, with what an '@' may precede.
  std::string_view authority{};
  /// From the first '/', without query and fragment; may be empty.
  std::string_view path{};
};

/// None: no "scheme://".
std::optional<HttpUrlParts> split_http_url(std::string_view url) noexcept;

/// What keeps `url` from being requested, without telling the URL; none: nothing.
std::optional<std::string> http_url_fault(std::string_view url);

bool is_https(std::string_view url) noexcept;

}  // namespace rwp::net
