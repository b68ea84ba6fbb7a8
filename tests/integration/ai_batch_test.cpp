#include "ai_batch/output_lines.hpp"
#include "support/worker_fixture.hpp"
#include <rwp/ai_batch/batch_handlers.hpp>
#include <rwp/ai_batch/batching_model.hpp>
#include <rwp/ai_openai/batch_api.hpp>
#include <rwp/ai_openai/openai_model.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/net/curl_transport.hpp>
#include <rwp/testing/fake_openai.hpp>

#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <unordered_set>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using jobs::JobState;
using ::testing::HasSubstr;

/// Does nothing more once a switch is off, as if its process had ended between two steps; the
/// provider may have taken the request all the same.
class CuttableApi final : public ai::BatchApi {
 public:
  explicit CuttableApi(std::shared_ptr<ai::BatchApi> inner) : inner_(std::move(inner)) {}

  /// The step whose answer never arrives: "upload", "create", "download", …
  void lose_answer_of(std::string step) {
    lost_one_ = false;
    lost_ = std::move(step);
  }
  bool lost_one() const { return lost_one_; }

  boost::asio::awaitable<Result<ai::ProviderFile>> upload(ai::FileUpload upload) override {
    auto made = co_await inner_->upload(std::move(upload));
    if (is_lost("upload")) co_return co_await gone();
    co_return made;
  }
  boost::asio::awaitable<Result<ai::Page<ai::ProviderFile>>> files(std::string purpose,
                                                                   ai::PageQuery query) override {
    if (is_lost("files")) co_return co_await gone();
    co_return co_await inner_->files(std::move(purpose), std::move(query));
  }
  boost::asio::awaitable<Result<ai::ProviderFile>> file(std::string id,
                                                        SteadyTime deadline) override {
    co_return co_await inner_->file(std::move(id), deadline);
  }
  boost::asio::awaitable<Result<void>> download(std::string id, ai::OnFilePiece on_piece,
                                                SteadyTime deadline) override {
    if (is_lost("download")) co_return co_await gone();
    co_return co_await inner_->download(std::move(id), std::move(on_piece), deadline);
  }
  boost::asio::awaitable<Result<void>> remove_file(std::string id, SteadyTime deadline) override {
    auto removed = co_await inner_->remove_file(std::move(id), deadline);
    if (is_lost("remove")) co_return co_await gone();
    co_return removed;
  }
  boost::asio::awaitable<Result<ai::Batch>> create(ai::BatchRequest request) override {
    auto made = co_await inner_->create(std::move(request));
    if (is_lost("create")) co_return co_await gone();
    co_return made;
  }
  boost::asio::awaitable<Result<ai::Batch>> get(std::string id, SteadyTime deadline) override {
    if (is_lost("get")) co_return co_await gone();
    co_return co_await inner_->get(std::move(id), deadline);
  }
  boost::asio::awaitable<Result<ai::Page<ai::Batch>>> list(ai::PageQuery query) override {
    if (is_lost("list")) co_return co_await gone();
    co_return co_await inner_->list(std::move(query));
  }
  boost::asio::awaitable<Result<ai::Batch>> cancel(std::string id, SteadyTime deadline) override {
    co_return co_await inner_->cancel(std::move(id), deadline);
  }

 private:
  bool is_lost(std::string_view step) {
    if (lost_ != step) return false;
    lost_.clear();
    lost_one_ = true;
    return true;
  }
  /// Until the worker ends.
  static boost::asio::awaitable<Error> gone() {
    (void)co_await sleep_for(10min);
    co_return Error(Errc::cancelled, "the process has ended");
  }

  const std::shared_ptr<ai::BatchApi> inner_;
  std::string lost_;
  std::atomic<bool> lost_one_ = false;
};

/// Jobs that ask a model and are able to wait, a worker for them and one for batches.
class BatchTest : public WorkerFixture {
 protected:
  static constexpr int kJobs = 6;

  BatchTest() {
    options_.concurrency = 32;
    options_.queues = {"default"};
    batch_.max_rows = kJobs;
    batch_.max_age = 10min;
    batch_.poll_every = 10ms;
    batch_.request_timeout = 400ms;
    batch_.log = observability::Logger(log_);
  }

