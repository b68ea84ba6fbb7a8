#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/uuid.hpp>
#include <rwp/storage/object_store.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::pods {

/// A file of a tenant, as POST /v1/files made it.
struct ShelfFile {
  /// "file-" and 32 hexadecimal digits; later files have greater ones.
  std::string id{};
  std::string filename{};
  std::string purpose{};
  std::uint64_t bytes = 0;
  std::chrono::system_clock::time_point created_at{};
  /// Gone from then on; unset, as it is made: after FileShelf::kLongestLife.
  std::optional<std::chrono::system_clock::time_point> expires_at{};
};

/// Whether the text can be the id of a file.
bool is_file_id(std::string_view id);
/// The id of the output (1) or error file (2) of a batch.
std::string file_id_of(const Uuid& batch, std::uint8_t which);

/// Tenants' files, as objects "ai-files/TENANT/ID" with what is told of them beside. One tenant's
/// files do not exist for another.
///
/// Threads: confined to the object store's runtime. Errors: the store's; `Errc::not_found`: no such
/// file of this tenant, or it has expired.
class FileShelf {
 public:
  /// Files that a tenant may have; beyond, an upload is `Errc::invalid_argument`.
  static constexpr std::size_t kMostFiles = 1'000;
  /// Nobody's words are kept for ever: a file goes when it says so, or then.
  static constexpr std::chrono::hours kLongestLife{30 * 24};

  explicit FileShelf(std::shared_ptr<storage::ObjectStore> objects)
      : objects_(std::move(objects)) {}

  /// `file` says what is told of it; its id, size and time are made here.
  boost::asio::awaitable<Result<ShelfFile>> put(std::string tenant, ShelfFile file,
                                                std::string content);
  /// The same from pieces, under the id that `file` has; again: replaces it.
  boost::asio::awaitable<Result<ShelfFile>> write(std::string tenant, ShelfFile file,
                                                  storage::PieceSource source);
  boost::asio::awaitable<Result<ShelfFile>> look(std::string tenant, std::string id);
  boost::asio::awaitable<Result<std::string>> read(std::string tenant, std::string id);
  boost::asio::awaitable<Result<std::unique_ptr<storage::ObjectReader>>> open(std::string tenant,
                                                                              std::string id);
  boost::asio::awaitable<Result<void>> remove(std::string tenant, std::string id);
  /// Of a purpose, if one is given, behind the id `after`; one more than `limit` says that there
  /// are more.
  boost::asio::awaitable<Result<std::vector<ShelfFile>>> list(std::string tenant,
                                                              std::string purpose,
                                                              std::string after, std::size_t limit,
                                                              bool newest_first);
  /// Removes the files of all tenants whose time is over, and what batches have left behind for as
  /// long as a file may live. Answers how many objects.
  boost::asio::awaitable<Result<std::size_t>> remove_expired();

 private:
  boost::asio::awaitable<Result<std::size_t>> remove_expired_below(std::string folder,
                                                                   bool are_files);
  boost::asio::awaitable<Result<std::vector<std::string>>> ids(std::string tenant);

  const std::shared_ptr<storage::ObjectStore> objects_;
};

/// 32 digits.
std::string hex_of(const Uuid& id);

/// A tenant's name as one segment of a key.
std::string tenant_segment(const std::string& tenant);

}  // namespace rwp::pods
