#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/sha256.hpp>

#include <string>
#include <string_view>

namespace rwp::pods {

/// A store's cursor as a tenant sees it: enciphered, as where it points would tell how many jobs
/// others have, and bound to the tenant. Cursors of at most 32 bytes without spaces.
std::string seal_cursor(const Sha256& secret, std::string_view tenant, std::string_view cursor);

/// `Errc::invalid_argument`: none that was sealed with this secret for this tenant.
Result<std::string> open_cursor(const Sha256& secret, std::string_view tenant,
                                std::string_view sealed);

}  // namespace rwp::pods
