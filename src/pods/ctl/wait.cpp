#include "pods/ctl/context.hpp"
#include "pods/ctl/progress.hpp"
#include "pods/ctl/submit_lines.hpp"
#include <rwp/core/describe.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/pods/ctl.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace rwp::pods::ctl {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// 16 bytes each.
constexpr std::size_t kMostIds = 2'000'000;
/// After each the bar is drawn again.
constexpr std::chrono::milliseconds kLook{500};

/// How those that were waited for have ended.
struct Tally {
  std::array<std::size_t, jobs::kJobStateCount> states{};
  std::size_t gone = 0;

  std::size_t ended() const {
    std::size_t count = gone;
    for (std::size_t i = 0; i < states.size(); ++i) {
      if (jobs::has_ended(static_cast<jobs::JobState>(i))) count += states.at(i);
    }
    return count;
  }
  std::size_t of(jobs::JobState state) const { return states.at(static_cast<std::size_t>(state)); }
};

JsonText summary_of(const Tally& tally, std::size_t open) {
  JsonWriter out;
  out.begin_object();
  for (const auto state :
       {jobs::JobState::succeeded, jobs::JobState::failed, jobs::JobState::cancelled}) {
    out.member(enum_name(state), static_cast<std::uint64_t>(tally.of(state)));
  }
  out.member("not_found", static_cast<std::uint64_t>(tally.gone));
  out.member("open", static_cast<std::uint64_t>(open));
  out.end_object();
  return out.finish();
}

/// Collects the ids of all that match, newest first; those that have ended are only counted.
Result<void> collect(JobsDesk& desk, const jobs::JobFilter& filter, std::vector<Uuid>& open,
                     Tally& tally) {
  ProgressBar bar("looking for the jobs");
  std::string cursor;
  std::size_t seen = 0;
  do {
    auto page = desk.list(filter, cursor, 1'000);
    if (!page) return page.error();
    for (const auto& job : page->jobs) {
      const JsonDocument document(job);
      const auto id_text = document.root().find("id");
      const auto state_text = document.root().find("state");
      const auto id = Uuid::parse(id_text ? id_text->as_string().value_or("") : "");
      const auto state =
          enum_value<jobs::JobState>(state_text ? state_text->as_string().value_or("") : "");
      if (!id || !state) return Error(Errc::corrupt, "a job without id or state");
      ++seen;
      if (jobs::has_ended(*state)) {
        ++tally.states.at(static_cast<std::size_t>(*state));
      } else if (open.size() < kMostIds) {
        open.push_back(*id);
      } else {
        return Error(Errc::invalid_argument, "more jobs than one command waits for");
      }
    }
    bar.show(seen, 0);
    cursor = std::move(page->next_cursor);
  } while (!cursor.empty());
  return {};
}

int exit_code(const Tally& tally, std::size_t open) {
  if (open > 0) return kExitTimedOut;
  const bool bad = tally.of(jobs::JobState::failed) + tally.of(jobs::JobState::cancelled) > 0;
  if (bad) return kExitJobsFailed;
  return tally.gone > 0 ? kExitNotFound : kExitSuccess;
}

/// The jobs that have not ended yet, oldest last.
class OpenJobs {
 public:
  OpenJobs(JobsDesk& desk, std::vector<Uuid> ids, Tally& tally)
      : desk_(desk), ids_(std::move(ids)), tally_(tally) {}

  std::size_t count() const { return ids_.size(); }

  /// Waits for the oldest; answers how many of them have ended.
  Result<std::size_t> wait_for_oldest(SteadyTime deadline) {
    const std::size_t from = ids_.size() - std::min(ids_.size(), desk_.ids_per_wait());
    return look(from, ids_.size(), deadline);
  }

  /// Looks at all, since the oldest need not be the first to end.
  Result<void> look_at_all() {
    for (std::size_t to = ids_.size(); to > 0;) {
      const std::size_t from = to - std::min(to, desk_.ids_per_wait());
      const auto ended = look(from, to, Clock::now());
      if (!ended) return ended.error();
      to = from;
    }
    return {};
  }

 private:
  Result<std::size_t> look(std::size_t from, std::size_t to, SteadyTime deadline) {
    const auto begin = ids_.begin() + static_cast<std::ptrdiff_t>(from);
    const auto end = ids_.begin() + static_cast<std::ptrdiff_t>(to);
    const auto standings = desk_.wait(std::vector<Uuid>(begin, end), deadline);
    if (!standings) return standings.error();
    auto kept = begin;
    for (std::size_t i = 0; i < standings->size(); ++i) {
      const auto& standing = (*standings)[i];
      if (!standing) {
        ++tally_.gone;
      } else if (jobs::has_ended(standing->state)) {
        ++tally_.states.at(static_cast<std::size_t>(standing->state));
      } else {
        *kept++ = ids_[from + i];
      }
    }
    const auto ended = static_cast<std::size_t>(end - kept);
    ids_.erase(kept, end);
    return ended;
  }

  JobsDesk& desk_;
  std::vector<Uuid> ids_;
  Tally& tally_;
};

Result<void> wait_until(OpenJobs& open, const Tally& tally, SteadyTime end) {
  constexpr std::chrono::seconds kLeastBetween{2};
  const std::size_t total = open.count() + tally.ended();
  ProgressBar bar("waiting");
  auto next_look = Clock::now() + kLeastBetween;
  while (open.count() > 0) {
    bar.show(tally.ended(), total);
    const auto ended = open.wait_for_oldest(std::min(end, Clock::now() + kLook));
    if (!ended) return ended.error();
    const bool over = Clock::now() >= end;
    if (!over && (*ended > 0 || Clock::now() < next_look)) continue;
    const auto begun = Clock::now();
    if (auto looked = open.look_at_all(); !looked) return looked;
    if (over) break;
    // Looking takes a tenth of the time at most.
    next_look =
        Clock::now() + std::max<Clock::duration>(kLeastBetween, 10 * (Clock::now() - begun));
  }
  return {};
}

int wait_for_open(Context& context, JobsDesk& desk, std::vector<Uuid> ids, Tally tally,
                  std::chrono::milliseconds timeout) {
  const auto end = timeout.count() > 0 ? Clock::now() + timeout : SteadyTime::max();
  OpenJobs open(desk, std::move(ids), tally);
  const auto waited = wait_until(open, tally, end);
  if (!waited) return fail(context, waited.error());
  context.out.object(summary_of(tally, open.count()));
  if (open.count() > 0) {
    tell("time is over; " + std::to_string(open.count()) + " have not ended");
  }
  return exit_code(tally, open.count());
}

}  // namespace

