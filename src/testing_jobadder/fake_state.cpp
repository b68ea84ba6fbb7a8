#include "testing_jobadder/fake_state.hpp"

#include <rwp/core/json_writer.hpp>
#include <rwp/core/uuid.hpp>

#include <algorithm>
#include <utility>

namespace rwp::testing::jobadder {
namespace {

using SteadyClock = std::chrono::steady_clock;
using namespace std::chrono_literals;

constexpr auto kMinute = 60s;

bool is_due(std::uint64_t every, std::uint64_t number) { return every != 0 && number % every == 0; }

std::vector<Row> make_rows(std::size_t count, WallTime begin) {
  std::vector<Row> rows;
  rows.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    Row row;
    row.id = static_cast<std::int64_t>(i + 1);
    // Some share a second, as bulk imports do.
    row.created = begin + std::chrono::seconds(i / 7 * 7);
    row.updated = row.created + std::chrono::seconds(i % 5);
    rows.push_back(row);
  }
  return rows;
}

}  // namespace

State::State(FakeJobAdderOptions options) : options_(std::move(options)), faults_(options_.faults) {
  const auto begin = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) -
                     std::chrono::hours(24 * 30);
  tables_.push_back(make_rows(options_.job_ads, begin));
  tables_.push_back(make_rows(options_.candidates, begin));
  tables_.push_back(make_rows(options_.applications, begin));
  tables_.emplace_back();
}

/// Rises with each call, so that each update has a time of its own (of milliseconds).
WallTime State::next_time() {
  const auto now = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  latest_ = std::max<WallTime>(now, latest_ + 1ms);
  return latest_;
}

std::string State::new_code() {
  const std::scoped_lock held(mutex_);
  std::string code = "code-" + Uuid::make_v7().to_string();
  codes_.insert(code);
  return code;
}

std::string State::tokens_json(const std::string& api_url) {
  ++counts_.exchanges;
  const std::string access = "access-" + Uuid::make_v7().to_string();
  access_tokens_[access] = SteadyClock::now() + options_.token_life;
  refresh_token_ = "refresh-" + Uuid::make_v7().to_string();
  JsonWriter out;
  out.begin_object()
      .member("access_token", access)
      .member("expires_in", static_cast<std::int64_t>(options_.token_life.count()))
      .member("token_type", "Bearer")
      .member("refresh_token", refresh_token_)
      .member("api", api_url)
      .member("instance", "fake1")
      .member("account", "4242")
      .end_object();
  return out.finish().release();
}

std::optional<std::string> State::exchange(const std::string& code, const std::string& api_url) {
  const std::scoped_lock held(mutex_);
  if (codes_.erase(code) == 0) return std::nullopt;
  return tokens_json(api_url);
}

std::optional<std::string> State::refresh(const std::string& token, const std::string& api_url) {
  const std::scoped_lock held(mutex_);
  if (token.empty() || token != refresh_token_) {
    ++counts_.refused_refreshes;
    return std::nullopt;
  }
  return tokens_json(api_url);
}

void State::expire_tokens() {
  const std::scoped_lock held(mutex_);
  access_tokens_.clear();
}

Judged State::judge(const std::string& token) {
  const std::scoped_lock held(mutex_);
  const auto now = SteadyClock::now();
  Judged judged;
  judged.retry_after = faults_.throttle_wait;
  ++counts_.requests;
  while (!minute_.empty() && now - minute_.front() >= kMinute) minute_.pop_front();
  minute_.push_back(now);
  counts_.most_in_minute = std::max<std::uint64_t>(counts_.most_in_minute, minute_.size());
  const auto number = counts_.requests;
  if (options_.requests_per_minute != 0 && minute_.size() > options_.requests_per_minute) {
    ++counts_.over_rate;
    ++counts_.throttled;
    judged.fate = Fate::throttled;
    return judged;
  }
  const auto known = access_tokens_.find(token);
  const bool expires = is_due(faults_.expire_every, number);
  if (expires && known != access_tokens_.end()) access_tokens_.erase(known);
  if (expires || known == access_tokens_.end() || now >= known->second) {
    ++counts_.unauthorised;
    judged.fate = Fate::unauthorised;
  } else if (is_due(faults_.throttle_every, number)) {
    ++counts_.throttled;
    judged.fate = Fate::throttled;
  } else if (is_due(faults_.error_every, number)) {
    judged.fate = Fate::failed;
  } else if (is_due(faults_.reset_every, number)) {
    judged.fate = Fate::reset;
  } else if (is_due(faults_.cut_every, number)) {
    judged.fate = Fate::cut;
  } else if (is_due(faults_.slow_every, number)) {
    judged.fate = Fate::slow;
  }
  return judged;
}

