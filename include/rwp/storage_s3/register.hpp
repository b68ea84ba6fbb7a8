#pragma once

#include <rwp/observability/log.hpp>
#include <rwp/observability/metrics.hpp>
#include <rwp/storage_s3/credentials.hpp>

#include <memory>
#include <string>

namespace rwp {
class SchemeRegistry;
}

namespace rwp::storage {

/// What stores opened by URL are given besides.
struct S3SchemeOptions {
  /// The first of these that is there: keys, a role, a profile's file.
  S3Credentials keys{};
  WebIdentityOptions web_identity{};
  std::string credentials_file{};
  std::string profile = "default";
  /// Where the URL does not name them.
  std::string region{};
  std::string endpoint{};
  observability::Logger log{};
  /// May be null.
  std::shared_ptr<observability::Metrics> metrics{};
};

/// Adds `s3://BUCKET[/PREFIX]?…` for ObjectStore. Query: `endpoint`, `region`, `path_style` (true,
/// false), `encryption`, `kms_key_id`, `storage_class`, `attempts`, `concurrency`, `part_bytes`,
/// `parallel_parts`, `ca_file`. Credentials do not belong into a URL. `Errc::invalid_argument`
/// names what is wrong; that there are no credentials, the first call tells.
void register_s3_storage(SchemeRegistry& registry, S3SchemeOptions options = S3SchemeOptions());

}  // namespace rwp::storage
