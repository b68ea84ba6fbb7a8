#pragma once

#include <rwp/storage/object_store.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

namespace rwp::storage {

/// All entries of a listing, one after the other; pages are asked for as they are needed.
///
///     Listing listing(store, "reports/");
///     while (true) {
///       const auto entry = co_await listing.next();
///       if (!entry) co_return entry.error();
///       if (!*entry) break;
///       …
///     }
///
/// Threads and lifetime: as the store, which it shares; one call at a time.
class Listing {
 public:
  /// `page_limit`: entries that are asked for at once, 1 to `kMaxListLimit`.
  Listing(std::shared_ptr<ObjectStore> store, std::string prefix,
          std::size_t page_limit = kMaxListLimit);

  /// The next entry; none: that was the last. After an error the next call asks for the page again.
  boost::asio::awaitable<Result<std::optional<ListEntry>>> next();

 private:
  std::shared_ptr<ObjectStore> store_;
  ListOptions options_;
  ListPage page_;
  std::size_t at_ = 0;
  bool last_page_ = false;
};

}  // namespace rwp::storage
