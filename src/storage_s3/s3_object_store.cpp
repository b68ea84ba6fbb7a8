#include "storage_s3/operations.hpp"
#include <rwp/storage/object_versions.hpp>
#include <rwp/storage_s3/s3_object_store.hpp>

#include <algorithm>
#include <utility>

namespace rwp::storage {
namespace {

using s3::Client;

std::string named(const std::string& key) { return "object " + key; }

class S3ObjectStore final : public ObjectStore, public ObjectVersions {
 public:
  S3ObjectStore(std::shared_ptr<Client> client, const std::string& prefix)
      : client_(std::move(client)), prefix_(prefix.empty() ? std::string() : prefix + "/") {}

 private:
  boost::asio::awaitable<Result<ObjectInfo>> do_put(std::string key, std::string content,
                                                    PutOptions options) override {
    return s3::put_object(client_, prefix_ + key, named(key), std::move(content),
                          std::move(options));
  }

  boost::asio::awaitable<Result<ObjectInfo>> do_head(std::string key) override {
    return s3::head_object(client_, prefix_ + key, named(key));
  }

  boost::asio::awaitable<Result<void>> do_remove(std::string key) override {
    return s3::delete_object(client_, prefix_ + key, named(key));
  }

  boost::asio::awaitable<std::vector<Result<void>>> do_remove_many(
      std::vector<std::string> keys) override {
    std::vector<s3::Doomed> doomed;
    doomed.reserve(keys.size());
    for (const std::string& key : keys) doomed.push_back({.key = prefix_ + key});
    return s3::delete_objects(client_, std::move(doomed));
  }

  boost::asio::awaitable<Result<ObjectInfo>> do_copy(std::string from, std::string to) override {
    return s3::copy_object(client_, prefix_ + from, prefix_ + to, named(from));
  }

  boost::asio::awaitable<Result<ObjectInfo>> do_upload(std::string key, PieceSource source,
                                                       UploadOptions options) override {
    return s3::upload_object(client_, prefix_ + key, named(key), std::move(source),
                             std::move(options));
  }

  boost::asio::awaitable<Result<std::unique_ptr<ObjectReader>>> do_open(std::string key,
                                                                        ByteRange range) override {
    return s3::open_object(client_, prefix_ + key, named(key), range);
  }

  boost::asio::awaitable<Result<std::string>> do_presign(std::string key,
                                                         PresignOptions options) override {
    const bool is_put = options.method == PresignOptions::Method::put;
    return client_->presign(is_put ? "PUT" : "GET", prefix_ + key, options.expires_in);
  }

  boost::asio::awaitable<Result<std::string>> do_get(std::string key, ByteRange range) override {
    auto opening = s3::open_object(client_, prefix_ + key, named(key), range);
    auto opened = co_await std::move(opening);
    if (!opened) co_return opened.error();
    ObjectReader& reader = **opened;
    const std::uint64_t rest = reader.info().size_bytes - range.offset;
    const std::uint64_t wanted = std::min(rest, range.length.value_or(rest));
    if (wanted > kMaxObjectBytes) {
      co_return Error(Errc::invalid_argument,
                      named(key) + " is larger than 256 MiB; read it in parts");
    }
    std::string content;
    while (true) {
      auto reading = reader.read();
      auto piece = co_await std::move(reading);
      if (!piece) co_return piece.error();
      if (piece->empty()) co_return content;
      if (content.empty()) {
        content = std::move(*piece);
        content.reserve(static_cast<std::size_t>(wanted));
      } else {
        content += *piece;
      }
    }
  }

  boost::asio::awaitable<Result<ListPage>> do_list(ListOptions options) override {
    return s3::list_objects(client_, prefix_, std::move(options), false);
  }

  boost::asio::awaitable<Result<ListPage>> list_versions(ListOptions options) override {
    return s3::list_objects(client_, prefix_, std::move(options), true);
  }

  boost::asio::awaitable<Result<std::size_t>> purge(std::string key) override {
    return s3::purge_object(client_, prefix_ + key, named(key));
  }

  const std::shared_ptr<Client> client_;
  const std::string prefix_;
};

Error out_of_range(std::string_view option, std::string_view rule) {
  return Error(Errc::invalid_argument,
               "s3: " + std::string(option) + " is not " + std::string(rule));
}

bool is_header_text(std::string_view text) {
  return text.size() <= 1024 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7F'; });
}

Result<void> check(const S3StorageOptions& options) {
  if (!options.prefix.empty()) {
    if (auto valid = check_key(options.prefix); !valid) {
      return valid.error().with_context("s3: the prefix");
    }
    // S3's keys have 1024 bytes at most.
    if (options.prefix.size() + 1 + kMaxKeyBytes > 1024) {
      return out_of_range("prefix", "of at most 511 bytes");
    }
  }
  if (!options.encryption.empty() && options.encryption != "AES256" &&
      options.encryption != "aws:kms") {
    return out_of_range("encryption", "AES256 or aws:kms");
  }
  if (!options.kms_key_id.empty() &&
      (options.encryption != "aws:kms" || !is_header_text(options.kms_key_id))) {
    return out_of_range("kms_key_id", "printable ASCII, with encryption aws:kms");
  }
  if (!is_header_text(options.storage_class)) {
    return out_of_range("storage_class", "printable ASCII");
  }
  if (options.attempts < 1 || options.attempts > 20) {
    return out_of_range("attempts", "from 1 to 20");
  }
  if (options.concurrency < 1 || options.concurrency > 1000) {
    return out_of_range("concurrency", "from 1 to 1000");
  }
  constexpr std::size_t kMiB = std::size_t{1} << 20U;
  if (options.part_bytes < 5 * kMiB || options.part_bytes > 1024 * kMiB) {
    return out_of_range("part_bytes", "from 5242880 to 1073741824");
  }
  if (options.parallel_parts < 1 || options.parallel_parts > 32) {
    return out_of_range("parallel_parts", "from 1 to 32");
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<ObjectStore>> make_s3_object_store(
    Runtime& runtime, std::shared_ptr<net::HttpTransport> transport,
    std::shared_ptr<S3CredentialsProvider> credentials, S3StorageOptions options) {
  if (auto checked = check(options); !checked) return checked.error();
  auto address = s3::Address::make(options);
  if (!address) return address.error();
  const std::string prefix = options.prefix;
  auto client = std::make_shared<Client>(runtime, std::move(transport), std::move(credentials),
                                         std::move(options), std::move(*address));
  return std::shared_ptr<ObjectStore>(std::make_shared<S3ObjectStore>(std::move(client), prefix));
}

}  // namespace rwp::storage
