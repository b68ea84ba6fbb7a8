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

Result<void> check_put(const std::string& key, const std::string& content,
                       const PutOptions& options) {
  auto checked = check_key(key);
  if (!checked) return checked;
  if (content.size() > kMaxObjectBytes) {
    return invalid("object " + key + ": " + std::to_string(content.size()) +
                   " bytes are above the limit of 268435456");
  }
  if (options.only_if_absent && !options.if_match.empty()) {
    return invalid("object " + key + ": only_if_absent and if_match exclude each other");
  }
  const auto unprintable = [](char c) { return is_control(c) || static_cast<signed char>(c) < 0; };
  if (options.content_type.size() > 255 ||
      std::any_of(options.content_type.begin(), options.content_type.end(), unprintable)) {
    return invalid("object " + key + ": the content type is not 1 to 255 bytes of printable ASCII");
  }
  return {};
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
  auto checked = check_put(key, content, options);
  if (!checked) co_return checked.error();
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

}  // namespace rwp::storage
