#include "pods/file_shelf.hpp"

#include <rwp/core/sha256.hpp>
#include <rwp/core/uuid.hpp>
#include <rwp/storage/listing.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace rwp::pods {
namespace {

using boost::asio::awaitable;
using Clock = std::chrono::system_clock;

constexpr std::string_view kPrefix = "file-";
constexpr std::size_t kDigits = 32;
constexpr std::size_t kMostNameBytes = 256;
/// The shortest that a client may ask for.
constexpr std::chrono::hours kShortestLife{1};

constexpr const char* kFiles = "ai-files/";
/// batch_folder()'s.
constexpr const char* kBatches = "ai-batches/";

std::string folder_of(const std::string& tenant) { return kFiles + tenant_segment(tenant) + "/"; }

std::string key_of(const std::string& tenant, const std::string& id) {
  return folder_of(tenant) + id;
}

std::string seconds_text(Clock::time_point time) {
  return std::to_string(
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

Clock::time_point time_in(const std::string& text) {
  std::int64_t seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return Clock::time_point(std::chrono::seconds(seconds));
}

/// Metadata is printable ASCII: the rest is escaped as in a URL.
std::string escaped(std::string_view name) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string text;
  for (const char c : name.substr(0, kMostNameBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c > ' ' && c < '\x7f' && c != '%') {
      text += c;
    } else {
      text += {'%', kHex[byte >> 4U], kHex[byte & 0xFU]};
    }
  }
  return text;
}

std::string unescaped(std::string_view text) {
  std::string name;
  for (std::size_t i = 0; i < text.size(); ++i) {
    unsigned byte = 0;
    if (text[i] == '%' && i + 2 < text.size() &&
        std::from_chars(text.data() + i + 1, text.data() + i + 3, byte, 16).ec == std::errc()) {
      name += static_cast<char>(byte);
      i += 2;
    } else {
      name += text[i];
    }
  }
  return name;
}

storage::PutOptions options_of(const ShelfFile& file) {
  storage::PutOptions options;
  options.content_type = "application/octet-stream";
  options.metadata["filename"] = escaped(file.filename);
  options.metadata["purpose"] = file.purpose;
  options.metadata["created"] = seconds_text(file.created_at);
  if (file.expires_at) options.metadata["expires"] = seconds_text(*file.expires_at);
  return options;
}

ShelfFile file_of(std::string id, const storage::ObjectInfo& info) {
  const auto text = [&info](const char* name) {
    const auto found = info.metadata.find(name);
    return found == info.metadata.end() ? std::string() : found->second;
  };
  ShelfFile file;
  file.id = std::move(id);
  file.filename = unescaped(text("filename"));
  file.purpose = text("purpose");
  file.bytes = info.size_bytes;
  file.created_at = text("created").empty() ? info.modified_at : time_in(text("created"));
  const auto expires = text("expires");
  file.expires_at = expires.empty() ? file.created_at + FileShelf::kLongestLife : time_in(expires);
  return file;
}

Error no_such_file(const std::string& id) {
  return Error(Errc::not_found, "No such File object: " + id.substr(0, 64));
}

bool has_expired(const ShelfFile& file) {
  return file.expires_at && *file.expires_at <= Clock::now();
}

}  // namespace

bool is_file_id(std::string_view id) {
  return id.size() == kPrefix.size() + kDigits && id.starts_with(kPrefix) &&
         id.find_first_not_of("0123456789abcdef", kPrefix.size()) == std::string_view::npos;
}

std::string file_id_of(const Uuid& batch, std::uint8_t which) {
  Uuid id = batch;
  id.bytes.back() = static_cast<std::uint8_t>(id.bytes.back() ^ which);
  return std::string(kPrefix) + hex_of(id);
}

std::string hex_of(const Uuid& id) {
  std::string digits = id.to_string();
  std::erase(digits, '-');
  return digits;
}

std::string tenant_segment(const std::string& tenant) {
  constexpr std::string_view kPlain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
  if (tenant.empty()) return "-";
  const bool is_plain = tenant.front() != '.' && tenant != "-" && !tenant.starts_with("h-") &&
                        tenant.find_first_not_of(kPlain) == std::string::npos;
  return is_plain ? tenant : "h-" + to_hex(sha256(tenant)).substr(0, kDigits);
}

awaitable<Result<ShelfFile>> FileShelf::put(std::string tenant, ShelfFile file,
                                            std::string content) {
  auto known = co_await ids(tenant);
  if (!known) co_return known.error();
  if (known->size() >= kMostFiles) {
    co_return Error(Errc::invalid_argument, "there are 1000 files already; delete some");
  }
  file.id = std::string(kPrefix) + hex_of(Uuid::make_v7());
  file.bytes = content.size();
  if (!file.expires_at) file.expires_at = file.created_at + kLongestLife;
  auto options = options_of(file);
  auto stored =
      co_await objects_->put(key_of(tenant, file.id), std::move(content), std::move(options));
  if (!stored) co_return stored.error();
  co_return std::move(file);
}

awaitable<Result<ShelfFile>> FileShelf::write(std::string tenant, ShelfFile file,
                                              storage::PieceSource source) {
  if (!file.expires_at) file.expires_at = file.created_at + kLongestLife;
  storage::UploadOptions options;
  options.put = options_of(file);
  auto stored =
      co_await objects_->upload(key_of(tenant, file.id), std::move(source), std::move(options));
  if (!stored) co_return stored.error();
  file.bytes = stored->size_bytes;
  co_return std::move(file);
}

awaitable<Result<ShelfFile>> FileShelf::look(std::string tenant, std::string id) {
  if (!is_file_id(id)) co_return no_such_file(id);
  auto info = co_await objects_->head(key_of(tenant, id));
  if (!info && info.error().code() == Errc::not_found) co_return no_such_file(id);
  if (!info) co_return info.error();
  auto file = file_of(id, *info);
  if (has_expired(file)) co_return no_such_file(id);
  co_return std::move(file);
}

awaitable<Result<std::string>> FileShelf::read(std::string tenant, std::string id) {
  auto file = co_await look(tenant, id);
  if (!file) co_return file.error();
  co_return co_await objects_->get(key_of(tenant, id));
}

awaitable<Result<std::unique_ptr<storage::ObjectReader>>> FileShelf::open(std::string tenant,
                                                                          std::string id) {
  auto file = co_await look(tenant, id);
  if (!file) co_return file.error();
  co_return co_await objects_->open(key_of(tenant, id));
}

awaitable<Result<void>> FileShelf::remove(std::string tenant, std::string id) {
  auto file = co_await look(tenant, id);
  if (!file) co_return file.error();
  co_return co_await objects_->remove(key_of(tenant, id));
}

awaitable<Result<std::size_t>> FileShelf::remove_expired() {
  std::size_t removed = 0;
  for (const char* folder : {kFiles, kBatches}) {
    auto removing = remove_expired_below(folder, folder == kFiles);
    const auto some = co_await std::move(removing);
    if (!some) co_return some.error();
    removed += *some;
  }
  co_return removed;
}

awaitable<Result<std::size_t>> FileShelf::remove_expired_below(std::string folder, bool are_files) {
  storage::Listing listing(objects_, folder);
  const auto now = Clock::now();
  std::size_t removed = 0;
  while (true) {
    const auto entry = co_await listing.next();
    if (!entry) co_return entry.error();
    if (!*entry) co_return removed;
    bool is_over = (*entry)->modified_at + kLongestLife <= now;
    if (!is_over && are_files && (*entry)->modified_at + kShortestLife <= now) {
      const auto info = co_await objects_->head((*entry)->key);
      is_over = info && has_expired(file_of((*entry)->key, *info));
    }
    if (!is_over) continue;
    const auto gone = co_await objects_->remove((*entry)->key);
    if (!gone) co_return gone.error();
    ++removed;
  }
}

awaitable<Result<std::vector<std::string>>> FileShelf::ids(std::string tenant) {
  storage::ListOptions options;
  options.prefix = folder_of(tenant);
  std::vector<std::string> found;
  // Output files come beside those that are uploaded.
  while (found.size() < 10 * kMostFiles) {
    storage::ListOptions wanted = options;
    auto page = co_await objects_->list(std::move(wanted));
    if (!page) co_return page.error();
    for (auto& entry : page->entries) {
      std::string id = entry.key.substr(options.prefix.size());
      if (is_file_id(id)) found.push_back(std::move(id));
    }
    options.cursor = page->next_cursor;
    if (options.cursor.empty()) break;
  }
  co_return found;
}

awaitable<Result<std::vector<ShelfFile>>> FileShelf::list(std::string tenant, std::string purpose,
                                                          std::string after, std::size_t limit,
                                                          bool newest_first) {
  auto found = co_await ids(tenant);
  if (!found) co_return found.error();
  if (newest_first) std::reverse(found->begin(), found->end());
  std::vector<ShelfFile> files;
  auto begin = found->begin();
  if (!after.empty()) {
    begin = std::find(found->begin(), found->end(), after);
    if (begin == found->end()) co_return no_such_file(after);
    ++begin;
  }
  for (auto id = begin; id != found->end() && files.size() <= limit; ++id) {
    auto file = co_await look(tenant, *id);
    if (!file && file.error().code() == Errc::not_found) {
      // What has expired is removed by whoever comes by.
      (void)co_await objects_->remove(key_of(tenant, *id));
      continue;
    }
    if (!file) co_return file.error();
    if (purpose.empty() || file->purpose == purpose) files.push_back(std::move(*file));
  }
  co_return files;
}

}  // namespace rwp::pods
