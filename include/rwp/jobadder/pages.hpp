#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/jobadder/client.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

namespace rwp::jobadder {

struct PageOptions {
  /// Member that tells a record from others: "candidateId".
  std::string id_member{};
  /// Records a page, 2 to 1,000.
  std::size_t limit = 500;
  /// So many of the page before are asked for again, less than half of `limit`.
  std::size_t overlap = 20;
  /// Of each page.
  std::chrono::milliseconds timeout{120'000};
};

/// A list of the API, page after page; the next one is asked for when it is needed.
///
///     Pages pages(client, "/candidates", query, {.id_member = "candidateId"});
///     while (true) {
///       const auto records = co_await pages.next();
///       if (!records) co_return records.error();
///       if (records->empty()) break;
///       …
///     }
///
/// Offsets mean nothing once records come and go between two pages. So each page asks again for the
/// end of the one before. When its first record has been seen, nothing was skipped; when it has
/// not, records before it have gone, and the list is looked at further back until it joins.
/// What was seen is not answered again, unless it was updated since. A record that is there, at its
/// place in the order, from the first page to the last is so answered, and no version twice. Sort
/// by what does not change (`createdAt`, ids); a record that moves backward is not seen.
///
/// Threads and lifetime: as the client, which it shares; one call at a time.
class Pages {
 public:
  Pages(std::shared_ptr<Client> client, std::string path, Query query, PageOptions options);

  /// Records that are new, as JobAdder sent them; none: that was the end. After an error the same
  /// page is asked for again.
  boost::asio::awaitable<Result<std::vector<JsonText>>> next();

  /// As the latest page said.
  std::int64_t total_count() const noexcept { return total_count_; }
  /// JobAdder's clock when the first page was answered; unset: it did not say.
  std::optional<std::chrono::system_clock::time_point> began_at() const noexcept {
    return began_at_;
  }
  /// Times that records had gone in front, so that a page was asked for further back.
  std::size_t steps_back() const noexcept { return steps_back_; }

 private:
  bool remember(std::uint64_t identity);
  Result<std::vector<JsonText>> take(JsonText page, std::size_t offset, bool* joined);

  std::shared_ptr<Client> client_;
  std::string path_;
  Query query_;
  PageOptions options_;
  std::int64_t total_count_ = 0;
  std::optional<std::chrono::system_clock::time_point> began_at_;
  std::size_t reached_ = 0;
  std::size_t back_ = 0;
  std::size_t steps_back_ = 0;
  std::size_t pages_ = 0;
  bool ended_ = false;
  std::unordered_set<std::uint64_t> seen_;
  std::deque<std::uint64_t> order_;
};

}  // namespace rwp::jobadder