  void start(testing::FakeOpenAiOptions options = testing::FakeOpenAiOptions()) {
    fake_ = testing::FakeOpenAi::start(std::move(options)).value();
    ai_openai::OpenAiOptions openai;
    openai.base_url = fake_->base_url();
    openai.model = "fake-gpt";
    openai.max_attempts = 1;
    transport_ = net::make_curl_transport(handlers_);
    model_ = ai_openai::OpenAiModel::make(transport_, openai).value();
    format_ = ai_openai::make_openai_batch_format(openai).value();
    api_ =
        std::make_shared<CuttableApi>(ai_openai::make_openai_batch_api(transport_, openai).value());
    worker().handle("ask", jobs::CoroutineHandler(
                               [this](jobs::JobContext& context) { return ask(this, context); }));
    worker().start();
  }

  void start_batches() {
    jobs::WorkerOptions options = options_;
    options.queues = {batch_.queue};
    options.concurrency = 64;
    batches_.emplace(store_, handlers_, options);
    add_batch_handlers(*batches_, store_, api_, batch_);
    batches_->start();
  }

  /// A worker's end without grace: what ran is handed back, as a lease that lapses would do.
  void restart_batches() {
    batches_.reset();
    start_batches();
  }

  static jobs::Awaitable<Result<JsonText>> ask(BatchTest* test, jobs::JobContext& context) {
    ai_batch::BatchingOptions options;
    options.queue = test->batch_.queue;
    options.needed_by = test->needed_by_;
    options.booking = test->batch_.booking;
    const auto model = ai_batch::make_batching_model(test->model_, test->format_, context, options);
    ai::ChatRequest request;
    request.messages.push_back({ai::Role::user, "Nurse wanted: " + context.job().payload.str()});
    auto reply = co_await model->chat(std::move(request));
    if (!reply) co_return reply.error();
    co_return encode_text(reply->content + "|" + reply->service_tier);
  }

  static JsonText encode_text(const std::string& text) {
    JsonWriter out;
    out.value(std::string_view(text));
    return out.finish();
  }

  void submit_all(int count = kJobs) {
    std::vector<jobs::NewJob> jobs;
    for (int i = 0; i < count; ++i) {
      auto job = new_job("ask", "\"ward " + std::to_string(i) + " in Leeds\"");
      job.max_attempts = 3;
      jobs.push_back(std::move(job));
    }
    for (const auto& inserted : run(control_, store_->insert(std::move(jobs))).value()) {
      ids_.push_back(inserted.value().id);
    }
  }

  std::vector<jobs::Job> wait_all() {
    const auto until = std::chrono::steady_clock::now() + kGuard;
    auto ended = block_on(control_, store_->wait_for_end(ids_, until)).value();
    std::vector<jobs::Job> jobs;
    for (auto& job : ended) jobs.push_back(job.value());
    return jobs;
  }

  /// All have answers of their own, from a batch, and nothing was paid twice.
  void expect_answered(std::uint64_t batch_answers = kJobs) {
    int index = 0;
    for (const auto& job : wait_all()) {
      ASSERT_EQ(job.state, JobState::succeeded)
          << (job.errors.empty() ? "" : job.errors[0].message);
      EXPECT_THAT(job.result->str(), HasSubstr("ward " + std::to_string(index++)));
      EXPECT_THAT(job.result->str(), HasSubstr("|batch"));
    }
    EXPECT_EQ(fake_->bill().answers, 0U);
    EXPECT_EQ(fake_->bill().batch_answers, batch_answers);
    EXPECT_EQ(fake_->bill().distinct, static_cast<std::uint64_t>(kJobs));
  }

  static bool becomes(const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + kGuard;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(1ms);
    }
    return true;
  }

  /// What the provider keeps of the batches goes, whoever waits for them.
  bool files_go() {
    return becomes(
        [&] { return run(handlers_, api_->files("", ai::PageQuery())).value().items.empty(); });
  }

  void play(const char* word) {
    fake_->play_batches({testing::parse_fake_batch_step(word).value()});
  }

  std::unique_ptr<testing::FakeOpenAi> fake_;
  std::shared_ptr<net::HttpTransport> transport_;
  std::shared_ptr<ai::Model> model_;
  std::shared_ptr<const ai::BatchFormat> format_;
  std::shared_ptr<CuttableApi> api_;
  ai_batch::BatchOptions batch_;
  std::optional<std::chrono::system_clock::time_point> needed_by_;
  std::vector<Uuid> ids_;
  std::optional<jobs::Worker> batches_;
};

