#include "support/jobadder_fixture.hpp"
#include "support/temporary_directory.hpp"
#include <rwp/jobadder/pages.hpp>
#include <rwp/jobadder/rate_gate.hpp>
#include <rwp/jobadder/records.hpp>

#include <chrono>
#include <cstdlib>
#include <deque>
#include <set>
#include <string>

namespace rwp::tests {
namespace {

using namespace std::chrono_literals;
using jobadder::Pages;

class JobAdderClientTest : public JobAdderFixture {
 protected:
  void connect() {
    start();
    keeper_ = make_keeper();
    sign_in(keeper_);
    client_ = make_client(keeper_);
  }

  /// All ids of a list, and how often each came.
  std::multiset<std::int64_t> ids_of(Pages& pages, std::size_t delete_after_page = 0) {
    std::multiset<std::int64_t> ids;
    while (true) {
      const auto records = run(runtime_, pages.next());
      if (!records) {
        ADD_FAILURE() << records.error().to_string();
        return ids;
      }
      if (records->empty()) return ids;
      for (const auto& record : *records) {
        ids.insert(jobadder::Candidate::read(record).value().candidate_id);
      }
      // From the front, so that all that follows moves.
      for (std::size_t i = 0; i < delete_after_page; ++i) fake_->delete_candidate(++deleted_);
    }
  }

