#include "jobs_sqlite/usage.hpp"

#include <rwp/core/async.hpp>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace rwp::jobs_sqlite {
namespace {

using boost::asio::awaitable;
using Mode = ConnectionQueue::Mode;

std::int64_t settled_on(Transaction& transaction, const std::string& account) {
  auto query = transaction.database.query("SELECT settled FROM account WHERE name = ?");
  query.bind(1, account);
  return query.step() ? query.integer(0) : 0;
}

std::int64_t reserved_on(Transaction& transaction, const std::string& account) {
  auto query = transaction.database.query(
      "SELECT coalesce(sum(amount), 0) FROM reservation INDEXED BY reservation_account"
      " WHERE account = ? AND state = 0 AND lapses_at > ?");
  query.bind(1, account).bind(2, to_ms(transaction.now));
  return query.step() ? query.integer(0) : 0;
}

enum class Standing : std::uint8_t { absent, held, settled };

Standing standing_of(Transaction& transaction, const Uuid& id) {
  auto query = transaction.database.query("SELECT state FROM reservation WHERE id = ?");
  query.bind_blob(1, id.bytes.data(), id.bytes.size());
  if (!query.step()) return Standing::absent;
  return query.integer(0) == 0 ? Standing::held : Standing::settled;
}

Result<void> reserve_in(Transaction& transaction, const UsageReservation& wanted) {
  if (standing_of(transaction, wanted.id) != Standing::absent) return {};
  const std::int64_t spent =
      settled_on(transaction, wanted.account) + reserved_on(transaction, wanted.account);
  if (wanted.amount.micro_usd > wanted.limit.micro_usd - spent) {
    return Error(Errc::budget_exceeded, "the budget of \"" + wanted.account + "\" is spent");
  }
  auto added = transaction.database.query("INSERT INTO reservation VALUES (?, ?, ?, 0, ?)");
  added.bind_blob(1, wanted.id.bytes.data(), wanted.id.bytes.size())
      .bind(2, wanted.account)
      .bind(3, wanted.amount.micro_usd)
      .bind(4, to_ms(transaction.now + wanted.lapses_after))
      .run();
  return {};
}

void settle_in(Transaction& transaction, const Uuid& id, const std::string& account, Money spent) {
  if (standing_of(transaction, id) == Standing::settled) return;
  {
    // Kept as settled, so that settling twice books once.
    auto written = transaction.database.query(
        "INSERT INTO reservation VALUES (?, ?, ?, 1, ?)"
        " ON CONFLICT DO UPDATE SET amount = excluded.amount, state = 1");
    written.bind_blob(1, id.bytes.data(), id.bytes.size())
        .bind(2, account)
        .bind(3, spent.micro_usd)
        .bind(4, to_ms(transaction.now))
        .run();
  }
  auto booked = transaction.database.query(
      "INSERT INTO account VALUES (?, ?) ON CONFLICT DO UPDATE SET settled = settled +"
      " excluded.settled");
  booked.bind(1, account).bind(2, spent.micro_usd).run();
}

Error too_many_groups(std::size_t most) {
  return {Errc::invalid_argument,
          "usage has more than " + std::to_string(most) +
              " groups of tenant, kind, model and source; narrow the filter"};
}

void record_in(Transaction& transaction, const std::vector<UsageEntry>& entries) {
  for (const UsageEntry& entry : entries) {
    const TimePoint at = entry.at == TimePoint() ? transaction.now : entry.at;
    auto added = transaction.database.query(
        "INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
    added.bind_blob(1, entry.id.bytes.data(), entry.id.bytes.size())
        .bind(2, entry.tenant)
        .bind(3, entry.kind)
        .bind(4, entry.model)
        .bind(5, entry.input_tokens)
        .bind(6, entry.output_tokens)
        .bind(7, entry.cost.micro_usd)
        .bind(8, to_ms(at))
        .bind(9, static_cast<std::int64_t>(entry.source))
        .bind(10, entry.calls)
        .bind(11, entry.saved.micro_usd)
        .run();
  }
}

#define RWP_SQLITE_USAGE_SUMS                                                                 \
  "coalesce(sum(calls), 0), coalesce(sum(input_tokens), 0), coalesce(sum(output_tokens), 0)," \
  " coalesce(sum(micro_usd), 0), coalesce(sum(saved_micro_usd), 0)"
#define RWP_SQLITE_USAGE_FILTER                                                           \
  " FROM usage WHERE (?1 = '' OR tenant = ?1) AND (?2 = '' OR kind = ?2) AND (?3 = '' OR" \
  " model = ?3) AND at >= ?4 AND at < ?5"

void bind_filter(net_sqlite::Query& query, const UsageFilter& filter) {
  query.bind(1, filter.tenant)
      .bind(2, filter.kind)
      .bind(3, filter.model)
      .bind(4, to_ms(filter.from))
      .bind(5, to_ms(filter.to));
}

UsageSum sums_of(net_sqlite::Query& query, int first) {
  return UsageSum{.calls = query.integer(first),
                  .input_tokens = query.integer(first + 1),
                  .output_tokens = query.integer(first + 2),
                  .cost = Money{query.integer(first + 3)},
                  .saved = Money{query.integer(first + 4)}};
}

UsageSum sum_in(Transaction& transaction, const UsageFilter& filter) {
  auto query = transaction.database.query("SELECT " RWP_SQLITE_USAGE_SUMS RWP_SQLITE_USAGE_FILTER
                                          " AND source < 2");
  bind_filter(query, filter);
  query.step();
  return sums_of(query, 0);
}

Result<std::vector<UsageGroup>> groups_in(Transaction& transaction, const UsageFilter& filter,
                                          std::size_t most) {
  auto query = transaction.database.query(
      "SELECT tenant, kind, model, source, " RWP_SQLITE_USAGE_SUMS RWP_SQLITE_USAGE_FILTER
      " GROUP BY tenant, kind, model, source ORDER BY tenant, kind, model, source LIMIT ?6");
  bind_filter(query, filter);
  query.bind(6, static_cast<std::int64_t>(most) + 1);
  std::vector<UsageGroup> groups;
  while (query.step()) {
    if (groups.size() == most) return too_many_groups(most);
    groups.push_back({.tenant = std::string(query.text(0)),
                      .kind = std::string(query.text(1)),
                      .model = std::string(query.text(2)),
                      .source = static_cast<UsageSource>(query.integer(3)),
                      .sum = sums_of(query, 4)});
  }
  return groups;
}

/// Removes reservations that were settled or have lapsed long ago.
void sweep(Transaction& transaction) {
  auto removed = transaction.database.query(
      "DELETE FROM reservation WHERE id IN (SELECT id FROM reservation WHERE lapses_at < ? LIMIT "
      "100)");
  removed.bind(1, to_ms(transaction.now - std::chrono::hours(24 * 7))).run();
}

class SqliteUsageLedger final : public UsageLedger {
 public:
  SqliteUsageLedger(std::shared_ptr<ConnectionQueue> writer,
                    std::shared_ptr<ConnectionQueue> reader)
      : writer_(std::move(writer)), reader_(std::move(reader)) {}

  awaitable<Result<void>> reserve(UsageReservation reservation) override {
    if (reservation.id.is_nil() || reservation.account.empty() ||
        reservation.amount.micro_usd < 0) {
      co_return Error(Errc::invalid_argument,
                      "a reservation needs an id, an account and an amount of 0 or more");
    }
    std::function<Result<void>(Transaction&)> work =
        [reservation = std::move(reservation)](Transaction& transaction) {
          return reserve_in(transaction, reservation);
        };
    co_return co_await writer_->run(Mode::durable, std::move(work));
  }

  awaitable<Result<void>> settle(Uuid reservation, std::string account, Money spent) override {
    std::function<bool(Transaction&)> work = [reservation, account = std::move(account),
                                              spent](Transaction& transaction) {
      settle_in(transaction, reservation, account, spent);
      return true;
    };
    auto done = co_await writer_->run(Mode::durable, std::move(work));
    co_return done ? Result<void>() : Result<void>(done.error());
  }

  awaitable<Result<Money>> balance(std::string account) override {
    std::function<Money(Transaction&)> work = [account =
                                                   std::move(account)](Transaction& transaction) {
      return Money{settled_on(transaction, account) + reserved_on(transaction, account)};
    };
    return reader_->run(Mode::read, std::move(work));
  }

  awaitable<Result<void>> record(std::vector<UsageEntry> entries) override {
    std::function<bool(Transaction&)> work = [entries =
                                                  std::move(entries)](Transaction& transaction) {
      record_in(transaction, entries);
      sweep(transaction);
      return true;
    };
    auto done = co_await writer_->run(Mode::durable, std::move(work));
    co_return done ? Result<void>() : Result<void>(done.error());
  }

  awaitable<Result<UsageSum>> sum(UsageFilter filter) override {
    std::function<UsageSum(Transaction&)> work = [filter =
                                                      std::move(filter)](Transaction& transaction) {
      return sum_in(transaction, filter);
    };
    return reader_->run(Mode::read, std::move(work));
  }

  awaitable<Result<std::vector<UsageGroup>>> groups(UsageFilter filter, std::size_t most) override {
    std::function<Result<std::vector<UsageGroup>>(Transaction&)> work =
        [filter = std::move(filter), most](Transaction& transaction) {
          return groups_in(transaction, filter, most);
        };
    return reader_->run(Mode::read, std::move(work));
  }

 private:
  const std::shared_ptr<ConnectionQueue> writer_;
  const std::shared_ptr<ConnectionQueue> reader_;
};

}  // namespace

std::unique_ptr<UsageLedger> make_usage_ledger(std::shared_ptr<ConnectionQueue> writer,
                                               std::shared_ptr<ConnectionQueue> reader) {
  return std::make_unique<SqliteUsageLedger>(std::move(writer), std::move(reader));
}

}  // namespace rwp::jobs_sqlite
