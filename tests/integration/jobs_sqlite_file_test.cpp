#include "core/posix_file.hpp"
#include "net/sqlite/connection.hpp"
#include <rwp/jobs_sqlite/sqlite_job_store.hpp>

#include <conformance/job_store_conformance.hpp>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>

/// Files that are full, damaged, or not ours.
namespace rwp::tests {
namespace {

class SqliteFileTest : public ::testing::Test {
 protected:
  Result<std::shared_ptr<jobs::JobStore>> open(std::int64_t max_pages = 0) {
    jobs_sqlite::SqliteOptions options;
    options.path = path_;
    options.max_pages = max_pages;
    return jobs_sqlite::open_sqlite_job_store(runtime_, std::move(options));
  }

  template <class T>
  Result<T> wait(boost::asio::awaitable<Result<T>> operation) {
    return run(runtime_, std::move(operation));
  }

  Result<jobs::Inserted> submit(jobs::JobStore& store) {
    jobs::NewJob job{.kind = "k",
                     .payload = JsonText::trusted("\"" + std::string(2'000, 'x') + "\"")};
    auto answers = wait(store.insert({std::move(job)}));
    return answers ? answers->front() : Result<jobs::Inserted>(answers.error());
  }

  void execute(const std::string& sql) {
    net_sqlite::Connection database(net_sqlite::ConnectionOptions{.path = path_});
    database.execute(sql);
  }

  void expect_refused(Errc code) {
    const auto opened = open();
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code(), code) << opened.error().to_string();
    EXPECT_NE(opened.error().message().find(path_), std::string::npos) << "names the file";
    EXPECT_FALSE(opened.error().retryable());
  }

  const TemporaryFolder folder_;
  const std::string path_ = (folder_.path() / "jobs.db").string();
  Runtime runtime_;
};

/// Whether a file of the store holds the text anywhere.
bool holds(const std::string& path, const std::string& text) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return bytes.find(text) != std::string::npos;
}

TEST_F(SqliteFileTest, AllFilesOfAStoreAreItsOwnersAlone) {
  const ::mode_t before = ::umask(022);
  const auto store = open().value();
  ASSERT_TRUE(submit(*store).has_value());
  ::umask(before);

  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
    using std::filesystem::perms;
    EXPECT_EQ(entry.status().permissions(), perms::owner_read | perms::owner_write) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 3U) << "the database, its log and the log's index";
}

TEST_F(SqliteFileTest, AFileThatIsThereKeepsItsMode) {
  { std::ofstream(path_).flush(); }
  using std::filesystem::perms;
  const auto shared = perms::owner_read | perms::owner_write | perms::group_read;
  std::filesystem::permissions(path_, shared);

  ASSERT_TRUE(open().has_value());

  EXPECT_EQ(std::filesystem::status(path_).permissions(), shared);
}

TEST_F(SqliteFileTest, ErasedJobsLeaveNoByteInTheFileOrItsLog) {
  const auto store = open().value();
  const auto job_of = [](int number, const std::string& text) {
    return jobs::NewJob{
        .kind = "k",
        .payload = JsonText::trusted("\"" + text + std::string(number % 7 * 900, 'x') + "\""),
        .unique = {.key = text + std::to_string(number)},
        .tags = {text}};
  };
  // Theirs and others' side by side, on the same pages, through every table.
  std::vector<Uuid> theirs;
  for (int i = 0; i < 300; ++i) {
    const bool is_theirs = i % 3 == 0;
    auto added = wait(store->insert({job_of(i, is_theirs ? "MARKER" : "somebody")})).value();
    if (is_theirs) theirs.push_back(added[0]->id);
    jobs::ClaimRequest request{.worker = "w", .kinds = {{.kind = "k"}}};
    const auto claimed = wait(store->claim(request)).value();
    ASSERT_EQ(claimed.size(), 1U);
    const std::string text = is_theirs ? "\"MARKER cursor\"" : "\"cursor\"";
    ASSERT_TRUE(
        wait(store->progress({{.run = claimed[0].run, .cursor = JsonText::trusted(text)}})));
    jobs::RunOutcome outcome = jobs::Succeed{.result = JsonText::trusted(text)};
    if (i % 5 == 0) outcome = jobs::Fail{Error(Errc::internal, is_theirs ? "MARKER error" : "e")};
    if (i % 4 == 0) outcome = jobs::Park{.key = is_theirs ? "MARKER park" : "park"};
    ASSERT_TRUE(wait(store->finish({{.run = claimed[0].run, .outcome = outcome}})).value()[0]);
  }
  ASSERT_TRUE(wait(store->cancel(theirs)).has_value());

  const auto erased = wait(store->erase(theirs)).value();
  const auto scrubbed = wait(store->scrub());

  for (const auto& one : erased) EXPECT_TRUE(one.has_value());
  ASSERT_TRUE(scrubbed.has_value()) << scrubbed.error().to_string();
  EXPECT_FALSE(holds(path_, "MARKER"));
  EXPECT_FALSE(holds(path_ + "-wal", "MARKER"));
  EXPECT_TRUE(holds(path_, "somebody")) << "others' jobs stay";
  EXPECT_TRUE(submit(*store).has_value());
}

TEST_F(SqliteFileTest, SeriesTellHowManyCallsTransactionsCarried) {
  const auto metrics = observability::make_metrics();
  jobs_sqlite::SqliteOptions options;
  options.path = path_;
  options.metrics = metrics;
  const auto store = jobs_sqlite::open_sqlite_job_store(runtime_, std::move(options)).value();

  ASSERT_TRUE(submit(*store).has_value());
  ASSERT_TRUE(submit(*store).has_value());

  const observability::Labels writer = {{"connection", "writer"}};
  EXPECT_EQ(metrics->counter("rwp_sqlite_operations_total", "", writer).value(), 2);
  EXPECT_EQ(metrics->counter("rwp_sqlite_transactions_total", "", writer).value(), 2);
  EXPECT_EQ(metrics->counter("rwp_sqlite_failed_groups_total", "", writer).value(), 0);
}

TEST_F(SqliteFileTest, FullDatabaseRefusesSubmitsKeepsWhatItAnsweredAndWorksAgain) {
  std::vector<Uuid> answered;
  {
    const auto full = open(100).value();
    Result<jobs::Inserted> answer = submit(*full);
    while (answer && answered.size() < 10'000) {
      answered.push_back(answer->id);
      answer = submit(*full);
    }
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().code(), Errc::unavailable);
    EXPECT_TRUE(answer.error().retryable());
    EXPECT_EQ(wait(full->get(answered))->size(), answered.size()) << "reading goes on";
  }

