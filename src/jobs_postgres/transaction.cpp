#include "jobs_postgres/submit_answer.hpp"
#include "net/postgres/blocking.hpp"
#include <rwp/jobs/checked_job.hpp>
#include <rwp/jobs/stored_text.hpp>
#include <rwp/jobs_postgres/transaction.hpp>

#include <utility>

namespace rwp::jobs_postgres {
namespace {

using net_postgres::Command;
using net_postgres::Statement;

constexpr Statement kNow{.name = "", .sql = "SELECT rwp.now_ms()"};
constexpr Statement kSubmitOne{
    .name = "",
    .sql =
        "SELECT s.id, s.outcome FROM rwp.submit(NULL::bigint, $1::uuid,"
        " rwp.lane_of($2::text, $3::text, $4::integer), $5::integer::smallint, $6::integer,"
        " $7::bigint, $8::bigint, $9::bigint, $10::text, $11::text, NULL::text, $12::bytea,"
        " $13::text, $14::text, $15::text, $16::integer, $17::bigint) s"};
constexpr Statement kComplete{.name = "",
                              .sql = "SELECT rwp.complete($1::uuid, $2::bigint, $3::text)"};
constexpr Statement kWake{.name = "", .sql = "SELECT rwp.wake()"};

Error no_transaction() {
  return Error(Errc::invalid_argument, "\"connection\" has no open transaction");
}

Result<jobs::Inserted> submit_one(pg_conn* connection, const jobs::CheckedJob& checked,
                                  std::optional<Error>& spoilt) {
  const jobs::NewJob& job = checked.job;
  Command command{.statement = &kSubmitOne};
  const auto digest = checked.payload_digest ? *checked.payload_digest : sha256(job.payload.view());
  command.parameters.uuid(job.id)
      .text(job.queue)
      .text(job.kind)
      .integer(job.version)
      .integer(static_cast<int>(job.priority))
      .integer(job.max_attempts)
      .big_integer(job.run_at ? std::optional<std::int64_t>(jobs::to_ms(*job.run_at))
                              : std::nullopt)
      .big_integer(job.delay.count())
      .big_integer(job.timeout.count())
      .text_or_null(job.tenant)
      .text(job.payload.str())
      .text(std::string(reinterpret_cast<const char*>(digest.data()), digest.size()))
      .text_or_null(jobs::StoredRare::of(job).write())
      .text_or_null(job.idempotency_key)
      .text_or_null(job.unique.key)
      .integer(job.unique.states.bits())
      .big_integer(job.unique.period.count());
  const auto answer = net_postgres::run_on(connection, command);
  if (!answer) {
    spoilt = answer.failure->error;
    return *spoilt;
  }
  return answer_of_submit(answer.rows[0].uuid(0, 0), answer.rows[0].integer(0, 1), false);
}

}  // namespace

Result<std::vector<Result<jobs::Inserted>>> insert_in(pg_conn* connection,
                                                      std::vector<jobs::NewJob> jobs) {
  if (!net_postgres::has_open_transaction(connection)) return no_transaction();
  const auto clock = net_postgres::run_on(connection, Command{.statement = &kNow});
  if (!clock) return clock.failure->error;
  const auto now = jobs::from_ms(clock.rows[0].integer(0, 0));
  std::vector<Result<jobs::Inserted>> answers;
  answers.reserve(jobs.size());
  for (jobs::NewJob& job : jobs) {
    auto checked = jobs::check(std::move(job), now);
    if (checked && checked->job.payload.size() > jobs::kMaxInlinePayloadBytes) {
      checked = Error(Errc::invalid_argument, "\"payload\" is larger than 1 MiB");
    }
    if (!checked) {
      answers.emplace_back(checked.error());
      continue;
    }
    std::optional<Error> spoilt;
    answers.push_back(submit_one(connection, *checked, spoilt));
    if (spoilt) return *spoilt;
  }
  return answers;
}

Result<void> complete_in(pg_conn* connection, jobs::RunRef run, JsonText result) {
  if (!net_postgres::has_open_transaction(connection)) return no_transaction();
  const jobs::RunOutcome outcome = jobs::Succeed{.result = result};
  if (auto ok = jobs::check(outcome); !ok) return ok.error();
  Command command{.statement = &kComplete};
  command.parameters.uuid(run.id)
      .big_integer(static_cast<std::int64_t>(run.token))
      .text(result.str());
  const auto answer = net_postgres::run_on(connection, command);
  if (!answer) return answer.failure->error;
  if (!answer.rows[0].boolean(0, 0)) {
    return Error(Errc::conflict, "the run is stale: the job has been dispatched or ended since");
  }
  return {};
}

Result<void> wake_workers(pg_conn* connection) {
  const auto answer = net_postgres::run_on(connection, Command{.statement = &kWake});
  if (!answer) return answer.failure->error;
  return {};
}

}  // namespace rwp::jobs_postgres
