#pragma once

#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::storage {

/// Longest key, and longest part of a key between slashes.
constexpr std::size_t kMaxKeyBytes = 512;
constexpr std::size_t kMaxSegmentBytes = 250;
/// Largest object that is stored in one piece: 256 MiB.
constexpr std::size_t kMaxObjectBytes = std::size_t{256} << 20U;
/// Most entries of one page of a listing.
constexpr std::size_t kMaxListLimit = 1000;
/// What an object is called that was put without a content type.
constexpr std::string_view kDefaultContentType = "application/octet-stream";

/// Settings of one ObjectStore::put().
struct PutOptions {
  /// Leave an object that is already there alone and report `Errc::already_exists`.
  bool only_if_absent = false;
  /// Replace only the version with this etag, else report `Errc::conflict`. Empty: any or none.
  std::string if_match{};
  /// A media type such as "text/html; charset=utf-8": printable ASCII, at most 255 bytes. Empty:
  /// `kDefaultContentType`.
  std::string content_type{};
};

/// What is known of an object without reading it.
struct ObjectInfo {
  std::uint64_t size_bytes = 0;
  /// Names this content: the same for equal bytes within one backend. Opaque; compare it whole.
  std::string etag{};
  /// When this version was put, by the backend's clock.
  std::chrono::system_clock::time_point modified_at{};
  std::string content_type{};
};

/// A part of an object.
struct ByteRange {
  /// First byte wanted, from 0.
  std::uint64_t offset = 0;
  /// Most bytes wanted; none: all to the end. What lies behind the end is left out.
  std::optional<std::uint64_t> length{};
};

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
/// `Errc::invalid_argument`, and so is content above 256 MiB. Keys are compared byte by byte; "a"
/// and "a/b" may both be there.
/// A put is atomic (readers see the old object or the new, whole), durable where the backend
/// outlives its process, and safe to repeat unless conditional.
/// Errors: also `Errc::unavailable` (full, or away: worth a retry), `Errc::permission_denied`,
/// `Errc::corrupt` and `Errc::cancelled` (a write may then have taken effect); throws only
/// bad_alloc. Threads: confined to its runtime's I/O thread, where calls may overlap. Lifetime: the
/// store outlives its calls in flight. Arguments are owned by the call.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;
  ObjectStore(const ObjectStore&) = delete;
  ObjectStore& operator=(const ObjectStore&) = delete;

  /// Stores `content` under `key` and tells how it stands there. `Errc::already_exists` and
  /// `Errc::conflict`: as the options ask; nothing has changed. `Errc::invalid_argument`: both
  /// conditions at once, or a content type that is none.
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

 protected:
  ObjectStore() = default;

 private:  // What a backend implements; the arguments have been checked.
  virtual boost::asio::awaitable<Result<ObjectInfo>> do_put(std::string key, std::string content,
                                                            PutOptions options) = 0;
  virtual boost::asio::awaitable<Result<std::string>> do_get(std::string key, ByteRange range) = 0;
  virtual boost::asio::awaitable<Result<ObjectInfo>> do_head(std::string key) = 0;
  virtual boost::asio::awaitable<Result<ListPage>> do_list(ListOptions options) = 0;
  virtual boost::asio::awaitable<Result<void>> do_remove(std::string key) = 0;
};

/// Success when `key` is one; `Errc::invalid_argument` names the rule that it breaks.
Result<void> check_key(std::string_view key);

}  // namespace rwp::storage
