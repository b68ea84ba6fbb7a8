#include "conformance/sink_conformance.hpp"
#include "support/event_tables.hpp"
#include "support/fake_ga4.hpp"
#include "support/read_events.hpp"
#include "support/temporary_directory.hpp"
#include <rwp/analytics/batching_sink.hpp>
#include <rwp/analytics_ga4/ga4_sink.hpp>
#include <rwp/analytics_jsonl/jsonl_sink.hpp>
#include <rwp/analytics_spool/forwarder.hpp>
#include <rwp/analytics_spool/spool.hpp>
#include <rwp/core/async.hpp>
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>

namespace rwp::tests {
namespace {

SinkBackend::Opened make_jsonl(Runtime& runtime) {
  auto directory = std::make_shared<TemporaryDirectory>();
  const auto path = directory->path() / "events.jsonl";
  analytics::JsonlSinkOptions options{.path = path};
  return {.sink = analytics::open_jsonl_sink(runtime, options).value(),
          .arrived = [directory, path] { return read_events(path); }};
}

SinkBackend::Opened make_ga4(Runtime& runtime) {
  auto google = std::make_shared<FakeGa4>();
  return {.sink = analytics::make_ga4_sink(runtime, google->options()).value(),
          .arrived = [google] { return google->events(); }};
}

SinkBackend::Opened make_batching(Runtime& runtime) {
  auto opened = make_ga4(runtime);
  opened.sink = analytics::make_batching_sink(opened.sink);
  return opened;
}

SinkBackend::Opened make_sqlite(Runtime& runtime) {
  auto table = make_sqlite_table(runtime);
  return {.sink = table.table, .arrived = table.arrived};
}

SinkBackend::Opened make_postgres(Runtime& runtime) {
  auto table = make_postgres_table(runtime);
  return {.sink = table.table, .arrived = table.arrived};
}

/// Through the spool to a table.
SinkBackend::Opened make_spooled(Runtime& runtime) {
  auto table = make_sqlite_table(runtime);
  const auto store =
      jobs_sqlite::open_sqlite_job_store(runtime, jobs_sqlite::SqliteOptions()).value();
  analytics::SpoolOptions keeping;
  keeping.store = store;
  keeping.sinks = {"table"};
  analytics::SpoolForwarderOptions forwarding;
  forwarding.store = store;
  forwarding.sinks.emplace_back();
  forwarding.sinks.back().name = "table";
  forwarding.sinks.back().sink = table.table;
  auto forwarder = std::make_shared<analytics::SpoolForwarder>(std::move(forwarding));
  forwarder->start();
  SinkBackend::Opened opened;
  opened.sink = analytics::make_spooling_sink(std::make_shared<analytics::Spool>(keeping));
  opened.arrived = [&runtime, store, forwarder, in_table = table.arrived] {
    jobs::JobFilter open_parcels;
    open_parcels.kind = "rwp.collect.parcel";
    open_parcels.states = jobs::StateSet::open();
    const auto pause = []() -> boost::asio::awaitable<Result<void>> {
      co_return co_await sleep_for(std::chrono::milliseconds(2));
    };
    const auto until = std::chrono::steady_clock::now() + kGuard;
    while (!run(runtime, store->list(open_parcels, "", 1)).value().jobs.empty()) {
      EXPECT_LT(std::chrono::steady_clock::now(), until) << "the spool does not empty";
      if (std::chrono::steady_clock::now() >= until) break;
      (void)run(runtime, pause());
    }
    return in_table();
  };
  return opened;
}

std::vector<SinkBackend> backends() {
  std::vector<SinkBackend> all;
  all.push_back({"jsonl", &make_jsonl});
  all.push_back({"ga4", &make_ga4});
  all.push_back({"batching", &make_batching});
  all.push_back({"sqlite", &make_sqlite});
  all.push_back({"spooled", &make_spooled});
  if (PostgresServer::is_installed()) all.push_back({"postgres", &make_postgres});
  return all;
}

std::string name_of(const ::testing::TestParamInfo<SinkBackend>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Backends, SinkConformance, ::testing::ValuesIn(backends()), &name_of);

}  // namespace
}  // namespace rwp::tests