  const auto roomy = open().value();

  ASSERT_FALSE(answered.empty());
  for (const auto& kept : wait(roomy->get(answered)).value()) EXPECT_TRUE(kept.has_value());
  const auto counted = wait(roomy->counts()).value();
  EXPECT_EQ(counted.at(0).states[static_cast<std::size_t>(jobs::JobState::ready)],
            static_cast<std::int64_t>(answered.size()));
  EXPECT_TRUE(submit(*roomy).has_value());
}

TEST_F(SqliteFileTest, TheLogIsBegunAnewWhileSomethingIsWrittenAllTheTime) {
  const auto store = open().value();
  std::uintmax_t written = 0;

  for (int batch = 0; batch < 100; ++batch) {
    std::vector<jobs::NewJob> jobs(300);
    for (jobs::NewJob& job : jobs) {
      job.kind = "k";
      job.payload = JsonText::trusted("\"" + std::string(2'000, 'x') + "\"");
      written += job.payload.size();
    }
    ASSERT_TRUE(wait(store->insert(std::move(jobs))).has_value());
  }

  EXPECT_LT(std::filesystem::file_size(path_ + "-wal"), written / 2);
}

TEST_F(SqliteFileTest, TheLogIsLeftAloneWhileAnotherProcessCarriesItOver) {
  const auto store = open().value();
  const auto write_much = [&] {
    for (int batch = 0; batch < 40; ++batch) {
      std::vector<jobs::NewJob> jobs(300);
      for (jobs::NewJob& job : jobs) {
        job.kind = "k";
        job.payload = JsonText::trusted("\"" + std::string(2'000, 'x') + "\"");
      }
      ASSERT_TRUE(wait(store->insert(std::move(jobs))).has_value());
    }
  };
  const auto log_bytes = [&] { return std::filesystem::file_size(path_ + "-wal"); };
  {
    // What it holds meanwhile.
    posix::FileDescriptor file(::open((path_ + "-holders").c_str(), O_RDWR | O_CLOEXEC));
    const auto lock = posix::RangeLock::take(std::move(file), std::size_t{1} << 62U, "the lock");
    ASSERT_TRUE(lock.has_value());
    write_much();
    EXPECT_GT(log_bytes(), 40U * 300U * 2'000U);
  }
  const auto longest = log_bytes();

  write_much();

  EXPECT_LT(log_bytes(), longest * 3 / 2);
}

TEST_F(SqliteFileTest, WhatOfTheLogIsInTheFileIsSeen) {
  net_sqlite::Connection database(net_sqlite::ConnectionOptions{.path = path_});
  database.execute("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0");
  database.execute("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
  net_sqlite::Connection other(net_sqlite::ConnectionOptions{.path = path_});
  other.execute("PRAGMA schema_version");

  EXPECT_FALSE(database.log_is_carried_over());
  EXPECT_FALSE(other.log_is_carried_over());
  other.execute("PRAGMA wal_checkpoint(PASSIVE)");
  EXPECT_TRUE(database.log_is_carried_over());
  EXPECT_TRUE(other.log_is_carried_over());
  database.execute("INSERT INTO t VALUES (2)");
  EXPECT_FALSE(other.log_is_carried_over());
}

TEST_F(SqliteFileTest, AFileThatIsNoDatabaseIsCorrupt) {
  std::ofstream(path_) << "title,company\nCook,Acme\n" << std::string(5'000, 'x');

  expect_refused(Errc::corrupt);
}

TEST_F(SqliteFileTest, ADamagedDatabaseIsCorruptAndNotTakenForEmpty) {
  {
    const auto store = open().value();
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(submit(*store).has_value());
  }
  execute("PRAGMA wal_checkpoint(TRUNCATE)");
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4'096);
    file << std::string(200'000, '\xA5');
  }

  const auto opened = open();

  const Errc code = opened ? submit(**opened).error().code() : opened.error().code();
  EXPECT_EQ(code, Errc::corrupt);
}

TEST_F(SqliteFileTest, AnotherProgramsDatabaseIsRefusedAndLeftAsItWas) {
  execute("CREATE TABLE recipe (title TEXT); INSERT INTO recipe VALUES ('soup')");

  expect_refused(Errc::unsupported);

  net_sqlite::Connection database(net_sqlite::ConnectionOptions{.path = path_});
  auto tables = database.query("SELECT count(*) FROM sqlite_schema");
  ASSERT_TRUE(tables.step());
  EXPECT_EQ(tables.integer(0), 1);
  auto journal = database.query("PRAGMA journal_mode");
  ASSERT_TRUE(journal.step());
  EXPECT_EQ(journal.text(0), "delete") << "the mode is kept in the file";
}

TEST_F(SqliteFileTest, ANewerSchemaIsRefused) {
  { ASSERT_TRUE(open().has_value()); }
  execute("PRAGMA user_version = 1000");

  expect_refused(Errc::unsupported);
}

TEST_F(SqliteFileTest, AnOlderSchemaIsMigratedAndItsJobsAreKept) {
  Uuid id;
  {
    const auto store = open().value();
    id = submit(*store).value().id;
  }
  // As the first version of the schema was.
  execute(
      "DROP TABLE usage; DROP TABLE account; DROP TABLE reservation; DROP INDEX job_tenant;"
      "PRAGMA user_version = 1");

  const auto store = open().value();

  EXPECT_EQ(wait(store->get({id})).value()[0]->state, jobs::JobState::ready);
  EXPECT_EQ(wait(store->usage().balance("a"))->micro_usd, 0);
  const UsageReservation reservation{
      .id = Uuid::make_v7(), .account = "a", .amount = {1}, .limit = {1}};
  EXPECT_TRUE(wait(store->usage().reserve(reservation)).has_value());
}

TEST_F(SqliteFileTest, AnEmptyFileBecomesAJobStore) {
  { const std::ofstream made(path_); }

  const auto store = open().value();

  EXPECT_TRUE(submit(*store).has_value());
}

TEST_F(SqliteFileTest, AMissingFolderIsAClearFailure) {
  jobs_sqlite::SqliteOptions options;
  options.path = (folder_.path() / "no-such-folder" / "jobs.db").string();

  const auto opened = jobs_sqlite::open_sqlite_job_store(runtime_, options);

  ASSERT_FALSE(opened.has_value());
  EXPECT_NE(opened.error().message().find(options.path), std::string::npos);
}

}  // namespace
}  // namespace rwp::tests
