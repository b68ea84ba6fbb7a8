#pragma once

#include "jobs_tiered/parts.hpp"
#include <rwp/jobs/job_store.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <memory>
#include <string>

namespace rwp::jobs_tiered {

/// The record's pages, then what Redis holds against the record, and back. What differs is looked
/// at twice, since both move on meanwhile. `unavailable`: Redis cannot be looked at.
boost::asio::awaitable<Result<jobs::VerifyPage>> verify(std::shared_ptr<Parts> parts,
                                                        std::string cursor, std::size_t limit);

/// `unavailable`: jobs are to be handed out by Redis, and are not.
boost::asio::awaitable<Result<void>> hands_out(std::shared_ptr<Parts> parts);

}  // namespace rwp::jobs_tiered
