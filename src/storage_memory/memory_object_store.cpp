#include <rwp/core/scheme_registry.hpp>
#include <rwp/core/sha256.hpp>
#include <rwp/storage_memory/memory_object_store.hpp>

#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <utility>

namespace rwp::storage {
namespace {

/// Gives a content in pieces; what replaces it meanwhile does not touch it.
class MemoryReader final : public ObjectReader {
 public:
  MemoryReader(std::shared_ptr<const std::string> content, ObjectInfo info, std::size_t begin,
               std::size_t end)
      : content_(std::move(content)), info_(std::move(info)), at_(begin), end_(end) {}

  const ObjectInfo& info() const noexcept override { return info_; }
  boost::asio::awaitable<Result<std::string>> read() override {
    constexpr std::size_t kPieceBytes = std::size_t{1} << 20U;
    std::string piece = content_->substr(at_, std::min(kPieceBytes, end_ - at_));
    at_ += piece.size();
    co_return piece;
  }

 private:
  const std::shared_ptr<const std::string> content_;
  const ObjectInfo info_;
  std::size_t at_;
  const std::size_t end_;
};

/// Nothing in it suspends between a look and a write, so each call is one step for the others.
class MemoryObjectStore final : public ObjectStore {
 public:
  explicit MemoryObjectStore(MemoryStorageOptions options) : options_(std::move(options)) {}

 private:
  struct Entry {
    std::shared_ptr<const std::string> content{};
    ObjectInfo info{};
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  static Error absent(const std::string& key) { return Error(Errc::not_found, "no object " + key); }
  Error full() const {
    return Error(Errc::unavailable, "memory: is full (" + std::to_string(options_.max_bytes) +
                                        " bytes); remove objects or raise max_bytes");
  }
  static std::size_t bytes_of(const Entries::value_type& entry) {
    return entry.first.size() + entry.second.content->size();
  }

  boost::asio::awaitable<Result<ObjectInfo>> do_put(std::string key, std::string content,
                                                    PutOptions options) override {
    const auto found = entries_.find(key);
    if (options.only_if_absent && found != entries_.end()) {
      co_return Error(Errc::already_exists, "there is an object " + key);
    }
    if (!options.if_match.empty() &&
        (found == entries_.end() || found->second.info.etag != options.if_match)) {
      co_return Error(Errc::conflict, "object " + key + " is not the version expected");
    }
    const std::size_t freed = found == entries_.end() ? 0 : bytes_of(*found);
    const std::size_t wanted = key.size() + content.size();
    if (wanted > options_.max_bytes || used_bytes_ - freed > options_.max_bytes - wanted) {
      co_return full();
    }
    Entry entry{.content = std::make_shared<const std::string>(std::move(content))};
    entry.info.size_bytes = entry.content->size();
    entry.info.etag = to_hex(sha256(*entry.content));
    entry.info.modified_at = options_.now();
    entry.info.content_type = std::move(options.content_type);
    entry.info.metadata = std::move(options.metadata);
    ObjectInfo info = entry.info;
    entries_.insert_or_assign(std::move(key), std::move(entry));
    used_bytes_ = used_bytes_ - freed + wanted;
    co_return info;
  }

  boost::asio::awaitable<Result<std::string>> do_get(std::string key, ByteRange range) override {
    const auto found = entries_.find(key);
    if (found == entries_.end()) co_return absent(key);
    const std::string& content = *found->second.content;
    if (range.offset > content.size()) {
      co_return Error(Errc::invalid_argument, "range starts behind the end of object " + key);
    }
    constexpr std::uint64_t kAll = std::numeric_limits<std::uint64_t>::max();
    co_return content.substr(static_cast<std::size_t>(range.offset),
                             static_cast<std::size_t>(range.length.value_or(kAll)));
  }

  boost::asio::awaitable<Result<ObjectInfo>> do_upload(std::string key, PieceSource source,
                                                       UploadOptions options) override {
    std::string content;
    while (true) {
      auto asking = source();
      const auto piece = co_await std::move(asking);
      if (!piece) co_return piece.error();
      if (piece->empty()) break;
      if (content.size() + piece->size() > options_.max_bytes) co_return full();
      content += *piece;
    }
    auto putting = do_put(std::move(key), std::move(content), std::move(options.put));
    co_return co_await std::move(putting);
  }

  boost::asio::awaitable<Result<std::unique_ptr<ObjectReader>>> do_open(std::string key,
                                                                        ByteRange range) override {
    const auto found = entries_.find(key);
    if (found == entries_.end()) co_return absent(key);
    const auto& content = found->second.content;
    if (range.offset > content->size()) {
      co_return Error(Errc::invalid_argument, "range starts behind the end of object " + key);
    }
    const std::uint64_t rest = content->size() - range.offset;
    const auto begin = static_cast<std::size_t>(range.offset);
    const auto end = begin + static_cast<std::size_t>(std::min(rest, range.length.value_or(rest)));
    co_return std::unique_ptr<ObjectReader>(
        std::make_unique<MemoryReader>(content, found->second.info, begin, end));
  }

  boost::asio::awaitable<Result<ObjectInfo>> do_head(std::string key) override {
    const auto found = entries_.find(key);
    if (found == entries_.end()) co_return absent(key);
    co_return found->second.info;
  }

  boost::asio::awaitable<Result<ListPage>> do_list(ListOptions options) override {
    ListPage page;
    auto at = options.cursor < options.prefix ? entries_.lower_bound(options.prefix)
                                              : entries_.upper_bound(options.cursor);
    for (; at != entries_.end() && at->first.starts_with(options.prefix); ++at) {
      if (page.entries.size() == options.limit) {
        page.next_cursor = page.entries.back().key;
        break;
      }
      ListEntry entry{.key = at->first,
                      .size_bytes = at->second.info.size_bytes,
                      .modified_at = at->second.info.modified_at};
      page.entries.push_back(std::move(entry));
    }
    co_return page;
  }

  boost::asio::awaitable<Result<void>> do_remove(std::string key) override {
    const auto found = entries_.find(key);
    if (found != entries_.end()) {
      used_bytes_ -= bytes_of(*found);
      entries_.erase(found);
    }
    co_return Result<void>();
  }

  const MemoryStorageOptions options_;
  Entries entries_;
  std::size_t used_bytes_ = 0;
};

}  // namespace

std::shared_ptr<ObjectStore> make_memory_object_store(MemoryStorageOptions options) {
  return std::make_shared<MemoryObjectStore>(std::move(options));
}

void register_memory_storage(SchemeRegistry& registry) {
  registry.add<ObjectStore>(
      "memory", [](const Url& url, Runtime&) -> Result<std::shared_ptr<ObjectStore>> {
        if (!url.rest().empty()) {
          return Error(Errc::invalid_argument, "memory: takes no name: " + url.masked());
        }
        if (auto known = url.allow_query({"max_bytes"}); !known) return known.error();
        MemoryStorageOptions options;
        const auto max_bytes =
            url.integer("max_bytes", static_cast<std::int64_t>(options.max_bytes), 1,
                        std::numeric_limits<std::int64_t>::max());
        if (!max_bytes) return max_bytes.error();
        options.max_bytes = static_cast<std::size_t>(*max_bytes);
        return make_memory_object_store(std::move(options));
      });
}

}  // namespace rwp::storage