TEST_F(BatchTest, JobsThatCanWaitAreAnsweredByOneBatch) {
  start();
  start_batches();
  submit_all();

  expect_answered();

  EXPECT_EQ(fake_->batch_count(), 1U);
}

TEST_F(BatchTest, WhatIsNeededSoonIsAskedAtOnce) {
  needed_by_ = std::chrono::system_clock::now() + 1h;
  start();
  start_batches();
  submit_all();

  for (const auto& job : wait_all()) EXPECT_EQ(job.state, JobState::succeeded);

  EXPECT_EQ(fake_->bill().answers, static_cast<std::uint64_t>(kJobs));
  EXPECT_EQ(fake_->batch_count(), 0U);
}

TEST_F(BatchTest, OldestRequestDecidesWhenTooFewHaveGathered) {
  batch_.max_rows = 1'000;
  batch_.max_age = 50ms;
  start();
  start_batches();
  submit_all();
  expect_answered();
}

TEST_F(BatchTest, WhoHasAnotherServiceOnTheSameStoreTakesNothingOfItsQueue) {
  start();
  const auto other = testing::FakeOpenAi::start({}).value();
  ai_openai::OpenAiOptions openai;
  openai.base_url = other->base_url();
  openai.model = "fake-gpt";
  jobs::WorkerOptions options = options_;
  options.queues = {ai_batch::kBatchQueue};
  jobs::Worker others(store_, handlers_, options);
  add_batch_handlers(others, store_, ai_openai::make_openai_batch_api(transport_, openai).value(),
                     batch_);
  others.start();
  batch_.queue = "batches-of-mine";
  start_batches();
  submit_all();

  expect_answered();

  EXPECT_EQ(other->batch_count(), 0U);
}

struct Trouble {
  const char* word;
  /// Lines that the fake answers, over all batches.
  std::uint64_t answers;
  std::uint64_t batches;
};

TEST_F(BatchTest, OnlyWhatIsMissingGoesIntoAnotherBatch) {
  start();
  batch_.max_age = 30ms;
  start_batches();
  for (const Trouble& trouble :
       {Trouble{"expire:2", 6, 2}, Trouble{"partial:3", 6, 2}, Trouble{"missing:2", 6, 2},
        Trouble{"zero_status:3", 6, 2}, Trouble{"fail", 6, 2}, Trouble{"doubled", 6, 1},
        Trouble{"bad_line", 6, 1}}) {
    const auto batches = fake_->batch_count();
    fake_->forget_requests();
    ids_.clear();
    play(trouble.word);
    submit_all();
    SCOPED_TRACE(trouble.word);
    expect_answered(trouble.answers);
    EXPECT_GE(fake_->batch_count() - batches, trouble.batches);
  }
}

TEST_F(BatchTest, RequestThatFailsTimeAndAgainIsItsJobsErrorToRetry) {
  batch_.max_tries = 2;
  batch_.max_age = 30ms;
  start();
  fake_->play_batches({testing::parse_fake_batch_step("missing:1").value(),
                       testing::parse_fake_batch_step("missing:1").value()});
  start_batches();
  submit_all(1);

  const auto job = wait_all().front();

  // The attempt failed, and the next one had a batch again.
  EXPECT_EQ(job.state, JobState::succeeded);
  EXPECT_EQ(job.attempt, 1);
  EXPECT_THAT(job.errors.at(0).message, HasSubstr("stands in no file"));
  EXPECT_EQ(fake_->batch_count(), 3U);
}

TEST_F(BatchTest, CreationWithoutAnAnswerIsLookedUpAndNotRepeated) {
  start();
  play("lost");
  start_batches();
  submit_all();

  expect_answered();

  EXPECT_EQ(fake_->batch_count(), 1U);
}

