#pragma once

#include <rwp/core/error.hpp>
#include <rwp/net/http_transport.hpp>

#include <string>
#include <string_view>

namespace rwp::storage::s3 {

/// What may help against a refusal.
enum class Remedy : std::uint8_t {
  none,         ///< It is final.
  wait,         ///< It may pass.
  slow_down,    ///< It may pass, with fewer requests at once.
  clock,        ///< Sign with the server's time.
  region,       ///< Sign for the region that it names.
  credentials,  ///< Look for newer credentials.
};

/// An answer that refuses.
struct Fault {
  int status = 0;
  /// S3's name for it, such as NoSuchKey; empty where the answer has no body.
  std::string code{};
  std::string message{};
  /// The server's own; for its support.
  std::string request_id{};
  /// Where the bucket is, if the server tells.
  std::string region{};

  bool is(std::string_view name) const { return code == name; }
};

/// Reads status, header and body; a body that is no XML counts for nothing.
Fault read_fault(const net::HttpResponse& response);
Remedy remedy_of(const Fault& fault);
/// The refusal as an error about `thing`; never repeats what the server echoes of the request.
Error to_error(const Fault& fault, std::string_view thing);

}  // namespace rwp::storage::s3
