#pragma once

#include "support/child_process.hpp"
#include "support/temporary_directory.hpp"
#include <rwp/core/runtime.hpp>
#include <rwp/storage/object_store.hpp>
#include <rwp/storage_s3/s3_object_store.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace rwp::tests {

/// A Ceph object gateway on free loopback ports, which keeps its objects in memory. Starting takes
/// a second or two.
class RadosGateway {
 public:
  /// Throws when it does not come up.
  RadosGateway();

  /// Whether Ceph and s3cmd are installed.
  static bool is_there();
  /// The one of this process; null where it is not there.
  static RadosGateway* shared();

  static constexpr const char* kBucket = "objects";
  static storage::S3Credentials credentials();

  std::uint16_t port() const noexcept { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::string tls_url() const { return "https://127.0.0.1:" + std::to_string(tls_port_); }
  std::string ca_file() const { return (directory_.path() / "tls.crt").string(); }

  /// Of its bucket, with a prefix that no other has; parts of 5 MiB.
  storage::S3StorageOptions options() const;
  std::shared_ptr<storage::ObjectStore> open(Runtime& runtime,
                                             storage::S3StorageOptions options) const;

  /// Runs s3cmd against it; its output, without the last line's end.
  std::string s3cmd(const std::string& arguments) const;
  /// As above, of awscli; none: it is not installed.
  std::optional<std::string> aws(const std::string& arguments) const;

 private:
  void start();

  TemporaryDirectory directory_;
  std::uint16_t port_ = 0;
  std::uint16_t tls_port_ = 0;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace rwp::tests
