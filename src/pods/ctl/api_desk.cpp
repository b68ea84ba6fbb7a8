#include "pods/ctl/jobs_desk.hpp"
#include "pods/time_text.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/describe.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/net/status.hpp>

#include <algorithm>
#include <charconv>
#include <optional>
#include <thread>
#include <utility>

namespace rwp::pods::ctl {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// An API pod's bounds on one request.
constexpr std::size_t kMostBodyBytes = std::size_t{4} << 20U;
constexpr std::size_t kRoomForFields = std::size_t{1} << 20U;
/// What it lets a request wait for a job's end.
constexpr std::chrono::seconds kLongestWait{60};

std::string escaped(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kDigits[byte >> 4U];
    out += kDigits[byte & 15U];
  }
  return out;
}

std::string text_at(JsonView view, std::string_view name) {
  const auto member = view.find(name);
  return member ? std::string(member->as_string().value_or("")) : std::string();
}

/// What an answer that is no success says, and the place in the request that it names.
struct Refusal {
  Error error{};
  std::string field{};
};

Refusal read_refusal(const net::HttpResponse& response) {
  const Errc code = net::errc_of_status(response.status);
  Refusal refusal{.error = Error(code, "HTTP status " + std::to_string(response.status) +
                                           ", and not from an API pod")};
  const auto body = JsonText::parse(response.body);
  if (!body) return refusal;
  const JsonDocument document(*body);
  const auto detail = text_at(document.root(), "detail");
  refusal.field = text_at(document.root(), "field");
  if (!detail.empty()) refusal.error = Error(code, detail);
  return refusal;
}

/// "jobs[12].kind" names the job at 12.
std::optional<std::size_t> index_in(const std::string& field) {
  constexpr std::string_view kPrefix = "jobs[";
  if (!field.starts_with(kPrefix)) return std::nullopt;
  std::size_t index = 0;
  const char* end = field.data() + field.size();
  const auto read = std::from_chars(field.data() + kPrefix.size(), end, index);
  if (read.ec != std::errc() || read.ptr == end || *read.ptr != ']') return std::nullopt;
  return index;
}

void write_duration(JsonWriter& out, std::string_view name, std::chrono::milliseconds duration) {
  if (duration.count() > 0) out.member(name, std::to_string(duration.count()) + "ms");
}

void write_unique(JsonWriter& out, const jobs::UniqueRule& unique) {
  if (unique.key.empty()) return;
  out.key("unique").begin_object().member("key", unique.key);
  out.key("states").begin_array();
  for (std::size_t i = 0; i < jobs::kJobStateCount; ++i) {
    const auto state = static_cast<jobs::JobState>(i);
    if (unique.states.contains(state)) out.value(enum_name(state));
  }
  out.end_array();
  write_duration(out, "period", unique.period);
  out.end_object();
}

void write_new_job(JsonWriter& out, const jobs::NewJob& job) {
  out.begin_object().member("kind", job.kind).member("version", job.version);
  out.member("queue", job.queue).member("payload", job.payload);
  out.member("priority", enum_name(job.priority));
  if (job.run_at) out.member("run_at", to_rfc3339(*job.run_at));
  write_duration(out, "delay", job.delay);
  write_duration(out, "timeout", job.timeout);
  out.member("max_attempts", job.max_attempts);
  if (!job.idempotency_key.empty()) out.member("idempotency_key", job.idempotency_key);
  write_unique(out, job.unique);
  if (!job.tags.empty()) {
    out.key("tags").begin_array();
    for (const auto& tag : job.tags) out.value(tag);
    out.end_array();
  }
  out.end_object();
}

std::string query_of(const jobs::JobFilter& filter) {
  std::string query;
  const auto add = [&query](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    query += (query.empty() ? "?" : "&") + std::string(name) + "=" + escaped(value);
  };
  if (filter.states != jobs::StateSet::all()) {
    std::string names;
    for (std::size_t i = 0; i < jobs::kJobStateCount; ++i) {
      const auto state = static_cast<jobs::JobState>(i);
      if (!filter.states.contains(state)) continue;
      names += (names.empty() ? "" : ",") + std::string(enum_name(state));
    }
    add("state", names);
  }
  add("queue", filter.queue);
  add("kind", filter.kind);
  add("tag", filter.tag);
  if (filter.created_from) add("created_from", to_rfc3339(*filter.created_from));
  if (filter.created_before) add("created_before", to_rfc3339(*filter.created_before));
  return query;
}

