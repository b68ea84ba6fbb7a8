#include <rwp/core/async.hpp>
#include <rwp/core/utf8.hpp>
#include <rwp/storage/object_store.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace rwp::storage {
namespace {

Error invalid(std::string message) { return Error(Errc::invalid_argument, std::move(message)); }

/// Also 0x7F, which some terminals act upon.
bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

bool is_printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return is_control(c) || static_cast<signed char>(c) < 0; });
}

Result<void> check_metadata(const std::string& key, const ObjectMetadata& metadata) {
  constexpr std::string_view kNameCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-";
  std::size_t bytes = 0;
  for (const auto& [name, value] : metadata) {
    const std::string shown = "object " + key + ": metadata ";
    if (name.empty() || name.size() > 64 ||
        name.find_first_not_of(kNameCharacters) != std::string::npos) {
      return invalid(shown + "name is not 1 to 64 of a-z 0-9 and -");
    }
    if (name.starts_with("rwp-")) return invalid(shown + "names with rwp- are the store's own");
    if (!is_printable(value) || value.starts_with(' ') || value.ends_with(' ')) {
      return invalid(shown + name + " is not printable ASCII without spaces at its ends");
    }
    bytes += name.size() + value.size();
  }
  if (bytes > kMaxMetadataBytes) {
    return invalid("object " + key + ": the metadata has more than 2048 bytes");
  }
  return {};
}

Result<void> check_put(const std::string& key, const PutOptions& options) {
  auto checked = check_key(key);
  if (!checked) return checked;
  if (options.only_if_absent && !options.if_match.empty()) {
    return invalid("object " + key + ": only_if_absent and if_match exclude each other");
  }
  if (options.content_type.size() > 255 || !is_printable(options.content_type)) {
    return invalid("object " + key + ": the content type is not 1 to 255 bytes of printable ASCII");
  }
  if (!is_printable(options.if_match) || options.if_match.size() > 255 ||
      options.if_match.find('"') != std::string::npos) {
    return invalid("object " + key + ": if_match is no etag");
  }
  return check_metadata(key, options.metadata);
}

Result<void> check_list(const ListOptions& options) {
  if (options.limit < 1 || options.limit > kMaxListLimit) {
    return invalid("list limit " + std::to_string(options.limit) + " is not from 1 to 1000");
  }
  // No key is longer; what is no start of a key just finds nothing.
  if (options.prefix.size() > kMaxKeyBytes || options.cursor.size() > kMaxKeyBytes) {
    return invalid("list prefix or cursor is longer than 512 bytes");
  }
  return {};
}

/// What a backend threw, a cancellation above all, as a value; but bad_alloc goes on.
Error caught() {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (...) {
    return detail::from_exception(std::current_exception());
  }
}

}  // namespace

Result<void> check_key(std::string_view key) {
  // The key is not repeated where it may hold what a terminal or a log should not get.
  if (key.empty()) return invalid("object key is empty");
  if (key.size() > kMaxKeyBytes) return invalid("object key is longer than 512 bytes");
  if (!is_valid_utf8(key)) return invalid("object key is not UTF-8");
  if (std::any_of(key.begin(), key.end(), is_control)) {
    return invalid("object key has a control character");
  }
  const std::string shown = "object key \"" + std::string(key) + "\"";
  if (key.find('\\') != std::string_view::npos) return invalid(shown + " has a backslash");
  while (true) {
    const std::size_t slash = key.find('/');
    const std::string_view segment = key.substr(0, slash);
    if (segment.empty())
      return invalid(shown + " starts or ends with a slash, or has two in a row");
    if (segment == "." || segment == "..") return invalid(shown + " has the segment . or ..");
    if (segment.size() > kMaxSegmentBytes) {
      return invalid(shown + " has a segment longer than 250 bytes");
    }
    if (slash == std::string_view::npos) return {};
    key.remove_prefix(slash + 1);
  }
}

boost::asio::awaitable<Result<ObjectInfo>> ObjectStore::put(std::string key, std::string content,
                                                            PutOptions options) {
  auto checked = check_put(key, options);
  if (!checked) co_return checked.error();
  if (content.size() > kMaxObjectBytes) {
    co_return invalid("object " + key + ": " + std::to_string(content.size()) +
                      " bytes are above the limit of 268435456");
  }
  if (options.content_type.empty()) options.content_type = kDefaultContentType;
  try {
    co_return co_await do_put(std::move(key), std::move(content), std::move(options));
  } catch (...) {
    co_return caught();
  }
}

boost::asio::awaitable<Result<std::string>> ObjectStore::get(std::string key, ByteRange range) {
  auto checked = check_key(key);
  if (!checked) co_return checked.error();
  try {
    co_return co_await do_get(std::move(key), range);
  } catch (...) {
    co_return caught();
  }
}

