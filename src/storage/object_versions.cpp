#include <rwp/storage/object_versions.hpp>

#include <utility>

namespace rwp::storage {

boost::asio::awaitable<Result<ListPage>> list_with_removed(std::shared_ptr<ObjectStore> store,
                                                           ListOptions options) {
  auto* versions = dynamic_cast<ObjectVersions*>(store.get());
  if (versions == nullptr) {
    auto listing = store->list(std::move(options));
    co_return co_await std::move(listing);
  }
  if (options.limit < 1 || options.limit > kMaxListLimit || options.prefix.size() > kMaxKeyBytes ||
      options.cursor.size() > kMaxKeyBytes) {
    co_return Error(Errc::invalid_argument,
                    "list limit is not from 1 to 1000, or prefix or cursor longer than 512 bytes");
  }
  auto listing = versions->list_versions(std::move(options));
  co_return co_await std::move(listing);
}

boost::asio::awaitable<Result<std::size_t>> purge(std::shared_ptr<ObjectStore> store,
                                                  std::string key) {
  const auto checked = check_key(key);
  if (!checked) co_return checked.error();
  if (auto* versions = dynamic_cast<ObjectVersions*>(store.get())) {
    auto purging = versions->purge(std::move(key));
    co_return co_await std::move(purging);
  }
  const auto found = co_await store->head(key);
  if (!found && found.error().code() == Errc::not_found) co_return std::size_t{0};
  if (!found) co_return found.error();
  const auto removed = co_await store->remove(std::move(key));
  if (!removed) co_return removed.error();
  co_return std::size_t{1};
}

}  // namespace rwp::storage
