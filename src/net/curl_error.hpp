#pragma once

#include <rwp/core/error.hpp>

#include <curl/curl.h>
#include <string>
#include <string_view>

namespace rwp::net {

/// Why a transfer of curl's failed, as an Error. `shown`: the request; `detail`: curl's own words,
/// may be empty; `in_header`: whether the answer's header had begun and was not complete.
Error curl_error(CURLcode code, const std::string& shown, std::string_view detail, bool in_header);

}  // namespace rwp::net
