#pragma once

#include <memory>
#include <string>
#include <string_view>

/// What S3 hashes with; raw bytes out.
namespace rwp::storage::s3 {

std::string hmac_sha256(std::string_view key, std::string_view text);
std::string md5(std::string_view bytes);
/// Lower case.
std::string hex_of(std::string_view bytes);
std::string base64_of(std::string_view bytes);

/// MD5 of what comes piece by piece.
class Md5 {
 public:
  Md5();
  ~Md5();
  Md5(const Md5&) = delete;
  Md5& operator=(const Md5&) = delete;

  void update(std::string_view bytes);
  /// Once.
  std::string finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace rwp::storage::s3