Result<jobs::Inserted> read_inserted(JsonView view) {
  if (const auto problem = view.find("problem")) {
    return Error(errc_from_string(text_at(*problem, "code")), text_at(*problem, "detail"));
  }
  const auto id = Uuid::parse(text_at(view, "id"));
  if (!id) return Error(Errc::corrupt, "the answer has no id of the job");
  const auto outcome = text_at(view, "outcome");
  jobs::Inserted inserted{.id = *id};
  if (outcome == "existing") inserted.outcome = jobs::Inserted::Outcome::existing;
  if (outcome == "collapsed") inserted.outcome = jobs::Inserted::Outcome::collapsed;
  return inserted;
}

Result<Standing> read_standing(const JsonText& job) {
  const JsonDocument document(job);
  const auto state = enum_value<jobs::JobState>(text_at(document.root(), "state"));
  if (!state) return Error(Errc::corrupt, "the answer has no state of the job");
  Standing standing{.state = *state};
  const auto reason = enum_value<jobs::EndReason>(text_at(document.root(), "end_reason"));
  if (reason) standing.end_reason = *reason;
  return standing;
}

class ApiDesk final : public JobsDesk {
 public:
  ApiDesk(Runtime& runtime, std::shared_ptr<net::HttpTransport> transport, ApiDeskOptions options)
      : runtime_(runtime), transport_(std::move(transport)), options_(std::move(options)) {
    while (options_.url.ends_with('/')) options_.url.pop_back();
  }

  jobs::PerItem<jobs::Inserted> submit(std::vector<jobs::NewJob> jobs) override {
    std::vector<Result<jobs::Inserted>> answers(jobs.size(), Result<jobs::Inserted>());
    std::vector<std::size_t> places(jobs.size());
    for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
    // A request is judged whole, so what it refuses is left out, and the rest is sent again.
    while (!places.empty()) {
      Refusal refusal;
      auto done = post(jobs, places, answers, refusal);
      if (done) return answers;
      const auto bad = index_in(refusal.field);
      if (!bad || *bad >= places.size()) return done.error();
      answers[places[*bad]] = refusal.error;
      places.erase(places.begin() + static_cast<std::ptrdiff_t>(*bad));
    }
    return answers;
  }

  Result<JsonText> show(const Uuid& id) override {
    return ask("GET", "/v1/jobs/" + id.to_string());
  }

  Result<DeskPage> list(const jobs::JobFilter& filter, const std::string& cursor,
                        std::size_t limit) override {
    std::string query = query_of(filter);
    query += (query.empty() ? "?limit=" : "&limit=") + std::to_string(limit);
    if (!cursor.empty()) query += "&cursor=" + escaped(cursor);
    auto answer = ask("GET", "/v1/jobs" + query);
    if (!answer) return answer.error();
    DeskPage page;
    const JsonDocument document(*answer);
    page.jobs = elements(document, "jobs");
    page.next_cursor = text_at(document.root(), "next_cursor");
    return page;
  }

  Result<std::string> cancel(const Uuid& id) override {
    return text_of(ask("POST", "/v1/jobs/" + id.to_string() + "/cancel"), "outcome");
  }
  Result<std::size_t> cancel_where(const jobs::JobFilter& filter) override {
    return count_of(ask("POST", "/v1/jobs/cancel" + query_of(filter)), "cancelled");
  }
  Result<std::string> retry(const Uuid& id) override {
    return text_of(ask("POST", "/v1/jobs/" + id.to_string() + "/retry"), "state");
  }
  Result<std::size_t> retry_where(const jobs::JobFilter& filter) override {
    return count_of(ask("POST", "/v1/jobs/retry" + query_of(filter)), "retried");
  }

  jobs::PerItem<Standing> wait(const std::vector<Uuid>& ids, SteadyTime deadline) override {
    std::vector<Result<Standing>> standings;
    standings.reserve(ids.size());
    for (const Uuid& id : ids) {
      auto standing = wait_for(id, deadline);
      const bool gone = !standing && standing.error().code() == Errc::not_found;
      if (!standing && !gone) return standing.error();
      standings.push_back(std::move(standing));
    }
    return standings;
  }

  Result<std::vector<JsonText>> queues() override {
    auto answer = ask("GET", "/v1/queues");
    if (!answer) return answer.error();
    const JsonDocument document(*answer);
    return elements(document, "queues");
  }

  Result<void> set_paused(const std::string& queue, bool paused) override {
    auto answer = ask("POST", "/v1/queues/" + escaped(queue) + (paused ? "/pause" : "/resume"));
    if (!answer) return answer.error();
    return {};
  }

  std::size_t ids_per_wait() const override { return 20; }
  std::size_t bytes_per_submit() const override { return kMostBodyBytes - kRoomForFields; }
  bool sees_tenants() const override { return false; }

