#include <rwp/net/status.hpp>

namespace rwp::net {

Errc errc_of_status(int status) noexcept {
  switch (status) {
    case 401:
      return Errc::unauthenticated;
    case 403:
      return Errc::permission_denied;
    case 404:
    case 410:
      return Errc::not_found;
    case 408:
      return Errc::unavailable;
    case 409:
    case 412:
      return Errc::conflict;
    case 429:
      return Errc::rate_limited;
    case 501:
      return Errc::unsupported;
    default:
      break;
  }
  if (status >= 500) return Errc::unavailable;
  return status >= 400 ? Errc::invalid_argument : Errc::corrupt;
}

}  // namespace rwp::net
