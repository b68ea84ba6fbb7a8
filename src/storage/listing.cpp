#include <rwp/storage/listing.hpp>

#include <utility>

namespace rwp::storage {

Listing::Listing(std::shared_ptr<ObjectStore> store, std::string prefix, std::size_t page_limit)
    : store_(std::move(store)) {
  options_.prefix = std::move(prefix);
  options_.limit = page_limit;
}

boost::asio::awaitable<Result<std::optional<ListEntry>>> Listing::next() {
  // A page may be empty and have others behind it.
  while (at_ == page_.entries.size()) {
    if (last_page_) co_return std::optional<ListEntry>();
    auto asking = store_->list(options_);
    auto page = co_await std::move(asking);
    if (!page) co_return page.error();
    page_ = std::move(*page);
    at_ = 0;
    options_.cursor = page_.next_cursor;
    last_page_ = page_.next_cursor.empty();
  }
  co_return std::optional<ListEntry>(std::move(page_.entries[at_++]));
}

}  // namespace rwp::storage
