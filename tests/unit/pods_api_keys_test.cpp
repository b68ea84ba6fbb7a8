#include "pods/api_keys.hpp"
#include "support/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/stat.h>
#include <thread>
#include <vector>

namespace rwp::pods {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class ApiKeysTest : public ::testing::Test {
 protected:
  std::string add(const std::string& tenant, const std::string& scopes = "jobs:read") {
    return add_api_key(path_, tenant, scopes).value();
  }
  std::shared_ptr<ApiKeys> open() { return ApiKeys::open(path_, observability::Logger()).value(); }
  std::string content() const {
    std::ifstream file(path_);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::string problem_with(const std::string& text) {
    std::ofstream(path_) << text;
    const auto opened = ApiKeys::open(path_, observability::Logger());
    return opened ? "" : opened.error().message();
  }
  static server::HttpHeaders with(const std::string& authorization) {
    return {{"authorization", authorization}};
  }
  /// The keys are looked at again every half second.
  template <class Condition>
  static bool comes_true(Condition condition) {
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(20ms);
    }
    return true;
  }

  tests::TemporaryDirectory directory_;
  const std::string path_ = directory_.path().string() + "/keys";
};

TEST_F(ApiKeysTest, KeyIsKnownAndItsFileHoldsTheHashAlone) {
  const std::string key = add("acme", "jobs:write,jobs:read,jobs:write");
  const auto identity = open()->find(key);

  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->tenant, "acme");
  EXPECT_THAT(identity->scopes, ElementsAre("jobs:write", "jobs:read"));
  EXPECT_THAT(key, HasSubstr(identity->key_id));
  EXPECT_THAT(content(), Not(HasSubstr(key.substr(20))));
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(ApiKeysTest, KeysThatWereNotGivenOutAreRefused) {
  const std::string key = add("acme");
  const auto keys = open();
  std::string other_secret = key;
  other_secret.back() = other_secret.back() == '0' ? '1' : '0';

  for (const auto& wrong :
       {other_secret, key.substr(0, key.size() - 1), key + "0", std::string(), std::string("rwp__"),
        "xxx_" + key.substr(4), std::string(5'000, 'r')}) {
    EXPECT_EQ(keys->find(wrong).error().code(), Errc::unauthenticated) << wrong;
  }
}

TEST_F(ApiKeysTest, HeaderIsReadAsTheStandardSaysAndScopesAreAsked) {
  const std::string key = add("acme", "jobs:read");
  const auto keys = open();

  EXPECT_TRUE(identify(*keys, with("Bearer " + key), kJobsRead));
  EXPECT_TRUE(identify(*keys, with("bEARER  " + key), kJobsRead));
  EXPECT_EQ(identify(*keys, with("Bearer " + key), kJobsWrite).error().code(),
            Errc::permission_denied);
  for (const auto& header : {"Bearer", "Bearer ", "Basic abc"}) {
    EXPECT_EQ(identify(*keys, with(header), kJobsRead).error().code(), Errc::unauthenticated);
  }
  EXPECT_EQ(identify(*keys, server::HttpHeaders(), kJobsRead).error().code(),
            Errc::unauthenticated);
  EXPECT_TRUE(identify(*ApiKeys::allow_everybody(), server::HttpHeaders(), kJobsWrite));
}

TEST_F(ApiKeysTest, KeyThatIsAddedOrRemovedCountsWithinASecond) {
  const std::string first = add("acme");
  const auto keys = open();
  const auto secret = keys->cursor_secret();
  const std::string second = add("globex");

  EXPECT_TRUE(comes_true([&] { return keys->find(second).has_value(); }));
  EXPECT_NE(keys->cursor_secret(), secret);
  const auto text = content();
  std::ofstream(path_, std::ios::trunc) << text.substr(text.find('\n') + 1);
  EXPECT_TRUE(comes_true([&] { return !keys->find(first).has_value(); }));
  EXPECT_TRUE(keys->find(second));
}

TEST_F(ApiKeysTest, FileThatBecomesUnreadableLeavesTheKeysAsTheyWere) {
  const std::string key = add("acme");
  const auto keys = open();
  const auto broken = content() + "{\n";
  std::ofstream(path_, std::ios::trunc) << broken;
  const auto until = std::chrono::steady_clock::now() + 700ms;

  while (std::chrono::steady_clock::now() < until) ASSERT_TRUE(keys->find(key));
  std::filesystem::remove(path_);
  const auto later = std::chrono::steady_clock::now() + 700ms;
  while (std::chrono::steady_clock::now() < later) ASSERT_TRUE(keys->find(key));
}

TEST_F(ApiKeysTest, LineThatIsWrongIsNamed) {
  const std::string hash(64, 'a');
  const std::string good = R"({"id":"a","sha256":")" + hash + R"(","tenant":"t","scopes":[]})";
  EXPECT_EQ(problem_with("# keys\n\n" + good), "");
  EXPECT_THAT(problem_with(good + "\nnonsense"), HasSubstr("line 2"));
  EXPECT_THAT(problem_with(good + "\n" + good), HasSubstr("twice"));
  EXPECT_THAT(problem_with(R"({"id":"a","sha256":"AA","tenant":"t","scopes":[]})"),
              HasSubstr("sha256"));
  EXPECT_THAT(problem_with(R"({"id":"a","sha256":")" + hash + R"(","tenant":"","scopes":[]})"),
              HasSubstr("tenant"));
  EXPECT_THAT(problem_with(std::string(5U << 20U, '#')), HasSubstr("4 MiB"));
  ASSERT_EQ(::chmod(path_.c_str(), 0666), 0);
  EXPECT_THAT(problem_with(good), HasSubstr("chmod o-w"));
  EXPECT_EQ(ApiKeys::open(path_ + "/none", observability::Logger()).has_value(), false);
}

TEST_F(ApiKeysTest, KeysThatAreAddedAtOnceAreAllKept) {
  std::ofstream(path_) << "# without a line break at its end";
  std::vector<std::thread> writers;
  std::vector<std::string> made(16);
  for (std::size_t i = 0; i < made.size(); ++i) {
    writers.emplace_back([&, i] { made[i] = add_api_key(path_, "acme", "jobs:read").value(); });
  }
  for (auto& writer : writers) writer.join();
  const auto keys = open();

  for (const auto& key : made) EXPECT_TRUE(keys->find(key)) << key;
}

TEST_F(ApiKeysTest, UnknownScopeIsRefusedBeforeAnythingIsWritten) {
  EXPECT_EQ(add_api_key(path_, "acme", "jobs:fly").error().code(), Errc::invalid_argument);
  EXPECT_EQ(add_api_key(path_, "acme", "jobs:read,").error().code(), Errc::invalid_argument);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace rwp::pods
