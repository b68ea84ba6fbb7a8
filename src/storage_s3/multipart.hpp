#pragma once

#include "storage_s3/client.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

/// The requests by which an object is made in parts.
namespace rwp::storage::s3 {

constexpr std::size_t kMaxParts = 10'000;

/// An upload that has begun.
struct Multipart {
  std::string key{};
  std::string id{};
  /// Metadata by which the object is known again; empty: one that is gone on with.
  std::string mark{};
};

struct StoredPart {
  std::string etag{};
  std::uint64_t size_bytes = 0;
};

boost::asio::awaitable<Result<Multipart>> begin_multipart(std::shared_ptr<Client> client,
                                                          std::string key, std::string shown,
                                                          PutOptions options);
/// The etag.
boost::asio::awaitable<Result<std::string>> put_part(std::shared_ptr<Client> client,
                                                     Multipart upload, std::size_t number,
                                                     std::shared_ptr<const Payload> payload,
                                                     std::string shown);
/// The same, of bytes that the server has: `last` inclusive.
boost::asio::awaitable<Result<std::string>> copy_part(std::shared_ptr<Client> client,
                                                      Multipart upload, std::size_t number,
                                                      std::string from, std::string etag,
                                                      std::uint64_t first, std::uint64_t last,
                                                      std::string shown);
/// Makes the object of the parts with these etags. `expected`: the object's etag, if it is known.
boost::asio::awaitable<Result<ObjectInfo>> complete_multipart(
    std::shared_ptr<Client> client, Multipart upload, std::vector<std::string> etags,
    std::string expected, PutOptions options, std::string shown);
boost::asio::awaitable<Result<void>> abort_multipart(std::shared_ptr<Client> client,
                                                     Multipart upload, std::string shown);

/// The newest upload of the key that has begun and not ended; an empty id: none.
boost::asio::awaitable<Result<Multipart>> find_multipart(std::shared_ptr<Client> client,
                                                         std::string key, std::string shown);
boost::asio::awaitable<Result<std::map<std::size_t, StoredPart>>> list_parts(
    std::shared_ptr<Client> client, Multipart upload, std::string shown);

}  // namespace rwp::storage::s3
