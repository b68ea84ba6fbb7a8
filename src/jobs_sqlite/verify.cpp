#include "jobs_sqlite/verify.hpp"

#include "jobs_sqlite/rows.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

namespace rwp::jobs_sqlite {
namespace {

namespace finding = jobs::finding;

using Stage = void (*)(VerifyStep&);
constexpr std::array<Stage, 10> kStages = {
    &verify_structure, &verify_jobs,        &verify_ready,  &verify_running, &verify_waiting,
    &verify_ended,     &verify_unique_keys, &verify_ledger, &verify_counts,  &verify_usage};
/// What each costs of the whole, roughly, in hundredths.
constexpr std::array<int, kStages.size()> kCosts = {20, 45, 4, 2, 2, 12, 2, 5, 6, 2};

struct Place {
  std::size_t stage = 0;
  std::string position{};
};

std::optional<Place> parse_cursor(const std::string& cursor) {
  Place place;
  if (cursor.empty()) return place;
  const auto colon = cursor.find(':');
  if (colon == std::string::npos) return std::nullopt;
  const auto read = std::from_chars(cursor.data(), cursor.data() + colon, place.stage);
  if (read.ec != std::errc() || read.ptr != cursor.data() + colon) return std::nullopt;
  if (place.stage >= kStages.size()) return std::nullopt;
  place.position = cursor.substr(colon + 1);
  constexpr std::string_view kCharacters = "0123456789abcdef.-";
  if (place.position.find_first_not_of(kCharacters) != std::string::npos) return std::nullopt;
  return place;
}

/// A damaged page, or a table that is gone, ends the stage that met it and no other.
bool is_damage(const Error& error) {
  return error.code() == Errc::corrupt || error.code() == Errc::internal;
}

}  // namespace

Result<jobs::VerifyPage> verify(Transaction& transaction, const HolderJudge& judge,
                                const std::string& cursor, std::size_t limit) {
  auto place = parse_cursor(cursor);
  if (!place) return Error(Errc::invalid_argument, "\"cursor\" is none that verify() gave");
  jobs::VerifyPage page;
  VerifyStep step{.transaction = transaction,
                  .judge = judge,
                  .position = std::move(place->position),
                  .limit = limit,
                  .page = page};
  try {
    kStages.at(place->stage)(step);
  } catch (const net_sqlite::Failure& failure) {
    if (!is_damage(failure.error())) return failure.error();
    step.next.clear();
    step.share = 1;
    step.found(finding::store_corrupt, Uuid(), failure.error().message());
  }
  double done = 0;
  for (std::size_t i = 0; i < place->stage; ++i) done += kCosts.at(i);
  done += std::clamp(step.share, 0.0, 1.0) * kCosts.at(place->stage);
  page.share = std::min(done / 100, 1.0);
  if (!step.next.empty()) {
    page.next_cursor = std::to_string(place->stage) + ":" + step.next;
  } else if (place->stage + 1 < kStages.size()) {
    page.next_cursor = std::to_string(place->stage + 1) + ":";
  }
  return page;
}

void verify_structure(VerifyStep& step) {
  // Literals: a statement is known by its address. The two large tables come alone.
  constexpr std::array kChecks = {
      "PRAGMA integrity_check(job)",         "PRAGMA integrity_check(ended)",
      "PRAGMA integrity_check(ready)",       "PRAGMA integrity_check(running)",
      "PRAGMA integrity_check(waiting)",     "PRAGMA integrity_check(unique_key)",
      "PRAGMA integrity_check(ledger)",      "PRAGMA integrity_check(lane)",
      "PRAGMA integrity_check(lane_count)",  "PRAGMA integrity_check(queue)",
      "PRAGMA integrity_check(meta)",        "PRAGMA integrity_check(holder)",
      "PRAGMA integrity_check(usage)",       "PRAGMA integrity_check(account)",
      "PRAGMA integrity_check(reservation)",
  };
  std::size_t at = 0;
  std::from_chars(step.position.data(), step.position.data() + step.position.size(), at);
  at = std::min(at, kChecks.size() - 1);
  if (at + 1 < kChecks.size()) step.next = std::to_string(at + 1);
  step.share = static_cast<double>(at + 1) / static_cast<double>(kChecks.size());
  auto query = step.transaction.database.query(kChecks.at(at));
  while (query.step()) {
    ++step.page.rows;
    if (query.text(0) != "ok") {
      step.found(finding::store_corrupt, Uuid(), std::string(query.text(0)));
    }
  }
}

namespace {

using LaneState = std::pair<std::int64_t, std::int64_t>;
using Counts = std::map<LaneState, std::int64_t>;

void add_counts(VerifyStep& step, const char* sql, Counts& counts) {
  auto query = step.transaction.database.query(sql);
  while (query.step()) counts[{query.integer(0), query.integer(1)}] += query.integer(2);
}

std::string name_of_state(std::int64_t state) {
  if (state < 0 || state >= static_cast<std::int64_t>(jobs::kJobStateCount)) {
    return "in the unknown state " + std::to_string(state);
  }
  return std::string(enum_name(static_cast<JobState>(state)));
}

std::string name_of_lane(VerifyStep& step, std::int64_t id) {
  step.transaction.lanes.refresh(step.transaction.database);
  const auto& lanes = step.transaction.lanes.all();
  const auto found = lanes.find(id);
  if (found == lanes.end()) return "lane " + std::to_string(id) + ", which is gone";
  return "queue '" + found->second.queue + "', kind '" + found->second.kind + "'";
}

void verify_sequence(VerifyStep& step) {
  auto query = step.transaction.database.query(
      "SELECT (SELECT jobs FROM lane_count WHERE lane = 0 AND state = 0),"
      " max(coalesce((SELECT max(seq) FROM job), 0), coalesce((SELECT max(seq) FROM ended), 0))");
  if (!query.step()) return;
  if (query.is_null(0)) {
    step.found(finding::sequence_behind, Uuid(), "the next job's number is gone; submits fail");
  } else if (query.integer(0) <= query.integer(1)) {
    step.found(finding::sequence_behind, Uuid(),
               "the next job would get the number " + std::to_string(query.integer(0)) + ", and " +
                   std::to_string(query.integer(1)) + " is taken; submits fail");
  }
}

}  // namespace

void verify_counts(VerifyStep& step) {
  Counts there;
  add_counts(step, "SELECT lane, 1, count(*) FROM ready GROUP BY lane", there);
  add_counts(step, "SELECT lane, 2, count(*) FROM running GROUP BY lane", there);
  add_counts(step, "SELECT lane, state, count(*) FROM waiting GROUP BY lane, state", there);
  add_counts(step,
             "SELECT job.lane, ended.state, count(*) FROM ended JOIN job USING (seq)"
             " GROUP BY job.lane, ended.state",
             there);
  Counts told;
  add_counts(step, "SELECT lane, state, jobs FROM lane_count WHERE lane > 0", told);
  for (const auto& [place, count] : there) told.try_emplace(place, 0);
  for (const auto& [place, count] : told) {
    ++step.page.rows;
    const auto found = there.find(place);
    const std::int64_t real = found == there.end() ? 0 : found->second;
    if (real == count) continue;
    step.found(finding::counts_differ, Uuid(),
               name_of_lane(step, place.first) + ": " + std::to_string(count) + " are counted as " +
                   name_of_state(place.second) + ", there are " + std::to_string(real));
  }
  verify_sequence(step);
}

void verify_usage(VerifyStep& step) {
  {
    auto query = step.transaction.database.query(
        "SELECT reservation.account, sum(reservation.amount), account.settled"
        " FROM reservation LEFT JOIN account ON account.name = reservation.account"
        " WHERE reservation.state = 1 GROUP BY reservation.account");
    while (query.step()) {
      ++step.page.rows;
      if (!query.is_null(2) && query.integer(2) >= query.integer(1)) continue;
      step.found(finding::usage_differs, Uuid(),
                 "account '" + std::string(query.text(0)) + "' holds " +
                     std::to_string(query.integer(2)) + " µ$, and " +
                     std::to_string(query.integer(1)) + " were settled on it");
    }
  }
  auto query = step.transaction.database.query(
      "SELECT count(*) FROM usage WHERE input_tokens < 0 OR output_tokens < 0 OR micro_usd < 0"
      " OR calls < 1 OR saved_micro_usd < 0 OR source NOT BETWEEN 0 AND 3");
  if (query.step() && query.integer(0) > 0) {
    step.found(finding::usage_differs, Uuid(),
               std::to_string(query.integer(0)) + " calls with negative tokens or cost");
  }
}

}  // namespace rwp::jobs_sqlite