 private:
  Result<void> post(const std::vector<jobs::NewJob>& jobs, const std::vector<std::size_t>& places,
                    std::vector<Result<jobs::Inserted>>& answers, Refusal& refusal) {
    JsonWriter out;
    out.begin_object().key("jobs").begin_array();
    for (const std::size_t place : places) write_new_job(out, jobs[place]);
    out.end_array().end_object();
    auto answer = ask("POST", "/v1/jobs", out.finish().release(), &refusal);
    if (!answer) return answer.error();
    const JsonDocument document(*answer);
    const auto made = document.root().find("jobs");
    if (!made || made->size() != places.size()) {
      return Error(Errc::corrupt, "the answer is not one for each job");
    }
    for (std::size_t i = 0; i < places.size(); ++i) answers[places[i]] = read_inserted(made->at(i));
    return {};
  }

  Result<Standing> wait_for(const Uuid& id, SteadyTime deadline) {
    while (true) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
      const auto wait = std::clamp<std::chrono::milliseconds>(left, 0ms, kLongestWait / 2);
      auto job =
          ask("GET", "/v1/jobs/" + id.to_string() + "?wait=" + std::to_string(wait.count()) + "ms");
      if (!job) return job.error();
      auto standing = read_standing(*job);
      if (!standing || jobs::has_ended(standing->state) || Clock::now() >= deadline) {
        return standing;
      }
    }
  }

  static std::vector<JsonText> elements(const JsonDocument& document, std::string_view name) {
    std::vector<JsonText> all;
    const auto array = document.root().find(name);
    for (std::size_t i = 0; array && i < array->size(); ++i) all.push_back(array->at(i).text());
    return all;
  }

  static Result<std::string> text_of(const Result<JsonText>& answer, std::string_view name) {
    if (!answer) return answer.error();
    const JsonDocument document(*answer);
    return text_at(document.root(), name);
  }

  static Result<std::size_t> count_of(const Result<JsonText>& answer, std::string_view name) {
    if (!answer) return answer.error();
    const JsonDocument document(*answer);
    const auto count = document.root().find(name);
    return static_cast<std::size_t>(count ? count->as_uint64().value_or(0) : 0);
  }

  /// Asks again while the other side is away and patience lasts: a submit's jobs carry keys, and
  /// everything else is safe to repeat as it is.
  Result<JsonText> ask(const std::string& method, const std::string& path,
                       const std::string& body = std::string(), Refusal* refusal = nullptr) {
    const auto until = Clock::now() + options_.patience;
    for (std::chrono::milliseconds pause = 50ms;; pause = std::min(2 * pause, 2'000ms)) {
      auto answer = ask_once(method, path, body, refusal);
      if (answer || !answer.error().retryable()) return answer;
      const auto wait = std::max(pause, answer.error().retry_after().value_or(0ms));
      if (Clock::now() + wait >= until) return answer;
      std::this_thread::sleep_for(wait);
    }
  }

  Result<JsonText> ask_once(const std::string& method, const std::string& path,
                            const std::string& body, Refusal* refusal) {
    net::HttpRequest request;
    request.method = method;
    request.url = options_.url + path;
    request.body = body;
    request.connect_timeout = 5s;
    request.head_timeout = kLongestWait + 30s;
    request.deadline = Clock::now() + kLongestWait + 60s;
    request.max_response_bytes = std::size_t{64} << 20U;
    if (!options_.key.empty()) request.headers.add("Authorization", "Bearer " + options_.key);
    if (!body.empty()) request.headers.add("Content-Type", "application/json");
    auto response = block_on(runtime_, transport_->send(std::move(request)));
    if (!response) return response.error();
    if (response->status < 200 || response->status > 299) {
      auto told = read_refusal(*response);
      if (refusal != nullptr) *refusal = told;
      return told.error;
    }
    // The jobs' own documents stand within it.
    auto json = JsonText::parse(std::move(response->body), 2 * JsonText::kMaxDepth);
    if (!json)
      return Error(Errc::corrupt, "what answers there is no API pod: " + json.error().message());
    return json;
  }

  Runtime& runtime_;
  const std::shared_ptr<net::HttpTransport> transport_;
  ApiDeskOptions options_;
};

}  // namespace

std::unique_ptr<JobsDesk> make_api_desk(Runtime& runtime,
                                        std::shared_ptr<net::HttpTransport> transport,
                                        ApiDeskOptions options) {
  return std::make_unique<ApiDesk>(runtime, std::move(transport), std::move(options));
}

}  // namespace rwp::pods::ctl
