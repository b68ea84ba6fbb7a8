#pragma once

#include <rwp/ai/batch_api.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>
#include <vector>

namespace rwp::ai_batch {

/// The member of a batch's metadata that names our job.
inline constexpr const char* kIdName = "rwp_batch";

/// The provider's batches, and files, that carry our id; the oldest first. Looks at the latest
/// 2,000.
boost::asio::awaitable<Result<std::vector<ai::Batch>>> find_batches(
    std::shared_ptr<ai::BatchApi> api, std::string id, SteadyTime deadline);
boost::asio::awaitable<Result<std::vector<ai::ProviderFile>>> find_files(
    std::shared_ptr<ai::BatchApi> api, std::string filename, SteadyTime deadline);

}  // namespace rwp::ai_batch