int wait_for(Context& context, JobsDesk& desk, std::vector<Uuid> ids,
             std::chrono::milliseconds timeout) {
  std::reverse(ids.begin(), ids.end());
  return wait_for_open(context, desk, std::move(ids), Tally(), timeout);
}

int wait_for_jobs(Context& context) {
  auto ids = read_ids(context.options.names);
  if (!ids) return fail(context, ids.error());
  const auto& submit = context.options.wait.submit;
  if (ids->empty() == submit.empty()) {
    return refuse("jobs wait: for which? give ids, or --submit with what `jobs submit` printed");
  }
  if (!submit.empty() && !is_submit_name(submit)) {
    return refuse("--submit: must be the 16 digits that `jobs submit` printed");
  }
  const auto timeout = read_duration("--timeout", context.options.wait.timeout);
  if (!timeout) return fail(context, timeout.error());
  const auto patience = read_duration("--patience", context.options.submit.patience);
  if (!patience) return fail(context, patience.error());
  auto desk = open_desk(context, false, *patience);
  if (!desk) return fail(context, desk.error());
  if (!ids->empty()) return wait_for(context, **desk, std::move(*ids), *timeout);
  jobs::JobFilter filter;
  filter.tag = submit_tag(submit);
  Tally tally;
  std::vector<Uuid> open;
  auto collected = collect(**desk, filter, open, tally);
  if (!collected) return fail(context, collected.error());
  if (open.empty() && tally.ended() == 0) {
    tell("no job of that submit is there");
    return kExitNotFound;
  }
  return wait_for_open(context, **desk, std::move(open), tally, *timeout);
}

}  // namespace rwp::pods::ctl
