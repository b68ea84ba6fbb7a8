#pragma once

#include <rwp/core/error.hpp>

#include <string>
#include <string_view>

namespace rwp::pods {

/// The bytes of a text in base64 (RFC 4648, section 4); line breaks count for nothing, the padding
/// may be left out. `Errc::invalid_argument`: the text is none.
Result<std::string> decode_base64(std::string_view text);

}  // namespace rwp::pods
