#pragma once

#include <rwp/net/http_transport.hpp>
#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/storage/object_store.hpp>
#include <rwp/storage_s3/credentials.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace rwp {
class Runtime;
}

namespace rwp::storage {

struct S3StorageOptions {
  /// 3 to 63 of a-z 0-9 . and -. It is not made.
  std::string bucket{};
  /// Put before each key, with a slash between; a key as ObjectStore's. Empty: none.
  std::string prefix{};
  /// http://HOST[:PORT] or https://…; empty: AWS's of the region.
  std::string endpoint{};
  /// Empty: us-east-1. A server that names another is believed.
  std::string region{};
  /// ENDPOINT/BUCKET/KEY instead of BUCKET.ENDPOINT/KEY. None: where an endpoint is given, and for
  /// a bucket with dots.
  std::optional<bool> path_style{};
  /// x-amz-server-side-encryption: "AES256" or "aws:kms", the latter with a key's id or the
  /// bucket's own key. Empty: as the bucket is set.
  std::string encryption{};
  std::string kms_key_id{};
  /// x-amz-storage-class, such as STANDARD_IA; empty: as the bucket is set.
  std::string storage_class{};

  /// Attempts of one request, the first included. 1 to 20.
  unsigned attempts = 6;
  /// Most that is waited before the second attempt; twice as much before each further one.
  std::chrono::milliseconds first_wait{100};
  std::chrono::milliseconds longest_wait{20'000};
  /// Requests at once; halved when the server asks to slow down, and raised again as it answers. 1
  /// to 1,000.
  std::size_t concurrency = 64;
  /// Of large objects: bytes of a part, at least 5 MiB (servers refuse less), and how many are
  /// moved at once for one object; twice that many may be in memory. 1 to 32.
  std::size_t part_bytes = std::size_t{8} << 20U;
  std::size_t parallel_parts = 4;
  /// Largest object that is copied by one request; S3's limit is 5 GiB, and larger ones are copied
  /// part by part.
  std::uint64_t max_copy_bytes = std::uint64_t{5} << 30U;

  /// Tells the time that requests are signed with.
  std::function<std::chrono::system_clock::time_point()> now = &std::chrono::system_clock::now;
  observability::Logger log{};
  /// May be null. Series: rwp_s3_retries_total{reason}, rwp_s3_concurrency.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// Keeps objects on a server that speaks S3: AWS, Ceph, MinIO and others.
///
/// Requests are signed (Signature V4), carry the MD5 of their body, and are tried again on what may
/// pass: with full jitter, slower when the server asks for it, with its clock when it finds ours
/// wrong, for its region when it names another. The etag of what was put in one piece is its MD5,
/// and what is read is held against it. Conditions are the server's: one that ignores them on
/// multipart uploads cannot keep two of them apart.
/// `Errc::not_found` also when the bucket is not there; `Errc::unsupported`: the server does not
/// offer what was asked (conditions, encryption).
/// Threads: confined to the transport's runtime. `Errc::invalid_argument` names the option and the
/// rule that it breaks. Calls that hash much do it on the runtime's pool; the runtime outlives the
/// store.
Result<std::shared_ptr<ObjectStore>> make_s3_object_store(
    Runtime& runtime, std::shared_ptr<net::HttpTransport> transport,
    std::shared_ptr<S3CredentialsProvider> credentials, S3StorageOptions options);

}  // namespace rwp::storage
