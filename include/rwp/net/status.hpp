#pragma once

#include <rwp/core/error.hpp>

namespace rwp::net {

/// What a caller can do about an HTTP status that is no success, where the service behind it says
/// nothing better: 401 unauthenticated, 403 permission_denied, 404 and 410 not_found, 409 and 412
/// conflict, 429 rate_limited, 501 unsupported; 408 and the other 5xx unavailable, the other 4xx
/// invalid_argument, what is below 400 corrupt, as nobody asked for it.
Errc errc_of_status(int status) noexcept;

}  // namespace rwp::net
