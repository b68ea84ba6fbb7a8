#pragma once

#include "pods/batch_lines.hpp"
#include "pods/batch_record.hpp"
#include "pods/batch_work.hpp"
#include "pods/file_shelf.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>
#include <rwp/jobs/job_context.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>
#include <vector>

namespace rwp::pods {

/// One run of a batch's job: from where it stands to its end. Threads: the handlers runtime's.
/// Lifetime: `work`'s and `context`'s.
class PodBatchRun {
 public:
  PodBatchRun(const BatchWork& work, jobs::JobContext& context);

  boost::asio::awaitable<Result<JsonText>> go();

 private:
  template <class T>
  using Awaitable = boost::asio::awaitable<T>;

  /// Judges the input, and makes a job of each line; the same jobs when it is done again.
  Awaitable<Result<void>> submit_lines();
  Awaitable<Result<void>> submit_some(std::vector<jobs::NewJob> jobs);
  /// Waits for the lines, group by group, and keeps what became of them.
  Awaitable<Result<void>> collect();
  Awaitable<Result<void>> wait_for(std::vector<Uuid> ids, std::vector<jobs::Job>* ended);
  Awaitable<Result<void>> collect_group(std::vector<jobs::Job> ended);
  /// Whether the batch is to end before its lines have: asked for, or its time is over.
  Awaitable<Result<void>> look_for_end();
  Awaitable<Result<void>> cancel_lines();
  Awaitable<Result<void>> write_files();
  Awaitable<Result<void>> clean_up();

  Awaitable<Result<void>> put(std::string name, std::string content);
  void take_usage(const LineEnd& end);
  void save();
  std::vector<Uuid> group_ids(std::int64_t group) const;
  std::int64_t group_size() const;
  std::int64_t groups() const;
  void count_end() const;

  const BatchWork& work_;
  jobs::JobContext& context_;
  const BatchOrder order_;
  const std::string tenant_;
  const std::string folder_;
  FileShelf shelf_;
  BatchRecord record_;
  const SteadyTime begun_ = std::chrono::steady_clock::now();
  std::int64_t groups_at_begin_ = 0;
  std::vector<Uuid> ids_;
};

}  // namespace rwp::pods
