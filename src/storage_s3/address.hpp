#pragma once

#include <rwp/core/error.hpp>
#include <rwp/storage_s3/s3_object_store.hpp>

#include <string>
#include <string_view>

namespace rwp::storage::s3 {

/// Where a bucket's objects are; pure.
class Address {
 public:
  Address() = default;
  /// `Errc::invalid_argument`: bucket, region or endpoint is none.
  static Result<Address> make(const S3StorageOptions& options);

  /// Host, and port unless it is the scheme's own: what is signed and sent.
  std::string host() const;
  /// Of a key with its prefix; empty: of the bucket. Encoded as it is sent and signed.
  std::string path(std::string_view key) const;
  std::string url(std::string_view key) const { return scheme_ + "://" + host() + path(key); }

  bool is_tls() const { return scheme_ == "https"; }
  const std::string& bucket() const { return bucket_; }
  const std::string& region() const { return region_; }
  /// The server has named the region; false: it is no name of one, or the same.
  bool move_to(std::string_view region);

 private:
  std::string scheme_;
  /// Empty: AWS's, of the region.
  std::string endpoint_;
  std::string bucket_;
  std::string region_;
  bool path_style_ = false;
};

}  // namespace rwp::storage::s3
