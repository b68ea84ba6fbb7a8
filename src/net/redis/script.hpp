#pragma once

#include <string>
#include <utility>

namespace rwp::net_redis {

/// A Lua script and its digest, by which the server knows it. All keys that it uses are passed as
/// keys, of one tag (key.hpp). Threads: safe to share.
class Script {
 public:
  explicit Script(std::string source);

  const std::string& source() const noexcept { return source_; }
  /// SHA-1 in hexadecimal digits.
  const std::string& digest() const noexcept { return digest_; }

 private:
  std::string source_;
  std::string digest_;
};

}  // namespace rwp::net_redis
