#pragma once

#include "jobs_tiered/parts.hpp"
#include <rwp/jobs/job_store.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <vector>

/// What is recorded, with what Redis knows of it: which of the jobs that are handed out run, and
/// which are ready. While Redis is away they are told as running.
namespace rwp::jobs_tiered {

boost::asio::awaitable<jobs::PerItem<jobs::Job>> get(std::shared_ptr<Parts> parts,
                                                     std::vector<Uuid> ids);
boost::asio::awaitable<Result<jobs::JobPage>> list(std::shared_ptr<Parts> parts,
                                                   jobs::JobFilter filter, std::string cursor,
                                                   std::size_t limit);
boost::asio::awaitable<Result<std::vector<jobs::QueueCounts>>> counts(std::shared_ptr<Parts> parts,
                                                                      std::string tenant);
/// Puts jobs that wait in Redis right: told as ready, those that run with the time of their start.
boost::asio::awaitable<Result<void>> split_running(std::shared_ptr<Parts> parts,
                                                   std::vector<jobs::Job*> jobs);

}  // namespace rwp::jobs_tiered