  std::shared_ptr<jobadder::TokenKeeper> keeper_;
  std::shared_ptr<jobadder::Client> client_;
  std::int64_t deleted_ = 0;
};

jobadder::PageOptions small_pages() {
  jobadder::PageOptions options;
  options.id_member = "candidateId";
  options.limit = 10;
  options.overlap = 3;
  return options;
}

TEST_F(JobAdderClientTest, RecordIsRead) {
  connect();

  const auto record = run(runtime_, client_->get("/candidates/3"));

  ASSERT_TRUE(record) << record.error().to_string();
  const auto candidate = jobadder::Candidate::read(*record).value();
  EXPECT_EQ(candidate.candidate_id, 3);
  EXPECT_NE(candidate.record.str().find("futureMember"), std::string::npos);
}

TEST_F(JobAdderClientTest, ErrorsSayWhatCanBeDone) {
  connect();

  EXPECT_EQ(run(runtime_, client_->get("/candidates/9999")).error().code(), Errc::not_found);
  EXPECT_EQ(run(runtime_, client_->get("candidates")).error().code(), Errc::invalid_argument);
  EXPECT_EQ(run(runtime_, client_->get("/a?b")).error().code(), Errc::invalid_argument);
  const auto refused = run(
      runtime_, client_->create("/candidates/1/notes", JsonText::parse(R"({"text":""})").value()));
  EXPECT_EQ(refused.error().code(), Errc::invalid_argument);
  EXPECT_NE(refused.error().message().find("text"), std::string::npos);
}

TEST_F(JobAdderClientTest, RefusedTokenIsRenewedOnce) {
  connect();
  ASSERT_TRUE(run(runtime_, client_->get("/users/current")));
  fake_->expire_tokens();

  const auto user = run(runtime_, client_->get("/users/current"));

  EXPECT_TRUE(user) << user.error().to_string();
  EXPECT_EQ(fake_->counts().exchanges, 2U);
  EXPECT_EQ(fake_->counts().unauthorised, 1U);
}

TEST_F(JobAdderClientTest, ThrottledRequestIsRepeatedAfterThePause) {
  connect();
  testing::FakeJobAdderFaults faults;
  faults.throttle_every = 2;
  fake_->set_faults(faults);
  ASSERT_TRUE(run(runtime_, client_->get("/users/current")));
  const auto begun = std::chrono::steady_clock::now();

  const auto note = run(
      runtime_, client_->create("/candidates/1/notes", JsonText::parse(R"({"text":"x"})").value()));

  EXPECT_TRUE(note) << note.error().to_string();
  EXPECT_GE(std::chrono::steady_clock::now() - begun, 1s);
  EXPECT_EQ(fake_->counts().notes, 1U);
}

TEST_F(JobAdderClientTest, WaitBeyondTheDeadlineIsNotBegun) {
  connect();
  testing::FakeJobAdderFaults faults;
  faults.throttle_every = 1;
  faults.throttle_wait = std::chrono::seconds(300);
  fake_->set_faults(faults);

  const auto refused = run(runtime_, client_->get("/users/current", {}, soon()));

  EXPECT_EQ(refused.error().code(), Errc::rate_limited);
  EXPECT_TRUE(refused.error().retry_after().has_value());
}

TEST_F(JobAdderClientTest, FailuresThatPassAreRepeatedUnlessTheyMakeSomething) {
  connect();
  testing::FakeJobAdderFaults faults;
  faults.reset_every = 2;
  faults.cut_every = 3;
  faults.error_every = 5;
  fake_->set_faults(faults);
  for (int i = 0; i < 20; ++i) {
    const auto user = run(runtime_, client_->get("/users/current"));
    ASSERT_TRUE(user) << user.error().to_string();
  }
  faults = testing::FakeJobAdderFaults();
  faults.reset_every = 1;
  fake_->set_faults(faults);

  const auto note = run(
      runtime_, client_->create("/candidates/1/notes", JsonText::parse(R"({"text":"x"})").value()));

  EXPECT_EQ(note.error().code(), Errc::unavailable);
  EXPECT_NE(note.error().message().find("unknown"), std::string::npos);
  EXPECT_EQ(fake_->counts().notes, 1U);
}

TEST_F(JobAdderClientTest, LongAnswerIsNotRead) {
  connect();

  const auto file = run(runtime_, client_->download("/candidates/3/attachments/31", 16));
  const auto whole = run(runtime_, client_->download("/candidates/3/attachments/31", 4'096));

  EXPECT_EQ(file.error().code(), Errc::corrupt);
  EXPECT_NE(whole->content.find("Ada3"), std::string::npos);
}

TEST_F(JobAdderClientTest, ListIsReadPageByPage) {
  options_.candidates = 95;
  connect();
  Pages pages(client_, "/candidates", {{"sort", "createdAt"}}, small_pages());

  const auto ids = ids_of(pages);

  EXPECT_EQ(ids.size(), 95U);
  EXPECT_EQ(std::set<std::int64_t>(ids.begin(), ids.end()).size(), 95U);
  EXPECT_EQ(pages.total_count(), 95);
  EXPECT_TRUE(pages.began_at().has_value());
  EXPECT_EQ(pages.steps_back(), 0U);
}

TEST_F(JobAdderClientTest, NothingIsSkippedWhenTheListMovesForward) {
  for (const std::size_t gone : {1U, 3U, 7U}) {
    options_.candidates = 150;
    connect();
    deleted_ = 0;
    Pages pages(client_, "/candidates", {{"sort", "createdAt"}}, small_pages());

    const auto ids = ids_of(pages, gone);

    const std::set<std::int64_t> different(ids.begin(), ids.end());
    EXPECT_EQ(different.size(), ids.size()) << gone;
    for (std::int64_t id = deleted_ + 1; id <= 150; ++id) {
      EXPECT_EQ(different.count(id), 1U) << gone << " gone a page; " << id;
    }
    EXPECT_EQ(pages.steps_back() > 0, gone >= 3) << gone;
    state_ = jobadder::make_memory_state_store();
  }
}

TEST_F(JobAdderClientTest, RecordThatIsUpdatedMeanwhileComesAgain) {
  options_.candidates = 30;
  connect();
  Pages pages(client_, "/candidates", {{"sort", "updatedAt"}}, small_pages());
  std::multiset<std::int64_t> ids;
  for (const auto& record : run(runtime_, pages.next()).value()) {
    ids.insert(jobadder::Candidate::read(record).value().candidate_id);
  }
  ASSERT_EQ(ids.count(1), 1U);

  fake_->touch_candidate(1);

  ids.merge(ids_of(pages));
  for (std::int64_t id = 1; id <= 30; ++id) EXPECT_EQ(ids.count(id), id == 1 ? 2U : 1U) << id;
}

TEST_F(JobAdderClientTest, EmptyListEndsAtOnce) {
  options_.candidates = 0;
  connect();
  Pages pages(client_, "/candidates", {}, small_pages());

  EXPECT_TRUE(run(runtime_, pages.next())->empty());
  EXPECT_TRUE(run(runtime_, pages.next())->empty());
}

TEST_F(JobAdderClientTest, SpeaksTls) {
  const TemporaryDirectory folder;
  const std::string cert = folder.path() / "cert.pem";
  const std::string key = folder.path() / "key.pem";
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
      "-subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout " +
      key + " -out " + cert + " 2>/dev/null";
  ASSERT_EQ(std::system(command.c_str()), 0);  // NOLINT(concurrency-mt-unsafe): before any thread.
  options_.tls_certificate_file = cert;
  options_.tls_key_file = key;
  net::CurlTransportOptions options;
  options.ca_file = cert;
  transport_ = net::make_curl_transport(runtime_, options);
  connect();

  const auto user = run(runtime_, client_->get("/users/current"));

  EXPECT_TRUE(user) << user.error().to_string();
  EXPECT_TRUE(fake_->base_url().starts_with("https://"));
}

TEST_F(JobAdderClientTest, GateKeepsTheRateInEveryMinute) {
  jobadder::RateGateOptions options;
  options.requests_per_minute = 100;
  options.minute = 1s;
  options.burst = 100ms;
  const auto gate = jobadder::make_rate_gate(options);
  std::deque<SteadyTime> let;

  for (int i = 0; i < 150; ++i) {
    ASSERT_TRUE(run(runtime_, gate->acquire(soon())));
    let.push_back(std::chrono::steady_clock::now());
    while (let.back() - let.front() >= 1s) let.pop_front();
    EXPECT_LE(let.size(), 100U);
  }
}

TEST_F(JobAdderClientTest, GateSaysAtOnceThatItIsTooLate) {
  const auto gate = jobadder::make_rate_gate();
  gate->pause(1h);

  const auto refused = run(runtime_, gate->acquire(std::chrono::steady_clock::now() + 1s));

  EXPECT_EQ(refused.error().code(), Errc::rate_limited);
  EXPECT_GT(refused.error().retry_after().value(), 1min);
}

}  // namespace
}  // namespace rwp::tests
