#pragma once

#include <rwp/core/error.hpp>
#include <rwp/net/http_transport.hpp>

#include <string>

namespace rwp::jobadder {

/// What an answer of 300 and above means; `what`: "GET /candidates/1".
Error error_of(const net::HttpResponse& response, const std::string& what);

/// How long a 429 or 503 says to wait; what it does not say is taken as two seconds.
std::chrono::milliseconds told_wait(const net::HttpResponse& response);

}  // namespace rwp::jobadder
