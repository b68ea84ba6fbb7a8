#include "support/worker_fixture.hpp"

#include <atomic>
#include <map>

namespace rwp {
namespace {

using namespace std::chrono_literals;
using jobs::JobState;

/// Keeps blobs in this process; can be told not to find them.
class MapBlobStore final : public BlobStore {
 public:
  std::atomic<int> failures{0};

  boost::asio::awaitable<Result<void>> put_blob(std::string key, std::string content) override {
    blobs_[key] = std::move(content);
    co_return Result<void>();
  }
  boost::asio::awaitable<Result<std::string>> get_blob(std::string key) override {
    if (failures > 0) {
      --failures;
      co_return Error(Errc::unavailable, "the object store is away");
    }
    co_return blobs_.at(key);
  }
  boost::asio::awaitable<Result<void>> remove_blob(std::string key) override {
    blobs_.erase(key);
    co_return Result<void>();
  }

 private:
  std::map<std::string, std::string> blobs_;
};

class KeptSpans final : public observability::SpanExporter {
 public:
  void export_span(observability::SpanRecord span) noexcept override {
    const std::lock_guard lock(mutex_);
    spans_.push_back(std::move(span));
  }
  std::vector<observability::SpanRecord> spans() const {
    const std::lock_guard lock(mutex_);
    return spans_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<observability::SpanRecord> spans_;
};

class WorkerPayloadTest : public tests::WorkerFixture {
 protected:
  WorkerPayloadTest() {
    jobs_sqlite::SqliteOptions options;
    options.blobs = blobs_;
    store_ = jobs_sqlite::open_sqlite_job_store(control_, std::move(options)).value();
  }

  /// Larger than what fits a row.
  static std::string large() { return '"' + std::string(1'100'000, 'x') + '"'; }

  std::shared_ptr<MapBlobStore> blobs_ = std::make_shared<MapBlobStore>();
};

TEST_F(WorkerPayloadTest, ALargePayloadIsLoadedBeforeTheHandlerBegins) {
  worker().handle("size", [](Context& context) -> Answer {
    co_return JsonText::trusted(std::to_string(context.job().payload.size()));
  });
  worker().start();

  EXPECT_EQ(ended(submit("size", large())).result->str(), "1100002");
}

TEST_F(WorkerPayloadTest, APayloadThatCannotBeLoadedNowIsTriedAgain) {
  blobs_->failures = 1;
  jobs::HandlerOptions quick;
  quick.backoff = {.base = 1ms, .cap = 1ms};
  worker().handle(
      "size", [](Context&) -> Answer { co_return JsonText(); }, quick);
  worker().start();

  const auto job = ended(submit("size", large()));

  EXPECT_EQ(job.state, JobState::succeeded);
  EXPECT_EQ(job.errors.at(0).code, "unavailable");
}

TEST_F(WorkerPayloadTest, EachRunIsASpanOfTheSubmittersTrace) {
  auto spans = std::make_shared<KeptSpans>();
  options_.spans = spans;
  worker().handle("traced", [](Context&) -> Answer { co_return JsonText(); });
  jobs::NewJob job = new_job("traced");
  job.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const auto parent = observability::TraceContext::parse(job.traceparent).value();
  worker().start();
  EXPECT_EQ(ended(submit(std::move(job))).state, JobState::succeeded);
  EXPECT_TRUE(stopped());

  ASSERT_EQ(spans->spans().size(), 2U);
  const auto claim = spans->spans()[0];
  const auto span = spans->spans()[1];
  EXPECT_EQ(claim.name, "claim traced");
  EXPECT_EQ(claim.context.trace_id, parent.trace_id);
  EXPECT_EQ(claim.parent_span_id, parent.span_id);
  EXPECT_LE(claim.start, claim.end);
  EXPECT_EQ(span.name, "job traced");
  EXPECT_EQ(span.context.trace_id, parent.trace_id);
  EXPECT_EQ(span.parent_span_id, claim.context.span_id);
  EXPECT_NE(span.context.span_id, claim.context.span_id);
  EXPECT_FALSE(span.failed);
}

TEST_F(WorkerPayloadTest, RunOfATraceThatIsNotSampledMakesNoSpan) {
  auto spans = std::make_shared<KeptSpans>();
  options_.spans = spans;
  worker().handle("traced", [](Context&) -> Answer { co_return JsonText(); });
  jobs::NewJob job = new_job("traced");
  job.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  worker().start();
  EXPECT_EQ(ended(submit(std::move(job))).state, JobState::succeeded);
  EXPECT_TRUE(stopped());

  EXPECT_TRUE(spans->spans().empty());
}

}  // namespace
}  // namespace rwp
