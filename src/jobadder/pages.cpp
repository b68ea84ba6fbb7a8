#include <rwp/core/json_view.hpp>
#include <rwp/jobadder/pages.hpp>
#include <rwp/net/retry.hpp>

#include <algorithm>
#include <cassert>
#include <functional>
#include <utility>

namespace rwp::jobadder {
namespace {

using boost::asio::awaitable;

/// What was seen before these is told by the order alone.
constexpr std::size_t kMostRemembered = 500'000;
/// A list without an end is a defect on the other side.
constexpr std::size_t kMostPages = 1'000'000;

}  // namespace

Pages::Pages(std::shared_ptr<Client> client, std::string path, Query query, PageOptions options)
    : client_(std::move(client)),
      path_(std::move(path)),
      query_(std::move(query)),
      options_(std::move(options)) {
  assert(options_.limit >= 2 && options_.limit <= 1'000 && options_.overlap < options_.limit / 2);
  back_ = options_.overlap;
}

bool Pages::remember(std::uint64_t identity) {
  if (!seen_.insert(identity).second) return false;
  order_.push_back(identity);
  if (order_.size() > kMostRemembered) {
    seen_.erase(order_.front());
    order_.pop_front();
  }
  return true;
}

/// The new records of a page; `joined`: that it touches what was seen, so that it may be taken.
Result<std::vector<JsonText>> Pages::take(JsonText page, std::size_t offset, bool* joined) {
  const Error corrupt(Errc::corrupt, "GET " + path_ + ": the answer is no page of records");
  const JsonDocument document(page);
  const auto items = document.root().find("items");
  const auto total = document.root().find("totalCount");
  if (total) total_count_ = total->as_int64().value_or(0);
  const bool has_items = items && items->kind() == JsonKind::array;
  if (items && !has_items && !items->is_null()) return corrupt;
  const std::size_t count = has_items ? items->size() : 0;
  std::vector<JsonText> fresh;
  std::vector<std::uint64_t> identities;
  for (std::size_t i = 0; i < count; ++i) {
    const JsonView item = items->at(i);
    const auto id = item.find(options_.id_member);
    if (!id) return corrupt;
    std::string identity = id->text().release();
    if (const auto updated = item.find("updatedAt")) identity += "@" + updated->text().str();
    identities.push_back(std::hash<std::string>()(identity));
  }
  *joined = offset == 0 || (count > 0 && seen_.contains(identities.front()));
  if (!*joined) return fresh;
  for (std::size_t i = 0; i < count; ++i) {
    if (remember(identities[i])) fresh.push_back(items->at(i).text());
  }
  const auto links = document.root().find("links");
  const auto next = links ? links->find("next") : std::nullopt;
  const bool more = links && links->kind() == JsonKind::object
                        ? next && next->kind() == JsonKind::string
                        : count >= options_.limit;
  reached_ = offset + count;
  ended_ = !more || count == 0;
  // A server may give less than it is asked for, but enough to come forward and to overlap.
  if (!ended_ && count < 2) return corrupt;
  back_ = std::min(options_.overlap, std::max(count / 2, std::size_t{1}));
  return fresh;
}

awaitable<Result<std::vector<JsonText>>> Pages::next() {
  while (!ended_) {
    if (++pages_ > kMostPages) co_return Error(Errc::corrupt, "GET " + path_ + ": has no end");
    const std::size_t offset = reached_ - std::min(back_, reached_);
    Call call;
    call.path = path_;
    call.query = query_;
    call.query.emplace_back("limit", std::to_string(options_.limit));
    if (offset > 0) call.query.emplace_back("offset", std::to_string(offset));
    call.deadline = std::chrono::steady_clock::now() + options_.timeout;
    auto response = co_await client_->send(std::move(call));
    if (!response) co_return response.error();
    if (!began_at_) {
      const auto date = response->headers.find("Date");
      if (date) began_at_ = net::parse_http_date(std::string(*date));
    }
    auto page = JsonText::parse(std::move(response->body));
    if (!page) co_return Error(Errc::corrupt, "GET " + path_ + ": the answer is not JSON");
    bool joined = false;
    auto fresh = take(std::move(*page), offset, &joined);
    if (!fresh) co_return fresh.error();
    if (!joined) {
      // More has gone in front than the pages overlap: twice as far back each time.
      ++steps_back_;
      back_ = std::max(back_ * 2, options_.limit / 2);
      continue;
    }
    if (!fresh->empty()) co_return std::move(*fresh);
  }
  co_return std::vector<JsonText>();
}

}  // namespace rwp::jobadder
