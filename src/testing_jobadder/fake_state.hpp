#pragma once

#include <rwp/core/json_text.hpp>
#include <rwp/testing/fake_jobadder.hpp>

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::testing::jobadder {

using WallTime = std::chrono::system_clock::time_point;

enum class Table : std::uint8_t { job_ads, candidates, applications, placements };

struct Row {
  std::int64_t id = 0;
  WallTime created{};
  WallTime updated{};
  bool deleted = false;
  /// As the last PUT of custom fields had them; empty: none.
  std::string custom{};
  /// Of an application: "New", "Interview", "Rejected", ….
  std::string status = "New";
  /// Of a placement: the application that it came of.
  std::int64_t application = 0;
};

struct Note {
  std::string id{};
  std::string owner{};
  std::string text{};
  std::string type{};
  std::string reference{};
  WallTime created{};
};

struct Hook {
  std::string id{};
  std::string name{};
  std::vector<std::string> events{};
  std::string url{};
  std::string authorization{};
  std::string status = "Enabled";
  WallTime created{};
};

/// What becomes of one request of the API.
enum class Fate : std::uint8_t { good, throttled, failed, reset, cut, slow, unauthorised };

struct ListQuery {
  std::size_t offset = 0;
  std::size_t limit = 100;
  std::optional<WallTime> updated_from{};
  std::optional<WallTime> updated_to{};
  std::optional<WallTime> created_from{};
  std::optional<WallTime> created_to{};
  /// "createdAt", "-updatedAt"; empty: by id.
  std::string sort{};
  /// Of applications; 0: any.
  std::int64_t candidate = 0;
  std::int64_t job = 0;
};

struct ListAnswer {
  std::vector<Row> rows{};
  std::size_t total = 0;
};

struct Judged {
  Fate fate = Fate::good;
  std::chrono::seconds retry_after{1};
};

/// What the fake's handlers and its owner share. Threads: safe to share.
class State {
 public:
  explicit State(FakeJobAdderOptions options);

  const FakeJobAdderOptions& options() const noexcept { return options_; }

  std::string new_code();
  /// The body of an answer with tokens; none: the code or token is refused.
  std::optional<std::string> exchange(const std::string& code, const std::string& api_url);
  std::optional<std::string> refresh(const std::string& token, const std::string& api_url);
  void expire_tokens();

  /// Counts a request with this token and says what it meets.
  Judged judge(const std::string& token);
  ListAnswer list(Table table, const ListQuery& query);
  std::optional<Row> find(Table table, std::int64_t id) const;
  std::vector<Row> deleted_candidates() const;
  std::vector<std::int64_t> ids(Table table) const;
  bool touch(Table table, std::int64_t id);
  bool set_custom(std::int64_t application, std::string custom);
  bool set_status(std::int64_t application, std::string status);
  /// An approved placement of it now; none: no such application.
  std::optional<std::int64_t> place(std::int64_t application);
  /// Whose application it is, and for which advert and job.
  std::int64_t candidate_of(std::int64_t application) const;
  std::int64_t ad_of(std::int64_t application) const;
  bool remove_candidate(std::int64_t id);
  std::int64_t add_candidate();
  std::size_t count(Table table) const;

  Note add_note(Note note);
  std::vector<Note> notes(const std::string& owner) const;
  Hook add_hook(Hook hook);
  std::vector<Hook> hooks() const;
  std::optional<Hook> find_hook(const std::string& id) const;
  bool put_hook(const Hook& hook);
  bool remove_hook(const std::string& id);
  void set_hook_status(const std::string& status);

  FakeJobAdderCounts counts() const;
  std::string counts_json() const;
  void set_faults(FakeJobAdderFaults faults);
  FakeJobAdderFaults faults() const;

 private:
  std::string tokens_json(const std::string& api_url);
  std::vector<Row>& rows(Table table) { return tables_[static_cast<std::size_t>(table)]; }
  const std::vector<Row>& rows(Table table) const {
    return tables_[static_cast<std::size_t>(table)];
  }
  WallTime next_time();
  void shift(std::size_t shown);

  const FakeJobAdderOptions options_;
  mutable std::mutex mutex_;
  FakeJobAdderFaults faults_;
  FakeJobAdderCounts counts_;
  std::vector<std::vector<Row>> tables_;
  std::set<std::string> codes_;
  std::string refresh_token_;
  std::map<std::string, std::chrono::steady_clock::time_point> access_tokens_;
  std::deque<std::chrono::steady_clock::time_point> minute_;
  std::vector<Note> notes_;
  std::vector<Hook> hooks_;
  std::uint64_t made_ = 0;
  std::uint64_t candidate_pages_ = 0;
  WallTime latest_{};
};

using SharedState = std::shared_ptr<State>;

}  // namespace rwp::testing::jobadder
