#include "pods/ctl/jobs_desk.hpp"
#include "pods/job_json.hpp"
#include "pods/queue_json.hpp"
#include "pods/steer_names.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/describe.hpp>

#include <utility>

namespace rwp::pods::ctl {
namespace {

class StoreDesk final : public JobsDesk {
 public:
  explicit StoreDesk(std::shared_ptr<jobs::JobStore> store) : store_(std::move(store)) {}

  jobs::PerItem<jobs::Inserted> submit(std::vector<jobs::NewJob> jobs) override {
    return ask(store_->insert(std::move(jobs)));
  }

  Result<JsonText> show(const Uuid& id) override {
    auto found = ask(store_->get({id}));
    if (!found) return found.error();
    auto& job = found->front();
    if (!job) return job.error();
    return as_json(*job);
  }

  Result<DeskPage> list(const jobs::JobFilter& filter, const std::string& cursor,
                        std::size_t limit) override {
    auto found = ask(store_->list(filter, cursor, limit));
    if (!found) return found.error();
    DeskPage page;
    for (const auto& job : found->jobs) page.jobs.push_back(as_json(job));
    page.next_cursor = std::move(found->next_cursor);
    return page;
  }

  Result<std::string> cancel(const Uuid& id) override {
    auto answers = ask(store_->cancel({id}));
    if (!answers) return answers.error();
    const auto& answer = answers->front();
    if (!answer) return answer.error();
    return std::string(outcome_name(*answer));
  }

  Result<std::size_t> cancel_where(const jobs::JobFilter& filter) override {
    return ask(store_->cancel_where(filter));
  }

  Result<std::string> retry(const Uuid& id) override {
    auto answers = ask(store_->retry({id}));
    if (!answers) return answers.error();
    const auto& answer = answers->front();
    if (!answer) return answer.error();
    return std::string(enum_name(*answer));
  }

  Result<std::size_t> retry_where(const jobs::JobFilter& filter) override {
    return ask(store_->retry_where(filter));
  }

  jobs::PerItem<Standing> wait(const std::vector<Uuid>& ids, SteadyTime deadline) override {
    auto answers = ask(store_->wait_for_end(ids, deadline));
    if (!answers) return answers.error();
    std::vector<Result<Standing>> standings;
    standings.reserve(answers->size());
    for (const auto& job : *answers) {
      if (job) {
        standings.emplace_back(Standing{.state = job->state, .end_reason = job->end_reason});
      } else {
        standings.emplace_back(job.error());
      }
    }
    return standings;
  }

  Result<std::vector<JsonText>> queues() override {
    auto counts = ask(store_->counts());
    if (!counts) return counts.error();
    std::vector<JsonText> queues;
    const auto now = store_->now();
    for (const auto& queue : *counts) {
      JsonWriter out;
      write_queue(out, queue, now);
      queues.push_back(out.finish());
    }
    return queues;
  }

  Result<void> set_paused(const std::string& queue, bool paused) override {
    return ask(paused ? store_->pause(queue) : store_->resume(queue));
  }

  // Each answer holds the whole job.
  std::size_t ids_per_wait() const override { return 100; }
  std::size_t bytes_per_submit() const override { return std::size_t{8} << 20U; }
  bool sees_tenants() const override { return true; }

 private:
  template <class T>
  Result<T> ask(jobs::Awaitable<Result<T>> operation) {
    return block_on(store_->runtime(), std::move(operation));
  }

  static JsonText as_json(const jobs::Job& job) {
    JsonWriter out;
    write_job(out, job, Viewer::operators);
    return out.finish();
  }

  const std::shared_ptr<jobs::JobStore> store_;
};

}  // namespace

std::unique_ptr<JobsDesk> make_store_desk(std::shared_ptr<jobs::JobStore> store) {
  return std::make_unique<StoreDesk>(std::move(store));
}

}  // namespace rwp::pods::ctl
