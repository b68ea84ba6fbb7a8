#include "conformance/sink_conformance.hpp"
#include "support/fake_ga4.hpp"
#include "support/read_events.hpp"
#include "support/temporary_directory.hpp"
#include <rwp/analytics/batching_sink.hpp>
#include <rwp/analytics_ga4/ga4_sink.hpp>
#include <rwp/analytics_jsonl/jsonl_sink.hpp>

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

std::string name_of(const ::testing::TestParamInfo<SinkBackend>& info) { return info.param.name; }

INSTANTIATE_TEST_SUITE_P(Backends, SinkConformance,
                         ::testing::Values(SinkBackend{"jsonl", &make_jsonl},
                                           SinkBackend{"ga4", &make_ga4},
                                           SinkBackend{"batching", &make_batching}),
                         &name_of);

}  // namespace
}  // namespace rwp::tests
