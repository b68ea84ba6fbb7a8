#pragma once

#include "jobs_postgres/session.hpp"
#include <rwp/core/error.hpp>
#include <rwp/jobs/verification.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Whether what the database keeps holds together; each statement within one snapshot.
namespace rwp::jobs_postgres {

boost::asio::awaitable<Result<jobs::VerifyPage>> verify(std::shared_ptr<Session> session,
                                                        std::string cursor, std::size_t limit);

/// One page of one stage: from where to begin, what was found, where to go on.
struct VerifyStep {
  /// Runs one statement on the page's connection.
  std::function<boost::asio::awaitable<Result<Rows>>(Command)> ask{};
  std::shared_ptr<Session> session{};
  /// The last row that was looked at, in hexadecimal digits, and '.' between numbers; empty: from
  /// the start of the stage.
  std::string position{};
  std::int64_t limit = 0;
  jobs::VerifyPage page{};
  /// The next page of this stage begins after this; empty: the stage has been walked through.
  std::string next{};

  void found(std::string_view kind, const Uuid& job_id, std::string detail) {
    page.findings.push_back(
        {.kind = std::string(kind), .job_id = job_id, .detail = std::move(detail)});
  }
};

/// Lower case, two digits a byte; and back, as far as they are digits.
std::string hex_of(std::string_view bytes);
std::string from_hex(std::string_view digits);
/// The position is an id.
Uuid id_of_position(const std::string& position);
std::string position_of(const Uuid& id);

// The stages, in their order. `step` outlives them.
boost::asio::awaitable<Result<void>> verify_jobs(VerifyStep* step);
boost::asio::awaitable<Result<void>> verify_ready(VerifyStep* step);
boost::asio::awaitable<Result<void>> verify_running(VerifyStep* step);
boost::asio::awaitable<Result<void>> verify_waiting(VerifyStep* step);
boost::asio::awaitable<Result<void>> verify_ended(VerifyStep* step);
boost::asio::awaitable<Result<void>> verify_unique_keys(VerifyStep* step);
boost::asio::awaitable<Result<void>> verify_ledger(VerifyStep* step);
boost::asio::awaitable<Result<void>> verify_counts(VerifyStep* step);
boost::asio::awaitable<Result<void>> verify_usage(VerifyStep* step);

}  // namespace rwp::jobs_postgres