TEST_F(BatchTest, CreationThatNeverArrivesIsRepeatedAfterTheWait) {
  start();
  play("late:3600000");  // Longer than the test.
  start_batches();
  const auto begun = std::chrono::steady_clock::now();
  submit_all();

  expect_answered();

  EXPECT_GE(std::chrono::steady_clock::now() - begun, batch_.request_timeout * 3 / 2);
}

TEST_F(BatchTest, SecondBatchOfOneIdIsCancelledAndWhatItFinishedUsed) {
  testing::FakeOpenAiOptions slow;
  slow.batches.takes = 1h;
  start(std::move(slow));
  play("late:3600000");
  start_batches();
  submit_all();
  ASSERT_TRUE(becomes([&] { return fake_->batch_count() == 2; }));

  // The first arrives after it was given up, and while the second runs.
  fake_->deliver_late();
  ASSERT_TRUE(becomes([&] {
    const auto page = run(handlers_, api_->list(ai::PageQuery())).value();
    return std::any_of(page.items.begin(), page.items.end(), [](const ai::Batch& batch) {
      return batch.status == ai::BatchStatus::cancelled;
    });
  }));
  fake_->end_batches();

  for (const auto& job : wait_all()) ASSERT_EQ(job.state, JobState::succeeded);
  EXPECT_EQ(fake_->batch_count(), 2U);
  EXPECT_EQ(fake_->bill().answers, 0U);
  // The cancelled one had finished half of its lines, which are paid for all the same.
  EXPECT_EQ(fake_->bill().batch_answers, static_cast<std::uint64_t>(kJobs + kJobs / 2));
}

TEST_F(BatchTest, ProcessMayEndAtEachStep) {
  start();
  for (const char* step : {"files", "upload", "list", "create", "get", "download", "remove"}) {
    SCOPED_TRACE(step);
    const auto made = fake_->batch_count();
    fake_->forget_requests();
    ids_.clear();
    api_ = std::make_shared<CuttableApi>(
        ai_openai::make_openai_batch_api(transport_,
                                         [&] {
                                           ai_openai::OpenAiOptions openai;
                                           openai.base_url = fake_->base_url();
                                           return openai;
                                         }())
            .value());
    api_->lose_answer_of(step);
    start_batches();
    submit_all();
    ASSERT_TRUE(becomes([&] { return api_->lost_one(); }));
    restart_batches();
    expect_answered();
    EXPECT_EQ(fake_->batch_count() - made, 1U);
    EXPECT_TRUE(files_go());
    batches_.reset();
  }
}

/// The store's ledger, from the handlers' runtime.
class StoreLedger final : public UsageLedger {
 public:
  explicit StoreLedger(std::shared_ptr<jobs::JobStore> store) : store_(std::move(store)) {}
  boost::asio::awaitable<Result<void>> reserve(UsageReservation reservation) override {
    return on(store_->runtime().executor(), store_->usage().reserve(std::move(reservation)));
  }
  /// So many of the next bookings and settlements find no ledger.
  void fail(int times) { failures_ = times; }
  bool has_failed() const { return failures_ == 0; }

  boost::asio::awaitable<Result<void>> settle(Uuid id, std::string account, Money spent) override {
    if (fails()) co_return Error(Errc::unavailable, "the ledger is away");
    co_return co_await on(store_->runtime().executor(),
                          store_->usage().settle(id, std::move(account), spent));
  }
  boost::asio::awaitable<Result<Money>> balance(std::string account) override {
    return on(store_->runtime().executor(), store_->usage().balance(std::move(account)));
  }
  boost::asio::awaitable<Result<void>> record(std::vector<UsageEntry> entries) override {
    if (fails()) co_return Error(Errc::unavailable, "the ledger is away");
    co_return co_await on(store_->runtime().executor(), store_->usage().record(std::move(entries)));
  }
  boost::asio::awaitable<Result<UsageSum>> sum(UsageFilter filter) override {
    return on(store_->runtime().executor(), store_->usage().sum(std::move(filter)));
  }

 private:
  bool fails() {
    if (failures_ == 0) return false;
    --failures_;
    return true;
  }

  const std::shared_ptr<jobs::JobStore> store_;
  std::atomic<int> failures_ = 0;
};