boost::asio::awaitable<Result<ObjectInfo>> ObjectStore::head(std::string key) {
  auto checked = check_key(key);
  if (!checked) co_return checked.error();
  try {
    co_return co_await do_head(std::move(key));
  } catch (...) {
    co_return caught();
  }
}

boost::asio::awaitable<Result<ListPage>> ObjectStore::list(ListOptions options) {
  auto checked = check_list(options);
  if (!checked) co_return checked.error();
  try {
    co_return co_await do_list(std::move(options));
  } catch (...) {
    co_return caught();
  }
}

boost::asio::awaitable<Result<void>> ObjectStore::remove(std::string key) {
  auto checked = check_key(key);
  if (!checked) co_return checked.error();
  try {
    co_return co_await do_remove(std::move(key));
  } catch (...) {
    co_return caught();
  }
}

boost::asio::awaitable<Result<std::vector<Result<void>>>> ObjectStore::remove_many(
    std::vector<std::string> keys) {
  if (keys.size() > kMaxListLimit) {
    co_return invalid(std::to_string(keys.size()) + " keys at once; at most 1000 are removed");
  }
  std::vector<Result<void>> results;
  results.reserve(keys.size());
  std::vector<std::string> valid;
  for (const std::string& key : keys) {
    results.push_back(check_key(key));
    if (results.back()) valid.push_back(key);
  }
  if (valid.empty()) co_return std::move(results);
  try {
    const std::size_t count = valid.size();
    auto removing = do_remove_many(std::move(valid));
    auto removed = co_await std::move(removing);
    if (removed.size() != count) co_return Error(Errc::internal, "a backend lost a key's result");
    auto next = removed.begin();
    for (auto& result : results) {
      if (result) result = std::move(*next++);
    }
    co_return std::move(results);
  } catch (...) {
    co_return caught();
  }
}

boost::asio::awaitable<Result<ObjectInfo>> ObjectStore::copy(std::string from, std::string to) {
  for (const std::string& key : {from, to}) {
    auto checked = check_key(key);
    if (!checked) co_return checked.error();
  }
  try {
    auto copying = do_copy(std::move(from), std::move(to));
    co_return co_await std::move(copying);
  } catch (...) {
    co_return caught();
  }
}

boost::asio::awaitable<Result<ObjectInfo>> ObjectStore::upload(std::string key, PieceSource source,
                                                               UploadOptions options) {
  auto checked = check_put(key, options.put);
  if (!checked) co_return checked.error();
  if (!source) co_return invalid("object " + key + ": the upload has no source");
  if (options.put.content_type.empty()) options.put.content_type = kDefaultContentType;
  try {
    auto uploading = do_upload(std::move(key), std::move(source), std::move(options));
    co_return co_await std::move(uploading);
  } catch (...) {
    co_return caught();
  }
}

boost::asio::awaitable<Result<std::unique_ptr<ObjectReader>>> ObjectStore::open(std::string key,
                                                                                ByteRange range) {
  auto checked = check_key(key);
  if (!checked) co_return checked.error();
  try {
    auto opening = do_open(std::move(key), range);
    co_return co_await std::move(opening);
  } catch (...) {
    co_return caught();
  }
}

boost::asio::awaitable<Result<std::string>> ObjectStore::presign(std::string key,
                                                                 PresignOptions options) {
  auto checked = check_key(key);
  if (!checked) co_return checked.error();
  constexpr std::chrono::seconds kLongest = std::chrono::hours(7 * 24);
  if (options.expires_in.count() < 1 || options.expires_in > kLongest) {
    co_return invalid("object " + key + ": expires_in is not from 1 s to 7 days");
  }
  try {
    auto presigning = do_presign(std::move(key), options);
    co_return co_await std::move(presigning);
  } catch (...) {
    co_return caught();
  }
}

boost::asio::awaitable<std::vector<Result<void>>> ObjectStore::do_remove_many(
    std::vector<std::string> keys) {
  std::vector<Result<void>> results;
  results.reserve(keys.size());
  for (std::string& key : keys) results.push_back(co_await do_remove(std::move(key)));
  co_return results;
}

boost::asio::awaitable<Result<ObjectInfo>> ObjectStore::do_copy(std::string from, std::string to) {
  const ByteRange everything;
  auto opened = co_await do_open(std::move(from), everything);
  if (!opened) co_return opened.error();
  const std::shared_ptr<ObjectReader> reader(std::move(*opened));
  UploadOptions options;
  options.put.content_type = reader->info().content_type;
  options.put.metadata = reader->info().metadata;
  options.size_bytes = reader->info().size_bytes;
  PieceSource source = [reader] { return reader->read(); };
  auto uploading = do_upload(std::move(to), std::move(source), std::move(options));
  co_return co_await std::move(uploading);
}

boost::asio::awaitable<Result<std::string>> ObjectStore::do_presign(std::string key,
                                                                    PresignOptions) {
  co_return Error(Errc::unsupported, "object " + key + ": this store presigns no URLs");
}

}  // namespace rwp::storage
