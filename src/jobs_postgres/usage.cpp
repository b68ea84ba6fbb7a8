#include "jobs_postgres/usage.hpp"

#include <rwp/jobs/stored_text.hpp>

#include <algorithm>
#include <utility>
#include <vector>

namespace rwp::jobs_postgres {
namespace {

using boost::asio::awaitable;
using Of = Array::Of;

constexpr Statement kReserve{
    .name = "rwp_reserve",
    .sql =
        "SELECT rwp.reserve($1::bigint, $2::uuid, $3::text, $4::bigint, $5::bigint, $6::bigint)"};
constexpr Statement kSettle{.name = "rwp_settle",
                            .sql = "SELECT rwp.settle($1::bigint, $2::uuid, $3::text, $4::bigint)"};
constexpr Statement kBalance{
    .name = "rwp_balance",
    .sql =
        "SELECT coalesce((SELECT settled FROM rwp.account WHERE name = $2::text), 0)"
        " + coalesce((SELECT sum(amount)::bigint FROM rwp.reservation WHERE account = $2::text"
        " AND NOT is_settled AND lapses_at > " RWP_PG_NOW "), 0)"};
constexpr Statement kRecord{
    .name = "rwp_record",
    .sql =
        "INSERT INTO rwp.usage (id, tenant, kind, model, input_tokens, output_tokens, micro_usd,"
        " at, source, calls, saved_micro_usd)"
        " SELECT g.id, g.tenant, g.kind, g.model, g.input_tokens,"
        " g.output_tokens, g.micro_usd, coalesce(g.at, " RWP_PG_NOW
        "), g.source, g.calls, g.saved"
        " FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::bigint[],"
        " $7::bigint[], $8::bigint[], $9::bigint[], $10::smallint[], $11::bigint[], $12::bigint[])"
        " AS g(id, tenant, kind, model, input_tokens, output_tokens, micro_usd, at, source, calls,"
        " saved)"
        " ON CONFLICT (id) DO NOTHING"};
// Those that were settled, or have lapsed, long ago.
constexpr Statement kSweep{
    .name = "rwp_sweep_reservations",
    .sql =
        "DELETE FROM rwp.reservation WHERE id = ANY (ARRAY(SELECT id FROM rwp.reservation"
        " WHERE lapses_at < " RWP_PG_NOW
        " - 604800000 ORDER BY lapses_at LIMIT 100"
        " FOR UPDATE SKIP LOCKED))"};
#define RWP_PG_USAGE_SUMS                                                          \
  "coalesce(sum(calls), 0)::bigint, coalesce(sum(input_tokens), 0)::bigint,"       \
  " coalesce(sum(output_tokens), 0)::bigint, coalesce(sum(micro_usd), 0)::bigint," \
  " coalesce(sum(saved_micro_usd), 0)::bigint"
#define RWP_PG_USAGE_FILTER                                                               \
  " FROM rwp.usage WHERE ($1::text IS NULL OR tenant = $1::text)"                         \
  " AND ($2::text IS NULL OR kind = $2::text) AND ($3::text IS NULL OR model = $3::text)" \
  " AND at >= $4::bigint AND at < $5::bigint"
constexpr Statement kSum{.name = "rwp_sum_usage",
                         .sql = "SELECT " RWP_PG_USAGE_SUMS RWP_PG_USAGE_FILTER " AND source < 2"};
constexpr Statement kGroups{
    .name = "rwp_group_usage",
    .sql = "SELECT tenant, kind, model, source::bigint, " RWP_PG_USAGE_SUMS RWP_PG_USAGE_FILTER
           " GROUP BY tenant, kind, model, source"
           " ORDER BY tenant COLLATE \"C\", kind COLLATE \"C\", model COLLATE \"C\", source"
           " LIMIT $6::bigint"};

Parameters& add_filter(Parameters& parameters, const UsageFilter& filter) {
  return parameters.text_or_null(filter.tenant)
      .text_or_null(filter.kind)
      .text_or_null(filter.model)
      .big_integer(jobs::to_ms(filter.from))
      .big_integer(jobs::to_ms(filter.to));
}

UsageSum sums_of(const Rows& rows, std::size_t row, int first) {
  return UsageSum{.calls = rows.integer(row, first),
                  .input_tokens = rows.integer(row, first + 1),
                  .output_tokens = rows.integer(row, first + 2),
                  .cost = Money{rows.integer(row, first + 3)},
                  .saved = Money{rows.integer(row, first + 4)}};
}

class PostgresUsageLedger final : public UsageLedger {
 public:
  explicit PostgresUsageLedger(std::shared_ptr<Session> session) : session_(std::move(session)) {}