/// One of those that were shown goes, and one of them is updated.
void State::shift(std::size_t shown) {
  auto& all = rows(Table::candidates);
  std::size_t seen = 0;
  const std::size_t goes = ++made_ * 7 % std::max<std::size_t>(shown, 1);
  for (auto& row : all) {
    if (row.deleted) continue;
    if (seen == goes) {
      row.deleted = true;
      row.updated = next_time();
      ++counts_.shifts;
    } else if (seen == goes + 1) {
      row.updated = next_time();
      return;
    }
    ++seen;
  }
}

ListAnswer State::list(Table table, const ListQuery& query) {
  const std::scoped_lock held(mutex_);
  std::vector<const Row*> found;
  for (const Row& row : rows(table)) {
    if (row.deleted) continue;
    if (query.updated_from && row.updated < *query.updated_from) continue;
    if (query.updated_to && row.updated > *query.updated_to) continue;
    if (query.created_from && row.created < *query.created_from) continue;
    if (query.created_to && row.created > *query.created_to) continue;
    if (query.candidate != 0 && candidate_of(row.id) != query.candidate) continue;
    if (query.job != 0 && ad_of(row.id) != query.job) continue;
    found.push_back(&row);
  }
  const bool descending = query.sort.starts_with('-');
  const std::string_view key = std::string_view(query.sort).substr(descending ? 1 : 0);
  if (key == "createdAt" || key == "updatedAt") {
    const auto time = key == "createdAt" ? &Row::created : &Row::updated;
    std::stable_sort(found.begin(), found.end(),
                     [time](const Row* a, const Row* b) { return a->*time < b->*time; });
  }
  if (descending) std::reverse(found.begin(), found.end());
  ListAnswer answer;
  answer.total = found.size();
  for (std::size_t i = query.offset; i < found.size() && answer.rows.size() < query.limit; ++i) {
    answer.rows.push_back(*found[i]);
  }
  if (table == Table::candidates && is_due(faults_.shift_every, ++candidate_pages_)) {
    shift(query.offset + answer.rows.size());
  }
  return answer;
}

std::optional<Row> State::find(Table table, std::int64_t id) const {
  const std::scoped_lock held(mutex_);
  const auto& all = rows(table);
  if (id < 1 || static_cast<std::size_t>(id) > all.size()) return std::nullopt;
  const Row& row = all[static_cast<std::size_t>(id) - 1];
  if (row.deleted) return std::nullopt;
  return row;
}

std::vector<Row> State::deleted_candidates() const {
  const std::scoped_lock held(mutex_);
  std::vector<Row> found;
  for (const Row& row : rows(Table::candidates)) {
    if (row.deleted) found.push_back(row);
  }
  return found;
}

std::vector<std::int64_t> State::ids(Table table) const {
  const std::scoped_lock held(mutex_);
  std::vector<std::int64_t> found;
  for (const Row& row : rows(table)) {
    if (!row.deleted) found.push_back(row.id);
  }
  return found;
}

std::size_t State::count(Table table) const {
  const std::scoped_lock held(mutex_);
  return rows(table).size();
}

bool State::touch(Table table, std::int64_t id) {
  const std::scoped_lock held(mutex_);
  auto& all = rows(table);
  if (id < 1 || static_cast<std::size_t>(id) > all.size()) return false;
  all[static_cast<std::size_t>(id) - 1].updated = next_time();
  return true;
}

bool State::set_custom(std::int64_t application, std::string custom) {
  const std::scoped_lock held(mutex_);
  auto& all = rows(Table::applications);
  if (application < 1 || static_cast<std::size_t>(application) > all.size()) return false;
  auto& row = all[static_cast<std::size_t>(application) - 1];
  row.custom = std::move(custom);
  row.updated = next_time();
  return true;
}

bool State::set_status(std::int64_t application, std::string status) {
  const std::scoped_lock held(mutex_);
  auto& all = rows(Table::applications);
  if (application < 1 || static_cast<std::size_t>(application) > all.size()) return false;
  auto& row = all[static_cast<std::size_t>(application) - 1];
  row.status = std::move(status);
  row.updated = next_time();
  return true;
}

