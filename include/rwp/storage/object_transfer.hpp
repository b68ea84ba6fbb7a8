#pragma once

#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

/// What goes into an object store and comes out of it.
namespace rwp::storage {

/// Largest object that is moved as one string: 256 MiB.
constexpr std::size_t kMaxObjectBytes = std::size_t{256} << 20U;
/// Most bytes of an object's metadata, names and values together.
constexpr std::size_t kMaxMetadataBytes = 2048;
/// What an object is called that was put without a content type.
constexpr std::string_view kDefaultContentType = "application/octet-stream";

/// Facts that are kept beside an object's content. Names are 1 to 64 of a-z 0-9 and -, and start
/// with none of the store's own ("rwp-"); values are printable ASCII without spaces at their ends.
using ObjectMetadata = std::map<std::string, std::string>;

/// Settings of one ObjectStore::put().
struct PutOptions {
  /// Leave an object that is already there alone and report `Errc::already_exists`.
  bool only_if_absent = false;
  /// Replace only the version with this etag, else report `Errc::conflict`. Empty: any or none.
  std::string if_match{};
  /// A media type such as "text/html; charset=utf-8": printable ASCII, at most 255 bytes. Empty:
  /// `kDefaultContentType`.
  std::string content_type{};
  ObjectMetadata metadata{};
};

/// Settings of one ObjectStore::upload().
struct UploadOptions {
  PutOptions put{};
  /// How much the source will give, where that is known: what is far larger than 50 GiB needs it,
  /// so that its parts are. The source may give less or more.
  std::optional<std::uint64_t> size_bytes{};
  /// Keep what has been stored when the upload fails, so that a later one of the same key (whose
  /// source begins at the beginning again) sends only the parts that are missing or differ. Content
  /// type and metadata are then those of the first. Backends that cannot begin anew.
  bool resumable = false;
};

/// What is known of an object without reading it.
struct ObjectInfo {
  std::uint64_t size_bytes = 0;
  /// Names this content: the same for equal bytes that were put in one piece, within one backend.
  /// Opaque; compare it whole.
  std::string etag{};
  /// When this version was put, by the backend's clock, which may know whole seconds only. What a
  /// put tells may be some seconds from what head() and list() tell.
  std::chrono::system_clock::time_point modified_at{};
  std::string content_type{};
  ObjectMetadata metadata{};
};

/// A part of an object.
struct ByteRange {
  /// First byte wanted, from 0.
  std::uint64_t offset = 0;
  /// Most bytes wanted; none: all to the end. What lies behind the end is left out.
  std::optional<std::uint64_t> length{};
};

/// Gives the next piece of what is to be stored, of any size; an empty piece ends it. An error ends
/// the upload with that error. Called on the store's I/O thread, one at a time.
using PieceSource = std::function<boost::asio::awaitable<Result<std::string>>()>;

/// An object that is being read. All of it comes from one version; when that is replaced
/// meanwhile, and the backend does not keep it, read() says `Errc::conflict`.
///
/// Reads ahead by some tens of MiB at most. Threads and lifetime: those of its store, which it may
/// outlive; destruction ends what is under way.
class ObjectReader {
 public:
  virtual ~ObjectReader() = default;
  ObjectReader(const ObjectReader&) = delete;
  ObjectReader& operator=(const ObjectReader&) = delete;

  /// Of the whole object, whatever range is read.
  virtual const ObjectInfo& info() const noexcept = 0;
  /// The next piece, of any size; empty: that was all. One at a time; after an error, no more.
  virtual boost::asio::awaitable<Result<std::string>> read() = 0;

 protected:
  ObjectReader() = default;
};

/// Settings of one ObjectStore::presign().
struct PresignOptions {
  enum class Method : std::uint8_t { get, put };
  Method method = Method::get;
  /// How long the URL is good for: 1 s to 7 days.
  std::chrono::seconds expires_in{900};
};

}  // namespace rwp::storage