/// Books are kept, and money is set aside for what waits.
class BookedBatchTest : public BatchTest {
 protected:
  void keep_books(Money limit) {
    const auto ledger = std::make_shared<StoreLedger>(store_);
    ledger_ = ledger;
    ai::ModelPrice price;
    price.pattern = "fake-gpt";
    price.input_micro_usd = 2'000'000;
    price.output_micro_usd = 8'000'000;
    ai::ModelPrice half_price = price;
    half_price.tier = "batch";
    half_price.input_micro_usd /= 2;
    half_price.output_micro_usd /= 2;
    const auto prices = ai::PriceTable::make({price, half_price}).value();
    ai::BudgetRule rule;
    rule.limit = limit;
    auto& budget = batch_.booking.budget.emplace();
    budget.ledger = ledger;
    budget.prices = prices;
    budget.rules = {rule};
    budget.output_tokens = 1'000;
    account_ = ai::budget_account(rule, "", "", budget.now());
    auto& meter = batch_.booking.meter.emplace();
    meter.ledger = ledger;
    meter.prices = prices;
    meter.metrics = observability::make_metrics();
  }
  /// Jobs that wait for a batch whose answers are about to be read, by a process that has ended.
  void stop_before_answers(int jobs) {
    batch_.max_rows = static_cast<std::size_t>(jobs);
    start();
    batch_.format = format_;
    submit_all(jobs);
    ASSERT_TRUE(becomes([&] { return count(JobState::parked) == jobs; }));
    api_->lose_answer_of("download");
    start_batches();
    ASSERT_TRUE(becomes([&] { return api_->lost_one(); }));
  }
  std::vector<Uuid> rows() {
    jobs::JobFilter filter;
    filter.kind = std::string(ai_batch::kRowKind);
    std::vector<Uuid> ids;
    for (const auto& row : run(control_, store_->list(filter, "", 100)).value().jobs) {
      ids.push_back(row.id);
    }
    return ids;
  }
  double counted() {
    return batch_.booking.meter->metrics
        ->counter("rwp_ai_calls_total", "AI calls that ended",
                  {{"code", "ok"}, {"model", "fake-gpt"}, {"operation", "chat"}})
        .value();
  }
  std::int64_t held() { return run(control_, store_->usage().balance(account_)).value().micro_usd; }
  UsageSum booked() { return run(control_, store_->usage().sum({})).value(); }
  std::int64_t count(JobState state) {
    const auto jobs = run(control_, store_->get(ids_)).value();
    return std::count_if(jobs.begin(), jobs.end(),
                         [&](const auto& job) { return job.value().state == state; });
  }

  std::string account_;
  std::shared_ptr<StoreLedger> ledger_;
};

