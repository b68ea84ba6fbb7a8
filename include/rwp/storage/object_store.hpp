#pragma once

#include <rwp/core/error.hpp>
#include <rwp/storage/object_transfer.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::storage {

/// Longest key, and longest part of a key between slashes.
constexpr std::size_t kMaxKeyBytes = 512;
constexpr std::size_t kMaxSegmentBytes = 250;
/// Most entries of one page of a listing, and most keys that are removed by one call.
constexpr std::size_t kMaxListLimit = 1000;

/// Settings of one ObjectStore::list().
struct ListOptions {
  /// Only keys that start with these bytes; need not end at a slash.
  std::string prefix{};
  /// ListPage::next_cursor of the page before; empty: from the start.
  std::string cursor{};
  /// Most entries of the page: 1 to `kMaxListLimit`.
  std::size_t limit = kMaxListLimit;
};

struct ListEntry {
  std::string key{};
  std::uint64_t size_bytes = 0;
  std::chrono::system_clock::time_point modified_at{};
};

struct ListPage {
  /// In the order of the keys' bytes.
  std::vector<ListEntry> entries{};
  /// Goes into the next call; empty: this was the last page.
  std::string next_cursor{};
};

/// Named blobs: CVs, model outputs, exports.
///
/// A key is 1 to 512 bytes of UTF-8 without control characters and backslashes: segments of 1 to
/// 250 bytes with single slashes between, none of them "." or "..". Any other key is
/// `Errc::invalid_argument`, and so is content above 256 MiB in one string; upload() and open()
/// move larger objects piece by piece. Keys are compared byte by byte; "a" and "a/b" may both be
/// there.
/// A put is atomic (readers see the old object or the new, whole), durable where the backend
/// outlives its process, and safe to repeat unless conditional.
/// Errors: also `Errc::unavailable` (full, or away: worth a retry), `Errc::permission_denied`,
/// `Errc::corrupt` and `Errc::cancelled` (a write may then have taken effect); throws only
/// bad_alloc. `Errc::unsupported`: what this backend, or this server, does not offer. Threads:
/// confined to its runtime's I/O thread, where calls may overlap. Lifetime: the store outlives its
/// calls in flight. Arguments are owned by the call.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;
  ObjectStore(const ObjectStore&) = delete;
  ObjectStore& operator=(const ObjectStore&) = delete;

  /// Stores `content` under `key` and tells how it stands there. `Errc::already_exists` and
  /// `Errc::conflict`: as the options ask; nothing has changed. `Errc::invalid_argument`: both
  /// conditions at once, a content type or metadata that are none.
  boost::asio::awaitable<Result<ObjectInfo>> put(std::string key, std::string content,
                                                 PutOptions options = PutOptions());

  /// Reads what is under `key`, or a part of it; all of it comes from one version.
  /// `Errc::not_found`: nothing there. `Errc::invalid_argument`: the range starts behind the end
  /// (at the end is well: it is empty).
  boost::asio::awaitable<Result<std::string>> get(std::string key, ByteRange range = ByteRange());

  /// `Errc::not_found`: nothing there.
  boost::asio::awaitable<Result<ObjectInfo>> head(std::string key);

  /// Lists keys in order. What is there from the first page to the last is shown exactly once; what
  /// comes or goes meanwhile may be shown or not. `Errc::invalid_argument`: a limit out of range.
  boost::asio::awaitable<Result<ListPage>> list(ListOptions options = ListOptions());

  /// Success also when nothing was there.
  boost::asio::awaitable<Result<void>> remove(std::string key);

  /// Removes up to `kMaxListLimit` objects; a result for each key, in their order. A key that is
  /// none fails alone.
  boost::asio::awaitable<Result<std::vector<Result<void>>>> remove_many(
      std::vector<std::string> keys);

  /// Puts what is under `from` under `to` as well, with its content type and metadata; replaces
  /// what is there. The bytes do not come here where the backend can copy. `Errc::not_found`:
  /// nothing under `from`.
  boost::asio::awaitable<Result<ObjectInfo>> copy(std::string from, std::string to);

  /// As put(), of what `source` gives, which need not be in memory at once: a few parts are, of 8
  /// MiB each as a rule. Nothing is there before all has been read; when the source or the backend
  /// fails, what had been stored of it is removed again.
  boost::asio::awaitable<Result<ObjectInfo>> upload(std::string key, PieceSource source,
                                                    UploadOptions options = UploadOptions());

  /// As get(), piece by piece.
  boost::asio::awaitable<Result<std::unique_ptr<ObjectReader>>> open(std::string key,
                                                                     ByteRange range = ByteRange());

  /// A URL by which anyone may read or write this one object for a while; whether there is one is
  /// not looked at. `Errc::unsupported`: not by this backend.
  boost::asio::awaitable<Result<std::string>> presign(std::string key,
                                                      PresignOptions options = PresignOptions());

 protected:
  ObjectStore() = default;

 private:  // What a backend implements; the arguments have been checked.
  virtual boost::asio::awaitable<Result<ObjectInfo>> do_put(std::string key, std::string content,
                                                            PutOptions options) = 0;
  virtual boost::asio::awaitable<Result<std::string>> do_get(std::string key, ByteRange range) = 0;
  virtual boost::asio::awaitable<Result<ObjectInfo>> do_head(std::string key) = 0;
  virtual boost::asio::awaitable<Result<ListPage>> do_list(ListOptions options) = 0;
  virtual boost::asio::awaitable<Result<void>> do_remove(std::string key) = 0;
  virtual boost::asio::awaitable<Result<ObjectInfo>> do_upload(std::string key, PieceSource source,
                                                               UploadOptions options) = 0;
  virtual boost::asio::awaitable<Result<std::unique_ptr<ObjectReader>>> do_open(
      std::string key, ByteRange range) = 0;
  /// As long as nobody overrides them: one after the other; by open() and upload(); unsupported.
  virtual boost::asio::awaitable<std::vector<Result<void>>> do_remove_many(
      std::vector<std::string> keys);
  virtual boost::asio::awaitable<Result<ObjectInfo>> do_copy(std::string from, std::string to);
  virtual boost::asio::awaitable<Result<std::string>> do_presign(std::string key,
                                                                 PresignOptions options);
};

/// Success when `key` is one; `Errc::invalid_argument` names the rule that it breaks.
Result<void> check_key(std::string_view key);

}  // namespace rwp::storage
