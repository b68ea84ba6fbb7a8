#pragma once

#include <rwp/core/runtime.hpp>
#include <rwp/core/url.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/jobs_postgres/postgres_job_store.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <support/postgres_server.hpp>
#include <support/run.hpp>
#include <utility>
#include <vector>

namespace rwp::tests {

/// A database of its own on the program's one server.
class PostgresTest : public ::testing::Test {
 protected:
  PostgresTest() {
    static std::atomic<int> databases{0};
    database_ = "test_" + std::to_string(++databases);
    server().create_database(database_);
  }

  static PostgresServer& server() {
    // Its log is read by SQL; each line begins with the database's name.
    static PostgresServer one(PostgresServer::Options{
        .settings = {"max_connections=100", "logging_collector=on", "log_line_prefix=%d "}});
    return one;
  }

  std::string url() const { return server().url(database_); }
  std::string sql(const std::string& text) const { return server().execute(text, database_); }

  std::shared_ptr<jobs::JobStore> open(const std::string& at,
                                       std::chrono::milliseconds patience = kGuard / 2) {
    jobs_postgres::PostgresOptions options;
    options.patience = patience;
    return jobs_postgres::open_postgres_job_store(runtime_, Url::parse(at).value(), options)
        .value();
  }
  std::shared_ptr<jobs::JobStore> open() { return open(url()); }

  template <class T>
  Result<T> wait(boost::asio::awaitable<Result<T>> operation) {
    return run(runtime_, std::move(operation));
  }

  std::string database_;
  Runtime runtime_;
};

inline jobs::ClaimRequest claim_of(std::size_t limit,
                                   std::chrono::milliseconds lease = std::chrono::seconds(30)) {
  return {.kinds = {{.kind = "k"}}, .limit = limit, .start = limit, .lease = lease};
}

}  // namespace rwp::tests
