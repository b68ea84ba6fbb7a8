#pragma once

#include "jobs_postgres/store_parts.hpp"

#include <boost/asio/awaitable.hpp>

#include <array>
#include <cstddef>
#include <memory>

namespace rwp::jobs_postgres {

/// The tables that every job goes through.
constexpr std::array<const char*, 5> kHotTables = {"ready", "running", "waiting", "tally", "ended"};

/// Told after each claim: begins a vacuum when the queue has run dry after many of them.
void vacuum_when_dry(Parts& parts, std::size_t claimed, std::size_t asked);

/// What is due now and then: folds the counts, writes bloated tables anew, measures how they are.
boost::asio::awaitable<void> keep_up(std::shared_ptr<Parts> parts);

}  // namespace rwp::jobs_postgres
