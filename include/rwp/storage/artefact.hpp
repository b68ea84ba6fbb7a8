#pragma once

#include <rwp/storage/object_store.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

/// Objects whose key names the SHA-256 of their content, so that each can be verified by itself.
namespace rwp::storage {

enum class ArtefactKind : std::uint8_t {
  ai_result,  ///< What a model answered: ai-results/…
  report,     ///< What people read: reports/…
  archive,    ///< What is kept of what was removed elsewhere: archives/…
};

/// What is to be kept.
struct Artefact {
  ArtefactKind kind = ArtefactKind::ai_result;
  /// Whose it is, and what it belongs to (a job, a run, a day): each one segment of a key.
  std::string tenant{};
  std::string subject{};
  std::string content{};
  /// Without a dot, such as "json"; 1 to 16 of a-z and 0-9.
  std::string extension{};
  /// Empty: kDefaultContentType.
  std::string content_type{};
};

/// "ai-results/TENANT/SUBJECT/SHA256.json". `Errc::invalid_argument`: a part is no segment of a
/// key.
Result<std::string> artefact_key(const Artefact& artefact);

/// The digest that a key names: the file's name, without its extension, is 64 lower-case
/// hexadecimal digits. So it is with artefacts and with large payloads (payloads/JOB/SHA256).
std::optional<std::string_view> digest_in_key(std::string_view key) noexcept;

/// Stores it and answers its key; safe to repeat.
boost::asio::awaitable<Result<std::string>> put_artefact(std::shared_ptr<ObjectStore> store,
                                                         Artefact artefact);

/// Reads an object whose key names its digest. `Errc::corrupt`: the content has another.
boost::asio::awaitable<Result<std::string>> get_artefact(std::shared_ptr<ObjectStore> store,
                                                         std::string key);

/// As ObjectStore::put(), for an object whose key stays while its content changes: its metadata say
/// the SHA-256 of the content, as `sha256`.
boost::asio::awaitable<Result<ObjectInfo>> put_with_digest(std::shared_ptr<ObjectStore> store,
                                                           std::string key, std::string content,
                                                           PutOptions options = PutOptions());

/// SHA-256 in hexadecimal: what an object's content has, and what it is meant to have.
struct ObjectDigest {
  std::string found{};
  /// By its key, else by its metadata; empty: neither says.
  std::string named{};
};

/// Reads an object through without keeping it. Errors are the store's, which holds it against what
/// else it knows of the content.
boost::asio::awaitable<Result<ObjectDigest>> read_digest(std::shared_ptr<ObjectStore> store,
                                                         std::string key);

}  // namespace rwp::storage