TEST_F(BookedBatchTest, BudgetHoldsTheWorstCaseWhileJobsWaitAndSettlesOnceWhatTheyTook) {
  // 1,000 tokens of output at half of $8 a million are 4,000 micro dollars, and the input a little:
  // four jobs of six find room.
  keep_books(Money{18'000});
  batch_.max_rows = 4;
  start();
  submit_all();
  // A budget that is spent is no attempt's fault here: the handler fails for good.
  ASSERT_TRUE(becomes([&] { return count(JobState::parked) == 4; }));
  ASSERT_TRUE(becomes([&] { return count(JobState::failed) == 2; }));
  EXPECT_GT(held(), 16'000);
  start_batches();

  for (const auto& job : wait_all()) {
    if (job.state != JobState::succeeded) continue;
    EXPECT_THAT(job.result->str(), HasSubstr("|batch"));
  }

  const auto cost = booked().cost.micro_usd;
  EXPECT_EQ(booked().calls, 4);
  EXPECT_EQ(held(), cost);
  const auto bill = fake_->bill();
  EXPECT_EQ(bill.batch_answers, 4U);
  const auto half = bill.input_tokens + 4 * bill.output_tokens;
  EXPECT_GE(cost, half);
  EXPECT_LE(cost, half + 4) << "each is rounded up";
}

TEST_F(BookedBatchTest, AnswersOfJobsThatWereCancelledMeanwhileAreBookedOnce) {
  keep_books(Money{1'000'000});
  batch_.max_rows = 2;
  start();
  batch_.format = format_;
  submit_all(2);
  ASSERT_TRUE(becomes([&] { return count(JobState::parked) == 2; }));
  api_->lose_answer_of("download");
  start_batches();
  ASSERT_TRUE(becomes([&] { return api_->lost_one(); }));
  std::vector<Uuid> first = {ids_[0]};
  ASSERT_TRUE(run(control_, store_->cancel(first)).has_value());
  restart_batches();

  const auto jobs = wait_all();

  EXPECT_EQ(jobs[0].state, JobState::cancelled);
  EXPECT_EQ(jobs[1].state, JobState::succeeded);
  ASSERT_TRUE(becomes([&] { return booked().calls == 2; }));
  EXPECT_EQ(held(), booked().cost.micro_usd);
  EXPECT_EQ(fake_->bill().batch_answers, 2U);
}

TEST_F(BookedBatchTest, WhatTheLedgerDidNotTakeIsBookedLaterAndCountedOnce) {
  keep_books(Money{1'000'000});
  stop_before_answers(2);
  std::vector<Uuid> first = {ids_[0]};
  ASSERT_TRUE(run(control_, store_->cancel(first)).has_value());
  // Both the run that has its answer and the batch of the one that was cancelled find none.
  ledger_->fail(4);
  restart_batches();

  const auto jobs = wait_all();

  EXPECT_EQ(jobs[0].state, JobState::cancelled);
  EXPECT_EQ(jobs[1].state, JobState::succeeded);
  EXPECT_EQ(jobs[1].attempt, 0) << "no attempt has failed";
  ASSERT_TRUE(becomes([&] { return booked().calls == 2 && held() == booked().cost.micro_usd; }));
  EXPECT_TRUE(ledger_->has_failed());
  EXPECT_EQ(counted(), 2.0);
  EXPECT_EQ(fake_->bill().batch_answers, 2U);
}

TEST_F(BookedBatchTest, AnswersOfRequestsThatWereCancelledAreUsedAndBooked) {
  keep_books(Money{1'000'000});
  stop_before_answers(2);
  // The requests themselves, one with the job that waits for it.
  ASSERT_TRUE(run(control_, store_->cancel(rows())).has_value());
  std::vector<Uuid> first = {ids_[0]};
  ASSERT_TRUE(run(control_, store_->cancel(first)).has_value());
  restart_batches();

  const auto jobs = wait_all();

  EXPECT_EQ(jobs[0].state, JobState::cancelled);
  EXPECT_EQ(jobs[1].state, JobState::succeeded);
  ASSERT_TRUE(becomes([&] { return booked().calls == 2 && held() == booked().cost.micro_usd; }));
  EXPECT_EQ(counted(), 2.0);
}

TEST_F(BookedBatchTest, AnswersAboutTheForgottenAreBookedWithoutThem) {
  keep_books(Money{1'000'000});
  stop_before_answers(2);
  // As forgetting somebody does: all that waits is cancelled, and erased.
  std::vector<Uuid> all = rows();
  all.insert(all.end(), ids_.begin(), ids_.end());
  ASSERT_TRUE(run(control_, store_->cancel(all)).has_value());
  for (const auto& erased : run(control_, store_->erase(all)).value()) ASSERT_TRUE(erased);
  restart_batches();

  ASSERT_TRUE(becomes([&] { return booked().calls == 2; }));
  const auto bill = fake_->bill();
  EXPECT_EQ(bill.batch_answers, 2U);
  EXPECT_GE(booked().cost.micro_usd, bill.input_tokens + 4 * bill.output_tokens);
  EXPECT_EQ(counted(), 2.0);
  EXPECT_TRUE(files_go());
}

TEST_F(BatchTest, WhatWasUploadedForNobodyIsRemovedAndNotSent) {
  start();
  api_->lose_answer_of("list");
  start_batches();
  submit_all();
  ASSERT_TRUE(becomes([&] { return api_->lost_one(); }));
  ASSERT_FALSE(run(handlers_, api_->files("", ai::PageQuery())).value().items.empty());
  jobs::JobFilter filter;
  filter.kind = std::string(ai_batch::kRowKind);
  std::vector<Uuid> all = ids_;
  for (const auto& row : run(control_, store_->list(filter, "", 100)).value().jobs) {
    all.push_back(row.id);
  }
  ASSERT_TRUE(run(control_, store_->cancel(all)).has_value());

  restart_batches();

  EXPECT_TRUE(files_go());
  EXPECT_EQ(fake_->batch_count(), 0U);
  EXPECT_EQ(fake_->bill().batch_answers, 0U);
}

TEST_F(BookedBatchTest, ABatchForWhichNobodyWaitsIsCancelledAndWhatItFinishedBooked) {
  keep_books(Money{1'000'000});
  batch_.max_rows = 2;
  testing::FakeOpenAiOptions slow;
  slow.batches.takes = 1h;
  start(std::move(slow));
  batch_.format = format_;
  start_batches();
  submit_all(2);
  ASSERT_TRUE(becomes([&] { return fake_->batch_count() == 1; }));
  std::vector<Uuid> all = rows();
  ASSERT_EQ(all.size(), 2U);
  all.insert(all.end(), ids_.begin(), ids_.end());
  ASSERT_TRUE(run(control_, store_->cancel(all)).has_value());

  ASSERT_TRUE(becomes([&] { return booked().calls == 1; }));

  // One line of two was under way.
  EXPECT_EQ(fake_->bill().batch_answers, 1U);
  for (const auto& job : wait_all()) EXPECT_EQ(job.state, JobState::cancelled);
}

TEST_F(BookedBatchTest, ABatchWhoseProcessEndedAsItRemovedTheFilesEndsThoughARequestWasCancelled) {
  keep_books(Money{1'000'000});
  stop_before_answers(2);
  std::vector<Uuid> first = {rows()[0]};
  ASSERT_TRUE(run(control_, store_->cancel(first)).has_value());
  api_->lose_answer_of("remove");
  restart_batches();
  ASSERT_TRUE(becomes([&] { return api_->lost_one(); }));
  restart_batches();

  for (const auto& job : wait_all()) EXPECT_EQ(job.state, JobState::succeeded);
  EXPECT_TRUE(files_go());
  EXPECT_EQ(booked().calls, 2U);
  EXPECT_EQ(counted(), 2.0);
}

TEST(OutputLinesTest, WhatThereIsNoRoomForIsReadAgain) {
  const auto line = [](const std::string& id, int status) {
    return R"({"custom_id":")" + id + R"(","response":{"status_code":)" + std::to_string(status) +
           R"(,"body":{"text":")" + std::string(100, 'x') + "\"}}}\n";
  };
  const std::string file = line("a", 500) + line("c", 200) + line("b", 200) + line("a", 200);
  std::unordered_set<std::string> left = {"a", "b"};
  std::vector<std::string> answered;
  int passes = 0;
  for (bool all = false; !all; ++passes) {
    ASSERT_LT(passes, 3);
    ai_batch::OutputLines lines(left, 150);
    // However it is cut, and without a line's end at the end.
    for (const char byte : file.substr(0, file.size() - 1)) lines.feed(std::string_view(&byte, 1));
    lines.end_file();
    all = !lines.has_left_some();
    for (const auto& [id, said] : lines.lines()) {
      EXPECT_EQ(said.status, 200) << id;
      answered.push_back(id);
      left.erase(id);
    }
    EXPECT_EQ(lines.bad_lines(), 0U);
  }
  EXPECT_EQ(passes, 2);
  EXPECT_THAT(answered, ::testing::ElementsAre("a", "b"));
}

TEST_F(BatchTest, JobThatWasCancelledIsNotAskedFor) {
  batch_.max_age = 30ms;
  start();
  submit_all(2);
  // Both are parked before anything gathers.
  ASSERT_TRUE(becomes([&] {
    const auto jobs = run(control_, store_->get(ids_)).value();
    return std::all_of(jobs.begin(), jobs.end(),
                       [](const auto& job) { return job.value().state == JobState::parked; });
  }));
  std::vector<Uuid> first = {ids_[0]};
  ASSERT_TRUE(run(control_, store_->cancel(first)).has_value());
  start_batches();

  const auto jobs = wait_all();

  EXPECT_EQ(jobs[0].state, JobState::cancelled);
  EXPECT_EQ(jobs[1].state, JobState::succeeded);
  EXPECT_EQ(fake_->bill().batch_answers, 1U);
}

}  // namespace
}  // namespace rwp::tests
