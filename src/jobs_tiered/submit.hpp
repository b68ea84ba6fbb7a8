#pragma once

#include "jobs_tiered/parts.hpp"
#include <rwp/jobs/checked_job.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <vector>

namespace rwp::jobs_tiered {

/// Into the record, as handed out where there is room; when that is committed, to Redis. Answered
/// then, whatever became of the latter.
boost::asio::awaitable<jobs::PerItem<jobs::Inserted>> submit(std::shared_ptr<Parts> parts,
                                                             std::vector<jobs::CheckedJob> jobs);

}  // namespace rwp::jobs_tiered
