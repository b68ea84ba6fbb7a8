#include <rwp/core/runtime.hpp>
#include <rwp/core/scheme_registry.hpp>
#include <rwp/jobs/client.hpp>
#include <rwp/jobs/worker.hpp>
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>

namespace {

struct Sum {
  std::int64_t value = 0;

  static constexpr auto describe() { return std::tuple{rwp::field("value", &Sum::value)}; }
};

struct Add {
  std::int64_t left = 0;
  std::int64_t right = 0;

  static constexpr std::string_view job_kind = "math.add";
  static constexpr auto describe() {
    return std::tuple{rwp::field("left", &Add::left), rwp::field("right", &Add::right)};
  }
};

rwp::jobs::Awaitable<rwp::Result<Sum>> add(Add arguments, rwp::jobs::JobContext& /*context*/) {
  co_return Sum{arguments.left + arguments.right};
}

int fail(const rwp::Error& error) {
  std::fprintf(stderr, "jobs_consumer: %s\n", error.to_string().c_str());
  return 1;
}

}  // namespace

/// Submits a job to the store with the URL in the first argument and runs it in this process.
int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: jobs_consumer STORE_URL\n");
    return 2;
  }
  rwp::SchemeRegistry schemes;
  rwp::jobs_sqlite::register_sqlite(schemes);
  rwp::Runtime control;
  rwp::Runtime handlers;
  auto store = schemes.open<rwp::jobs::JobStore>(argv[1], control);
  if (!store) return fail(store.error());

  rwp::jobs::Worker worker(*store, handlers);
  worker.handle<Add>(&add);
  worker.start();

  rwp::Client client(*store);
  const auto inserted = client.submit(Add{.left = 20, .right = 22});
  if (!inserted) return fail(inserted.error());
  const auto sum = client.result<Sum>(inserted->id, std::chrono::seconds(10));
  if (!sum) return fail(sum.error());
  worker.stop();
  const auto stopped = worker.wait_stopped();
  if (!stopped) return fail(stopped.error());
  std::printf("20 + 22 = %lld\n", static_cast<long long>(sum->value));
  return sum->value == 42 ? 0 : 1;
}
