#include <rwp/core/sha256_stream.hpp>
#include <rwp/storage/artefact.hpp>

#include <algorithm>
#include <utility>

namespace rwp::storage {
namespace {

constexpr const char* kDigestName = "sha256";

std::string_view folder_of(ArtefactKind kind) {
  switch (kind) {
    case ArtefactKind::ai_result:
      return "ai-results/";
    case ArtefactKind::report:
      return "reports/";
    case ArtefactKind::archive:
      return "archives/";
  }
  return "";
}

Error invalid(const char* what) {
  return Error(Errc::invalid_argument, std::string("artefact: ") + what);
}

bool is_extension(std::string_view text) {
  return !text.empty() && text.size() <= 16 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  });
}

}  // namespace

Result<std::string> artefact_key(const Artefact& artefact) {
  for (const std::string& part : {artefact.tenant, artefact.subject}) {
    if (part.find('/') != std::string::npos) return invalid("tenant or subject has a slash");
  }
  if (!is_extension(artefact.extension)) {
    return invalid("the extension is not 1 to 16 of a-z and 0-9");
  }
  std::string key(folder_of(artefact.kind));
  key.append(artefact.tenant).append("/").append(artefact.subject).append("/");
  key.append(to_hex(sha256(artefact.content))).append(".").append(artefact.extension);
  if (auto checked = check_key(key); !checked) return checked.error();
  return key;
}

std::optional<std::string_view> digest_in_key(std::string_view key) noexcept {
  const std::size_t slash = key.rfind('/');
  std::string_view name = key.substr(slash == std::string_view::npos ? 0 : slash + 1);
  name = name.substr(0, name.find('.'));
  const bool is_digest =
      name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
  return is_digest ? std::optional<std::string_view>(name) : std::nullopt;
}

boost::asio::awaitable<Result<std::string>> put_artefact(std::shared_ptr<ObjectStore> store,
                                                         Artefact artefact) {
  auto key = artefact_key(artefact);
  if (!key) co_return key.error();
  PutOptions options;
  options.content_type = std::move(artefact.content_type);
  // Equal bytes under one key: to put them again does no harm, and needs no condition.
  auto putting = store->put(*key, std::move(artefact.content), std::move(options));
  const auto stored = co_await std::move(putting);
  if (!stored) co_return stored.error();
  co_return std::move(*key);
}

boost::asio::awaitable<Result<std::string>> get_artefact(std::shared_ptr<ObjectStore> store,
                                                         std::string key) {
  const auto named = digest_in_key(key);
  if (!named) co_return invalid("the key names no digest");
  const std::string digest(*named);
  auto getting = store->get(key);
  auto content = co_await std::move(getting);
  if (!content) co_return content.error();
  if (to_hex(sha256(*content)) != digest) {
    co_return Error(Errc::corrupt, "object " + key + ": holds other bytes than its key names");
  }
  co_return std::move(*content);
}

boost::asio::awaitable<Result<ObjectInfo>> put_with_digest(std::shared_ptr<ObjectStore> store,
                                                           std::string key, std::string content,
                                                           PutOptions options) {
  options.metadata[kDigestName] = to_hex(sha256(content));
  co_return co_await store->put(std::move(key), std::move(content), std::move(options));
}

boost::asio::awaitable<Result<ObjectDigest>> read_digest(std::shared_ptr<ObjectStore> store,
                                                         std::string key) {
  ObjectDigest digest;
  digest.named = std::string(digest_in_key(key).value_or(""));
  auto opening = store->open(std::move(key));
  auto reader = co_await std::move(opening);
  if (!reader) co_return reader.error();
  const auto& metadata = (*reader)->info().metadata;
  const auto told = metadata.find(kDigestName);
  if (digest.named.empty() && told != metadata.end()) digest.named = told->second;
  Sha256Stream hash;
  while (true) {
    auto reading = (*reader)->read();
    const auto piece = co_await std::move(reading);
    if (!piece) co_return piece.error();
    if (piece->empty()) break;
    hash.update(*piece);
  }
  digest.found = to_hex(hash.finish());
  co_return digest;
}

}  // namespace rwp::storage
