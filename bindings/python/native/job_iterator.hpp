#pragma once

#include "client.hpp"
#include <rwp/jobs/requests.hpp>

#include <deque>
#include <memory>
#include <string>

namespace rwp::python {

/// Client.list(): a page of jobs at a time. Threads: the GIL; two that share one get each job once.
class JobIterator {
 public:
  JobIterator(std::shared_ptr<Client> client, jobs::JobFilter filter)
      : client_(std::move(client)), filter_(std::move(filter)) {}

  /// The next job; StopIteration after the last.
  jobs::Job next();

 private:
  std::shared_ptr<Client> client_;
  jobs::JobFilter filter_;
  std::deque<jobs::Job> page_{};
  std::string cursor_{};
  std::size_t pages_read_ = 0;
  bool last_page_ = false;
};

void bind_job_iterator(py::module_& module);

}  // namespace rwp::python
