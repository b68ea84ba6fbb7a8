#include "jobs_tiered/verify.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace rwp::jobs_tiered {
namespace {

using boost::asio::awaitable;
using jobs::DispatchRecord;
using jobs::VerifyPage;
using Where = TicketPlace::Where;
namespace finding = jobs::finding;

/// Cursors of what is looked at after the record: "redis:" and the dispatch's own, then
/// "redis:r" and the last id.
constexpr std::string_view kPrefix = "redis:";
constexpr double kRecordsShare = 0.8;
constexpr double kTicketsShare = 0.85;
constexpr double kLeasesShare = 0.9;
/// Longer than a ticket is on its way, and than a script and a statement that belong together.
constexpr std::chrono::seconds kBetweenLooks{1};

void found(VerifyPage& page, std::string_view kind, const Uuid& id, std::string detail) {
  page.findings.push_back({.kind = std::string(kind), .job_id = id, .detail = std::move(detail)});
}

bool is_ticket_of(const DispatchRecord& record, std::uint64_t token) {
  return record.is_dispatched && record.token == token;
}

template <class T>
std::vector<Uuid> ids_of(const std::vector<T>& items) {
  std::vector<Uuid> ids;
  ids.reserve(items.size());
  for (const T& item : items) ids.push_back(item.id);
  return ids;
}

/// Tickets that the record does not know as its jobs', and that no claim would check.
awaitable<Result<void>> judge_tickets(std::shared_ptr<Parts> parts,
                                      std::vector<AuditedTicket> tickets, std::int64_t watermark,
                                      VerifyPage* page) {
  std::erase_if(tickets,
                [watermark](const AuditedTicket& ticket) { return ticket.stamp <= watermark; });
  for (int looks = 0; looks < 2 && !tickets.empty(); ++looks) {
    if (looks > 0 && !co_await sleep_for(kBetweenLooks)) {
      co_return Error(Errc::cancelled, "the verification was cancelled");
    }
    // Redis first: what the record says of a ticket that is there is of then, or later.
    const auto places = co_await parts->dispatch->look(ids_of(tickets));
    if (!places) co_return places.error();
    const auto records = co_await parts->record->dispatch_records(ids_of(tickets));
    if (!records) co_return records.error();
    std::vector<AuditedTicket> strange;
    for (std::size_t i = 0; i < tickets.size(); ++i) {
      const TicketPlace& place = (*places)[i];
      if (place.where != Where::queued || place.token != tickets[i].token) continue;
      if (!is_ticket_of((*records)[i], tickets[i].token)) strange.push_back(tickets[i]);
    }
    tickets = std::move(strange);
  }
  for (const AuditedTicket& ticket : tickets) {
    found(*page, finding::ticket_stale, ticket.id,
          "Redis would hand it out under a token that is not the job's");
  }
  co_return Result<void>();
}

awaitable<Result<void>> look_at_redis(std::shared_ptr<Parts> parts, std::string cursor,
                                      std::size_t limit, VerifyPage* page) {
  const bool first = cursor.empty();
  auto audit = co_await parts->dispatch->audit(std::move(cursor), limit);
  if (!audit) co_return audit.error();
  page->rows += audit->found.size();
  if (first && audit->tickets != audit->tickets_in_windows) {
    found(*page, finding::dispatch_damaged, Uuid(),
          "Redis knows " + std::to_string(audit->tickets) + " tickets by id, and " +
              std::to_string(audit->tickets_in_windows) + " stand in the windows");
  }
  std::vector<AuditedTicket> tickets;
  for (const AuditedTicket& each : audit->found) {
    const bool queued = each.where == Where::queued;
    if (!each.is_whole) {
      found(*page, queued ? finding::dispatch_damaged : finding::lease_endless, each.id,
            queued ? "no claim finds its ticket in Redis" : "its lease in Redis has no end");
    } else if (queued) {
      tickets.push_back(each);
    }
  }
  page->next_cursor = std::string(kPrefix) + "r";
  if (!audit->next_cursor.empty()) page->next_cursor = std::string(kPrefix) + audit->next_cursor;
  page->share = audit->next_cursor.starts_with('q') ? kTicketsShare : kLeasesShare;
  co_return co_await judge_tickets(parts, std::move(tickets), audit->watermark, page);
}

/// What is recorded as handed out, and Redis does not have.
awaitable<Result<void>> look_for_missing(std::shared_ptr<Parts> parts, Uuid after,
                                         std::size_t limit, VerifyPage* page) {
  auto records = co_await parts->record->dispatched_after(after, limit);
  if (!records) co_return records.error();
  page->rows += records->size();
  page->share = 1;
  if (records->size() == limit) {
    page->next_cursor = std::string(kPrefix) + "r" + records->back().id.to_string();
    page->share = (1 + kLeasesShare) / 2;
  }
  for (int looks = 0; looks < 2 && !records->empty(); ++looks) {
    if (looks > 0) {
      if (!co_await sleep_for(kBetweenLooks)) {
        co_return Error(Errc::cancelled, "the verification was cancelled");
      }
      auto again = co_await parts->record->dispatch_records(ids_of(*records));
      if (!again) co_return again.error();
      std::vector<DispatchRecord> same;
      for (std::size_t i = 0; i < again->size(); ++i) {
        if (is_ticket_of((*again)[i], (*records)[i].token)) same.push_back((*records)[i]);
      }
      *records = std::move(same);
      if (records->empty()) break;
    }
    const auto places = co_await parts->dispatch->look(ids_of(*records));
    if (!places) co_return places.error();
    std::vector<DispatchRecord> missing;
    for (std::size_t i = 0; i < places->size(); ++i) {
      const TicketPlace& place = (*places)[i];
      if (place.where == Where::absent || place.token < (*records)[i].token) {
        missing.push_back((*records)[i]);
      }
    }
    *records = std::move(missing);
  }
  page->jobs_to_hand_out += records->size();
  co_return Result<void>();
}

}  // namespace

