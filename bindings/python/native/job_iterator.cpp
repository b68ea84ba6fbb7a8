#include "job_iterator.hpp"

#include "errors.hpp"

#include <utility>

namespace rwp::python {
namespace {

constexpr std::size_t kPage = 100;

}  // namespace

jobs::Job JobIterator::next() {
  while (page_.empty()) {
    if (last_page_) throw py::stop_iteration();
    const std::size_t number = pages_read_;
    auto page = value_or_raise(client_->call(
        [this](jobs::JobStore& store) { return store.list(filter_, cursor_, kPage); }));
    if (pages_read_ != number) continue;  // Another thread has read this page meanwhile.
    ++pages_read_;
    for (jobs::Job& job : page.jobs) page_.push_back(std::move(job));
    last_page_ = page.next_cursor.empty();
    cursor_ = std::move(page.next_cursor);
  }
  jobs::Job job = std::move(page_.front());
  page_.pop_front();
  return job;
}

void bind_job_iterator(py::module_& module) {
  py::class_<JobIterator>(module, "JobIterator", "The jobs of a Client.list().")
      .def("__iter__", [](JobIterator& self) -> JobIterator& { return self; })
      .def("__next__", &JobIterator::next);
}

}  // namespace rwp::python
