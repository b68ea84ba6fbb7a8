#include <rwp/core/scheme_registry.hpp>
#include <rwp/net/curl_transport.hpp>
#include <rwp/storage_s3/register.hpp>
#include <rwp/storage_s3/s3_object_store.hpp>

#include <algorithm>
#include <utility>

namespace rwp::storage {
namespace {

Error invalid(const Url& url, const std::string& what) {
  return Error(Errc::invalid_argument, url.masked() + ": " + what);
}

std::string query_text(const Url& url, const std::string& name, std::string fallback) {
  const auto found = url.query().find(name);
  return found == url.query().end() ? std::move(fallback) : found->second;
}

/// Reads a whole number into a member; the ranges are the store's to check.
template <class Number>
Result<void> read_number(const Url& url, std::string_view name, Number& number) {
  const auto read = url.integer(name, static_cast<std::int64_t>(number), 1, std::int64_t{1} << 30);
  if (!read) return read.error();
  number = static_cast<Number>(*read);
  return {};
}

Result<S3StorageOptions> read_url(const Url& url, const S3SchemeOptions& given) {
  auto known = url.allow_query({"endpoint", "region", "path_style", "encryption", "kms_key_id",
                                "storage_class", "attempts", "concurrency", "part_bytes",
                                "parallel_parts", "ca_file"});
  if (!known) return known.error();
  std::string path = url.path();
  if (!path.starts_with("//")) return invalid(url, "write s3://BUCKET or s3://BUCKET/PREFIX");
  path.erase(0, 2);
  if (path.find('@') != std::string::npos) {
    return invalid(url,
                   "credentials do not belong into the URL; set AWS_ACCESS_KEY_ID and "
                   "AWS_SECRET_ACCESS_KEY");
  }
  S3StorageOptions options;
  const std::size_t slash = std::min(path.find('/'), path.size());
  options.bucket = path.substr(0, slash);
  options.prefix = path.substr(std::min(slash + 1, path.size()));
  if (options.prefix.ends_with('/')) options.prefix.pop_back();
  options.endpoint = query_text(url, "endpoint", given.endpoint);
  options.region = query_text(url, "region", given.region);
  options.encryption = query_text(url, "encryption", std::string());
  options.kms_key_id = query_text(url, "kms_key_id", std::string());
  options.storage_class = query_text(url, "storage_class", std::string());
  const std::string style = query_text(url, "path_style", std::string());
  if (!style.empty() && style != "true" && style != "false") {
    return Error(Errc::invalid_argument, "URL option \"path_style\" must be true or false");
  }
  if (!style.empty()) options.path_style = style == "true";
  for (auto read : {read_number(url, "attempts", options.attempts),
                    read_number(url, "concurrency", options.concurrency),
                    read_number(url, "part_bytes", options.part_bytes),
                    read_number(url, "parallel_parts", options.parallel_parts)}) {
    if (!read) return read.error();
  }
  return options;
}

std::shared_ptr<S3CredentialsProvider> credentials_of(
    const S3SchemeOptions& given, const std::shared_ptr<net::HttpTransport>& transport,
    const std::string& region) {
  if (!given.keys.access_key_id.empty()) return make_fixed_credentials(given.keys);
  if (!given.web_identity.role_arn.empty()) {
    WebIdentityOptions options = given.web_identity;
    if (!region.empty()) options.region = region;
    return make_web_identity_credentials(transport, std::move(options));
  }
  if (!given.credentials_file.empty()) {
    return make_profile_credentials(given.credentials_file, given.profile);
  }
  return make_fixed_credentials(S3Credentials());
}

Result<std::shared_ptr<ObjectStore>> open_s3(const Url& url, Runtime& runtime,
                                             const S3SchemeOptions& given) {
  auto options = read_url(url, given);
  if (!options) return options.error();
  options->log = given.log;
  options->metrics = given.metrics;
  net::CurlTransportOptions curl;
  curl.metrics = given.metrics;
  curl.log = given.log;
  curl.ca_file = query_text(url, "ca_file", std::string());
  // Many small requests go faster over connections of their own.
  curl.http2 = false;
  curl.max_connections_per_host = options->concurrency;
  const auto transport = net::make_curl_transport(runtime, std::move(curl));
  const auto credentials = credentials_of(given, transport, options->region);
  return make_s3_object_store(runtime, transport, credentials, std::move(*options));
}

}  // namespace

void register_s3_storage(SchemeRegistry& registry, S3SchemeOptions options) {
  const auto shared = std::make_shared<const S3SchemeOptions>(std::move(options));
  registry.add<ObjectStore>(
      "s3", [shared](const Url& url, Runtime& runtime) { return open_s3(url, runtime, *shared); });
}

}  // namespace rwp::storage