std::optional<std::int64_t> State::place(std::int64_t application) {
  const std::scoped_lock held(mutex_);
  const auto applications = static_cast<std::int64_t>(rows(Table::applications).size());
  if (application < 1 || application > applications) return std::nullopt;
  auto& all = rows(Table::placements);
  Row row;
  row.id = static_cast<std::int64_t>(all.size() + 1);
  row.created = next_time();
  row.updated = row.created;
  row.application = application;
  all.push_back(row);
  return row.id;
}

std::int64_t State::candidate_of(std::int64_t application) const {
  const auto candidates = static_cast<std::int64_t>(options_.candidates);
  return (application - 1) % std::max<std::int64_t>(candidates, 1) + 1;
}

std::int64_t State::ad_of(std::int64_t application) const {
  const auto ads = static_cast<std::int64_t>(options_.job_ads);
  return ads == 0 ? 0 : (application - 1) % ads + 1;
}

bool State::remove_candidate(std::int64_t id) {
  const std::scoped_lock held(mutex_);
  auto& all = rows(Table::candidates);
  if (id < 1 || static_cast<std::size_t>(id) > all.size()) return false;
  auto& row = all[static_cast<std::size_t>(id) - 1];
  row.deleted = true;
  row.updated = next_time();
  return true;
}

std::int64_t State::add_candidate() {
  const std::scoped_lock held(mutex_);
  auto& all = rows(Table::candidates);
  Row row;
  row.id = static_cast<std::int64_t>(all.size() + 1);
  row.created = next_time();
  row.updated = row.created;
  all.push_back(row);
  return row.id;
}

Note State::add_note(Note note) {
  const std::scoped_lock held(mutex_);
  note.id = Uuid::make_v7().to_string();
  note.created = next_time();
  ++counts_.notes;
  notes_.push_back(note);
  return note;
}

std::vector<Note> State::notes(const std::string& owner) const {
  const std::scoped_lock held(mutex_);
  std::vector<Note> found;
  for (const Note& note : notes_) {
    if (owner.empty() || note.owner == owner) found.push_back(note);
  }
  return found;
}

Hook State::add_hook(Hook hook) {
  const std::scoped_lock held(mutex_);
  hook.id = Uuid::make_v7().to_string();
  hook.created = next_time();
  hooks_.push_back(hook);
  return hook;
}

std::vector<Hook> State::hooks() const {
  const std::scoped_lock held(mutex_);
  return hooks_;
}

std::optional<Hook> State::find_hook(const std::string& id) const {
  const std::scoped_lock held(mutex_);
  for (const Hook& hook : hooks_) {
    if (hook.id == id) return hook;
  }
  return std::nullopt;
}

bool State::put_hook(const Hook& hook) {
  const std::scoped_lock held(mutex_);
  for (Hook& standing : hooks_) {
    if (standing.id != hook.id) continue;
    standing = hook;
    return true;
  }
  return false;
}

bool State::remove_hook(const std::string& id) {
  const std::scoped_lock held(mutex_);
  return std::erase_if(hooks_, [&id](const Hook& hook) { return hook.id == id; }) != 0;
}

void State::set_hook_status(const std::string& status) {
  const std::scoped_lock held(mutex_);
  for (Hook& hook : hooks_) hook.status = status;
}

FakeJobAdderCounts State::counts() const {
  const std::scoped_lock held(mutex_);
  return counts_;
}

std::string State::counts_json() const {
  const auto counted = counts();
  JsonWriter out;
  out.begin_object()
      .member("requests", counted.requests)
      .member("over_rate", counted.over_rate)
      .member("most_in_minute", counted.most_in_minute)
      .member("throttled", counted.throttled)
      .member("exchanges", counted.exchanges)
      .member("refused_refreshes", counted.refused_refreshes)
      .member("unauthorised", counted.unauthorised)
      .member("shifts", counted.shifts)
      .member("notes", counted.notes)
      .end_object();
  return out.finish().release();
}

void State::set_faults(FakeJobAdderFaults faults) {
  const std::scoped_lock held(mutex_);
  faults_ = faults;
}

FakeJobAdderFaults State::faults() const {
  const std::scoped_lock held(mutex_);
  return faults_;
}

}  // namespace rwp::testing::jobadder