awaitable<Result<VerifyPage>> verify(std::shared_ptr<Parts> parts, std::string cursor,
                                     std::size_t limit) {
  const auto role = co_await current_role(parts);
  if (!role) co_return role.error();
  if (!cursor.starts_with(kPrefix)) {
    auto page = co_await parts->record->verify(std::move(cursor), limit);
    if (!page || role->mode == jobs::DispatchMode::record) co_return page;
    page->share *= kRecordsShare;
    if (page->next_cursor.empty()) page->next_cursor = kPrefix;
    co_return page;
  }
  cursor.erase(0, kPrefix.size());
  VerifyPage page;
  page.share = 1;
  // Switched meanwhile: Redis is dropped when it is opened again.
  if (role->mode == jobs::DispatchMode::record) co_return page;
  Result<void> looked;
  if (cursor.starts_with('r')) {
    const auto after = Uuid::parse(std::string_view(cursor).substr(1));
    if (cursor.size() > 1 && !after) {
      co_return Error(Errc::invalid_argument, "\"cursor\" is none that verify() gave");
    }
    const Uuid begin = after ? *after : Uuid();
    looked = co_await look_for_missing(parts, begin, limit, &page);
  } else {
    looked = co_await look_at_redis(parts, std::move(cursor), limit, &page);
  }
  if (!looked) co_return looked.error().with_context("looking at Redis");
  co_return page;
}

awaitable<Result<void>> hands_out(std::shared_ptr<Parts> parts) {
  const auto role = co_await current_role(parts);
  if (!role) co_return role.error();
  if (role->mode == jobs::DispatchMode::record || parts->dispatch->is_open()) {
    co_return Result<void>();
  }
  co_return parts->dispatch->why_closed();
}

}  // namespace rwp::jobs_tiered
