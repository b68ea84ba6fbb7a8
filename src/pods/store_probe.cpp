#include "pods/store_probe.hpp"

#include <rwp/core/async.hpp>

#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

jobs::Awaitable<Result<void>> probe(std::shared_ptr<jobs::JobStore> store) {
  std::vector<Uuid> nobody{Uuid()};
  auto operation = store->get(std::move(nobody));
  auto answers = co_await on(store->runtime().executor(), std::move(operation));
  if (!answers) co_return answers.error();
  const auto& answer = answers->front();
  // That there is no such job is an answer.
  if (!answer && answer.error().code() != Errc::not_found) co_return answer.error();
  co_return Result<void>();
}

jobs::Awaitable<Result<void>> probe_dispatch(std::shared_ptr<jobs::JobStore> store) {
  auto operation = store->hands_out();
  co_return co_await on(store->runtime().executor(), std::move(operation));
}

}  // namespace

void add_store_dependencies(std::vector<server::Dependency>& dependencies,
                            const std::shared_ptr<jobs::JobStore>& store, bool runs_jobs) {
  dependencies.push_back(store_dependency(store));
  if (!store->has_dispatch()) return;
  server::Dependency dispatch;
  dispatch.name = "job_dispatch";
  dispatch.probe = [store] { return probe_dispatch(store); };
  dispatch.required = runs_jobs;
  dependencies.push_back(std::move(dispatch));
}

server::Dependency store_dependency(std::shared_ptr<jobs::JobStore> store) {
  server::Dependency dependency;
  dependency.name = "job_store";
  dependency.probe = [store = std::move(store)] { return probe(store); };
  return dependency;
}

}  // namespace rwp::pods
