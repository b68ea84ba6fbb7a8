#pragma once

#include "storage_s3/client.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Single requests of S3, and what their answers say. Keys are S3's, with the store's prefix.
namespace rwp::storage::s3 {

/// An object as a header or an answer describes it; `shown` is the key in messages.
ObjectInfo info_of(const net::HttpResponse& response);
/// Without the quotes.
std::string bare_etag(std::string_view text);
/// The MD5 of the content in hexadecimal, as the etag tells it; empty: it does not, as for what
/// came in parts or is encrypted with a key of KMS.
std::string told_md5(const net::HttpResponse& response);
/// "2026-11-26T15:00:00.123Z"; none: it is none.
std::optional<std::chrono::system_clock::time_point> read_iso_time(std::string_view text);

/// The headers by which an object is made: type, metadata, encryption, storage class.
net::HttpHeaders object_headers(const Client& client, const PutOptions& options);

boost::asio::awaitable<Result<ObjectInfo>> head_object(std::shared_ptr<Client> client,
                                                       std::string key, std::string shown);
/// One request, whatever the size.
boost::asio::awaitable<Result<ObjectInfo>> put_object(std::shared_ptr<Client> client,
                                                      std::string key, std::string shown,
                                                      std::string content, PutOptions options);
/// `version`: empty, the newest, of which a bucket may keep one.
boost::asio::awaitable<Result<void>> delete_object(std::shared_ptr<Client> client, std::string key,
                                                   std::string shown,
                                                   std::string version = std::string());
/// What is to go, as delete_object() takes it.
struct Doomed {
  std::string key{};
  std::string version{};
};

/// A result for each, in their order.
boost::asio::awaitable<std::vector<Result<void>>> delete_objects(std::shared_ptr<Client> client,
                                                                 std::vector<Doomed> doomed);
boost::asio::awaitable<Result<ObjectInfo>> copy_object(std::shared_ptr<Client> client,
                                                       std::string from, std::string to,
                                                       std::string shown);

/// What an interrupted condition comes to: a refusal may be of one's own first try, which the
/// object's metadata then tell.
constexpr std::string_view kPutMark = "x-amz-meta-rwp-put";

/// Whether the object that stands has this mark: it is of a put whose answer was lost.
boost::asio::awaitable<bool> has_mark(std::shared_ptr<Client> client, std::string key,
                                      std::string mark);
/// What a refused condition is to the caller.
Error conflict_of(const PutOptions& options, const std::string& shown);

// listing.cpp
/// `%2F` is `/`, and `+` is a blank, as in a form: so keys stand in listings.
std::string url_decoded(std::string_view text);
/// Keys with `folder` before them, which is cut off; `with_removed`: those too of which the bucket
/// keeps versions alone.
boost::asio::awaitable<Result<ListPage>> list_objects(std::shared_ptr<Client> client,
                                                      std::string folder, ListOptions options,
                                                      bool with_removed);
// versions.cpp
/// All versions, and the marks of removals; how many objects they were.
boost::asio::awaitable<Result<std::size_t>> purge_object(std::shared_ptr<Client> client,
                                                         std::string key, std::string shown);

// upload.cpp
boost::asio::awaitable<Result<ObjectInfo>> upload_object(std::shared_ptr<Client> client,
                                                         std::string key, std::string shown,
                                                         PieceSource source, UploadOptions options);
/// Part by part, of an object that is too large for copy_object().
boost::asio::awaitable<Result<ObjectInfo>> copy_in_parts(std::shared_ptr<Client> client,
                                                         std::string from, ObjectInfo source,
                                                         std::string to, std::string shown);

// range_reader.cpp
boost::asio::awaitable<Result<std::unique_ptr<ObjectReader>>> open_object(
    std::shared_ptr<Client> client, std::string key, std::string shown, ByteRange range);

}  // namespace rwp::storage::s3
