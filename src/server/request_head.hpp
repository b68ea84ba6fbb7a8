#pragma once

#include <rwp/server/message.hpp>
#include <rwp/server/problem.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace rwp::server {

enum class BodyKind : std::uint8_t { none, sized, chunked };

/// What a request's head says about the message itself.
struct RequestHead {
  bool http_1_0 = false;
  bool keep_alive = true;
  bool expects_continue = false;
  BodyKind body = BodyKind::none;
  std::uint64_t content_length = 0;
};

/// Reads a head that HeadScanner found complete into `request` (method, target, headers) and
/// `head`.
///
/// Refused is what two readers could take for two different messages: a Content-Length beside a
/// Transfer-Encoding, either of them twice, lengths that are not plain digits, no Host or two.
/// Also: more than 100 fields (431), other transfer codings than chunked (501), other expectations
/// than 100-continue (417), other versions than 1.0 and 1.1 (505).
std::optional<Problem> parse_request_head(std::string_view bytes, Request& request,
                                          RequestHead& head);

}  // namespace rwp::server
