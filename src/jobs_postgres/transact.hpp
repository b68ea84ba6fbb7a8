#pragma once

#include "jobs_postgres/open_rows.hpp"
#include "jobs_postgres/session.hpp"
#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace rwp::jobs_postgres {

/// The answers to a batch, and what it did to jobs.
template <class T>
struct Done {
  std::vector<Result<T>> answers{};
  Effects effects{};
};

/// Decides what becomes of an item's job, whose row is null when the job is not kept. What is to be
/// written goes into the writer, and into the row for those items that follow.
template <class Item, class T>
using Decide = std::function<Result<T>(const Item& item, StateRow* row, RowWriter& writer,
                                       TimePoint now, bool in_doubt)>;

/// Commits what the writer holds.
inline boost::asio::awaitable<std::optional<Failure>> write_and_commit(Lease* lease,
                                                                       const RowWriter* writer,
                                                                       SteadyTime deadline) {
  auto commands = writer->commands();
  commands.push_back(command(kCommit));
  auto answer = co_await lease->run(std::move(commands), deadline);
  if (answer) co_return std::nullopt;
  if (!answer.failure->lost) {
    co_await roll_back(lease, deadline);
    answer.failure->in_doubt = false;
  }
  co_return std::move(answer.failure);
}

/// One transaction: loads the items' rows, has `decide` judge each, writes what it says.
template <class Item, class T>
boost::asio::awaitable<Tried<Done<T>>> transact(std::shared_ptr<Session> session, Lease* lease,
                                                std::vector<const Item*> items,
                                                Uuid (*id_of)(const Item&), Decide<Item, T> decide,
                                                bool in_doubt, SteadyTime deadline) {
  Tried<Done<T>> tried;
  std::vector<Uuid> ids;
  ids.reserve(items.size());
  for (const Item* item : items) ids.push_back(id_of(*item));
  auto loaded = co_await begin_and_load(lease, std::move(ids), session->given_now(), deadline);
  if (!loaded.made) {
    tried.failure = std::move(loaded.failure);
    co_return tried;
  }
  RowWriter writer(loaded.made->now);
  Done<T> done;
  done.answers.reserve(items.size());
  for (const Item* item : items) {
    const auto found = loaded.made->rows.find(id_of(*item));
    StateRow* const row = found == loaded.made->rows.end() ? nullptr : &found->second;
    done.answers.push_back(decide(*item, row, writer, loaded.made->now, in_doubt));
  }
  tried.failure = co_await write_and_commit(lease, &writer, deadline);
  if (tried.failure) co_return tried;
  done.effects = writer.effects();
  tried.made = std::move(done);
  co_return tried;
}

inline Error no_such_job(const Uuid& id) {
  return Error(Errc::not_found, "no job " + id.to_string());
}

inline Error stale_run() {
  return Error(Errc::conflict, "the run is stale: the job has been dispatched or ended since");
}

}  // namespace rwp::jobs_postgres