  awaitable<Result<void>> reserve(UsageReservation reservation) override {
    if (reservation.id.is_nil() || reservation.account.empty() ||
        reservation.amount.micro_usd < 0) {
      co_return Error(Errc::invalid_argument,
                      "a reservation needs an id, an account and an amount of 0 or more");
    }
    std::vector<Command> commands(1, command(kReserve));
    commands[0]
        .parameters.big_integer(session_->given_now())
        .uuid(reservation.id)
        .text(reservation.account)
        .big_integer(reservation.amount.micro_usd)
        .big_integer(reservation.limit.micro_usd)
        .big_integer(reservation.lapses_after.count());
    auto rows = co_await session_->run(std::move(commands));
    if (!rows) co_return rows.error();
    if (!(*rows)[0].boolean(0, 0)) {
      co_return Error(Errc::budget_exceeded,
                      "the budget of \"" + reservation.account + "\" is spent");
    }
    co_return Result<void>();
  }

  awaitable<Result<void>> settle(Uuid reservation, std::string account, Money spent) override {
    std::vector<Command> commands(1, command(kSettle));
    commands[0]
        .parameters.big_integer(session_->given_now())
        .uuid(reservation)
        .text(std::move(account))
        .big_integer(spent.micro_usd);
    auto rows = co_await session_->run(std::move(commands));
    if (!rows) co_return rows.error();
    co_return Result<void>();
  }

  awaitable<Result<Money>> balance(std::string account) override {
    std::vector<Command> commands(1, command(kBalance));
    commands[0].parameters.big_integer(session_->given_now()).text(std::move(account));
    auto rows = co_await session_->run(std::move(commands));
    if (!rows) co_return rows.error();
    co_return Money{(*rows)[0].integer(0, 0)};
  }

  awaitable<Result<void>> record(std::vector<UsageEntry> entries) override {
    if (entries.empty()) co_return Result<void>();
    Array ids(Of::uuids);
    Array tenants(Of::texts);
    Array kinds(Of::texts);
    Array models(Of::texts);
    Array input(Of::big_integers);
    Array output(Of::big_integers);
    Array cost(Of::big_integers);
    Array at(Of::big_integers);
    Array sources(Of::small_integers);
    Array calls(Of::big_integers);
    Array saved(Of::big_integers);
    for (const UsageEntry& entry : entries) {
      ids.add(entry.id);
      tenants.add(std::string_view(entry.tenant));
      kinds.add(std::string_view(entry.kind));
      models.add(std::string_view(entry.model));
      input.add(entry.input_tokens);
      output.add(entry.output_tokens);
      cost.add(entry.cost.micro_usd);
      at.add_or_null(jobs::to_ms(entry.at));
      sources.add(static_cast<int>(entry.source));
      calls.add(entry.calls);
      saved.add(entry.saved.micro_usd);
    }
    std::vector<Command> commands;
    commands.push_back(command(kRecord));
    Parameters& parameters = commands.back().parameters;
    parameters.big_integer(session_->given_now());
    for (Array* column :
         {&ids, &tenants, &kinds, &models, &input, &output, &cost, &at, &sources, &calls, &saved}) {
      parameters.array(std::move(*column));
    }
    commands.push_back(command(kSweep));
    commands.back().parameters.big_integer(session_->given_now());
    auto rows = co_await session_->run(std::move(commands));
    if (!rows) co_return rows.error();
    co_return Result<void>();
  }

  awaitable<Result<UsageSum>> sum(UsageFilter filter) override {
    std::vector<Command> commands(1, command(kSum));
    add_filter(commands[0].parameters, filter);
    auto rows = co_await session_->run(std::move(commands));
    if (!rows) co_return rows.error();
    co_return sums_of((*rows)[0], 0, 0);
  }

  awaitable<Result<std::vector<UsageGroup>>> groups(UsageFilter filter, std::size_t most) override {
    std::vector<Command> commands(1, command(kGroups));
    add_filter(commands[0].parameters, filter).big_integer(static_cast<std::int64_t>(most) + 1);
    auto rows = co_await session_->run(std::move(commands));
    if (!rows) co_return rows.error();
    const Rows& found = (*rows)[0];
    if (found.size() > most) {
      co_return Error(Errc::invalid_argument,
                      "usage has more than " + std::to_string(most) +
                          " groups of tenant, kind, model and source; narrow the filter");
    }
    std::vector<UsageGroup> groups;
    groups.reserve(found.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      groups.push_back({.tenant = std::string(found.text(i, 0)),
                        .kind = std::string(found.text(i, 1)),
                        .model = std::string(found.text(i, 2)),
                        .source = static_cast<UsageSource>(found.integer(i, 3)),
                        .sum = sums_of(found, i, 4)});
    }
    co_return groups;
  }

 private:
  const std::shared_ptr<Session> session_;
};

}  // namespace

std::unique_ptr<UsageLedger> make_usage_ledger(std::shared_ptr<Session> session) {
  return std::make_unique<PostgresUsageLedger>(std::move(session));
}

}  // namespace rwp::jobs_postgres
