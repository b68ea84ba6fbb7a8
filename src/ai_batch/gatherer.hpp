#pragma once

#include "ai_batch/batch_state.hpp"
#include <rwp/ai_batch/batch_handlers.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/uuid.hpp>
#include <rwp/jobs/job_store.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace rwp::ai_batch {

/// Gathers requests of one model each until there are enough of them, and makes the batch's job.
/// Whoever sees that it is time does it for all who wait. Threads: the handlers runtime's.
class Gatherer {
 public:
  Gatherer(std::shared_ptr<jobs::JobStore> store, BatchOptions options)
      : store_(std::move(store)), options_(std::move(options)) {}

  /// Waits for the batch that the member is in; its id, once its job is durable.
  boost::asio::awaitable<Result<Uuid>> join(Member member, std::string model, std::size_t bytes);

 private:
  struct Group {
    BatchPlan plan{};
    std::size_t bytes = 0;
    SteadyTime due{};
    bool closed = false;
    std::optional<Result<Uuid>> end{};
    Signal changed{};
  };
  boost::asio::awaitable<void> make(std::shared_ptr<Group> group);
  /// Takes the group out of those that others may join.
  void close(const std::shared_ptr<Group>& group);

  const std::shared_ptr<jobs::JobStore> store_;
  const BatchOptions options_;
  std::map<std::string, std::shared_ptr<Group>> open_;
};

}  // namespace rwp::ai_batch
