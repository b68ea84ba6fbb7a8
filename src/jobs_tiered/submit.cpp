#include "jobs_tiered/submit.hpp"

#include "jobs_tiered/refill.hpp"
#include "jobs_tiered/ticket_body.hpp"

#include <map>
#include <utility>

namespace rwp::jobs_tiered {
namespace {

using boost::asio::awaitable;

/// Its first ticket; what only the record knows is filled in later.
Ticket first_ticket(const jobs::CheckedJob& checked) {
  const jobs::NewJob& job = checked.job;
  jobs::ClaimedJob claimed;
  claimed.max_attempts = job.max_attempts;
  claimed.timeout = job.timeout;
  claimed.tenant = job.tenant;
  claimed.traceparent = job.traceparent;
  claimed.payload = job.payload;
  claimed.payload_blob = checked.payload_blob;
  Ticket ticket;
  ticket.id = job.id;
  ticket.token = 1;
  ticket.priority = job.priority;
  ticket.body = write_body(claimed);
  return ticket;
}

}  // namespace

awaitable<jobs::PerItem<jobs::Inserted>> submit(std::shared_ptr<Parts> parts,
                                                std::vector<jobs::CheckedJob> jobs) {
  std::vector<jobs::RecordInsert> items;
  std::vector<Ticket> tickets;
  std::map<LanePriority, std::size_t> wanted;
  items.reserve(jobs.size());
  tickets.reserve(jobs.size());
  for (jobs::CheckedJob& checked : jobs) {
    const jobs::NewJob& job = checked.job;
    const LaneId lane = parts->record->known_lane(job);
    std::size_t& before = wanted[{lane, job.priority}];
    const bool is_due = !job.run_at && job.delay.count() == 0;
    jobs::RecordInsert item;
    item.dispatch = is_due && has_room(*parts, lane, job.priority, before);
    if (item.dispatch) ++before;
    tickets.push_back(item.dispatch ? first_ticket(checked) : Ticket());
    item.job = std::move(checked);
    items.push_back(std::move(item));
  }
  auto recorded = co_await parts->record->record(std::move(items));
  if (!recorded) co_return recorded.error();
  std::vector<Result<jobs::Inserted>> answers;
  std::vector<Ticket> given;
  answers.reserve(recorded->size());
  for (std::size_t i = 0; i < recorded->size(); ++i) {
    const auto& answer = (*recorded)[i];
    if (!answer) {
      answers.emplace_back(answer.error());
      continue;
    }
    answers.emplace_back(answer->inserted);
    if (!answer->dispatched) continue;
    Ticket& ticket = tickets[i];
    ticket.lane = answer->lane;
    ticket.seq = answer->seq;
    ticket.stamp = answer->stamp;
    set_created_at(ticket.body, answer->created_at);
    given.push_back(std::move(ticket));
  }
  (void)co_await give_out(parts, std::move(given));
  co_return answers;
}

}  // namespace rwp::jobs_tiered
