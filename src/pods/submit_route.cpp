#include "pods/forgotten.hpp"
#include "pods/jobs_api.hpp"
#include "pods/steer_names.hpp"
#include <rwp/jobs/checked_job.hpp>
#include <rwp/observability/trace.hpp>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

using jobs::Awaitable;
using jobs::Inserted;
using server::Request;
using server::Response;

constexpr std::size_t kMaxBodyBytes = std::size_t{4} << 20U;

std::string place_of(std::size_t index, bool many) {
  return many ? "jobs[" + std::to_string(index) + "]" : std::string();
}

std::string join(const std::string& place, const std::string& field) {
  return place.empty() || field.empty() ? place + field : place + "." + field;
}

/// A browser sends any page's POST, but not with this type unless the server has agreed: which
/// matters where nobody is asked for a key.
bool is_json(const server::HttpHeaders& headers) {
  const auto type = headers.find("Content-Type").value_or("");
  auto essence = type.substr(0, type.find(';'));
  while (!essence.empty() && essence.back() == ' ') essence.remove_suffix(1);
  return net::equal_without_case(essence, "application/json");
}

/// What the request, and not a job of it, adds to each.
Result<void> complete(const Request& request, const observability::TraceContext& of_jobs,
                      JobsToSubmit& wanted, BadRequest& bad) {
  const auto header = request.headers.find("Idempotency-Key");
  const auto refused = [&bad](std::string field, const std::string& rule) {
    bad.field = std::move(field);
    bad.error = Error(Errc::invalid_argument, "\"" + bad.field + "\" " + rule);
    return bad.error;
  };
  if (header && (header->empty() || header->size() > 200)) {
    return refused("Idempotency-Key", "must be 1 to 200 bytes");
  }
  const std::string trace = of_jobs.to_traceparent();
  for (std::size_t i = 0; i < wanted.jobs.size(); ++i) {
    auto& job = wanted.jobs[i];
    const std::string place = place_of(i, wanted.many);
    job.tenant = request.identity.tenant;
    job.traceparent = trace;
    if (job.kind.starts_with(jobs::kSystemKindPrefix)) {
      return refused(join(place, "kind"), "must not start with \"rwp.\", which is the system's");
    }
    if (!header) continue;
    if (!job.idempotency_key.empty() && !wanted.many) {
      return refused("Idempotency-Key", "must not stand beside \"idempotency_key\"");
    }
    if (job.idempotency_key.empty()) {
      job.idempotency_key = std::string(*header) + (wanted.many ? "#" + std::to_string(i) : "");
    }
  }
  return {};
}

/// Refuses a request with a job of somebody who is to stay forgotten.
Awaitable<Result<void>> refuse_forgotten(std::shared_ptr<storage::ObjectStore> objects,
                                         const JobsToSubmit* wanted, BadRequest* bad) {
  std::vector<std::string> candidates;
  candidates.reserve(wanted->jobs.size());
  for (const auto& job : wanted->jobs) candidates.push_back(candidate_in(job.kind, job.payload));
  Forgotten forgotten(std::move(objects));
  // All jobs of a request are one tenant's.
  const auto held = co_await forgotten.which(wanted->jobs.front().tenant, std::move(candidates));
  if (!held) co_return held.error();
  const auto first = std::find(held->begin(), held->end(), true);
  if (first == held->end()) co_return Result<void>();
  const auto index = static_cast<std::size_t>(first - held->begin());
  bad->field = join(place_of(index, wanted->many), "payload");
  bad->error = forgotten_error();
  co_return bad->error;
}

/// Judges all of many before any is inserted: one that breaks a rule refuses the whole request.
Awaitable<jobs::PerItem<Inserted>> insert_many(std::shared_ptr<jobs::JobStore> store,
                                               std::vector<jobs::NewJob> wanted, BadRequest* bad) {
  const auto now = store->now();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    auto checked = jobs::check(std::move(wanted[i]), now);
    if (!checked) {
      bad->field = join(place_of(i, true), named_field(checked.error()));
      bad->error = checked.error().with_context(place_of(i, true));
      co_return bad->error;
    }
    wanted[i] = std::move(checked->job);
  }
  co_return co_await store->insert(std::move(wanted));
}

/// With ids from the start, so that it may be repeated whatever became of it.
Awaitable<jobs::PerItem<Inserted>> insert(JobsApi api, std::vector<jobs::NewJob> wanted, bool many,
                                          BadRequest* bad) {
  if (api.patience->length().count() == 0) {
    auto operation = many ? insert_many(api.store, std::move(wanted), bad)
                          : api.store->insert(std::move(wanted));
    co_return co_await at_store(api.store, std::move(operation));
  }
  const auto now = api.store->now();
  for (auto& job : wanted) job.id = Uuid::make_v7(now);
  std::function<Awaitable<jobs::PerItem<Inserted>>()> make =
      [store = api.store, wanted = std::move(wanted), many, bad] {
        return many ? insert_many(store, wanted, bad) : store->insert(wanted);
      };
  auto operation = write_at_store(api, std::move(make), true);
  co_return co_await std::move(operation);
}

/// From the request's being read to the jobs' being durable, or refused; the jobs' traces go on
/// here.
class SubmitSpan {
 public:
  SubmitSpan(std::shared_ptr<observability::SpanExporter> spans,
             const observability::TraceContext& parent, const JobsToSubmit& wanted)
      : spans_(parent.sampled ? std::move(spans) : nullptr) {
    record_.context = spans_ ? parent.make_child() : parent;
    if (!spans_) return;
    record_.parent_span_id = parent.span_id;
    record_.kind = observability::SpanKind::producer;
    record_.name = "submit";
    // Not judged yet, it may be of any length.
    const std::string& kind = wanted.jobs.front().kind;
    if (kind.size() <= kMostKindBytes) record_.name += " " + kind;
    record_.start = std::chrono::system_clock::now();
    record_.attributes.emplace_back("messaging.batch.message_count",
                                    std::to_string(wanted.jobs.size()));
  }

  const observability::TraceContext& context() const noexcept { return record_.context; }

  void end(const jobs::PerItem<Inserted>& answers) {
    if (!spans_) return;
    record_.end = std::chrono::system_clock::now();
    record_.failed = !answers || !answers->front();
    if (!record_.failed) {
      record_.attributes.emplace_back("rwp.job.id", answers->front()->id.to_string());
    }
    std::exchange(spans_, nullptr)->export_span(std::move(record_));
  }

 private:
  static constexpr std::size_t kMostKindBytes = 200;

  std::shared_ptr<observability::SpanExporter> spans_;
  observability::SpanRecord record_;
};

void write_inserted(JsonWriter& out, const Inserted& inserted) {
  out.begin_object();
  out.member("id", inserted.id.to_string());
  out.member("outcome", outcome_name(inserted.outcome));
  out.end_object();
}

Response answer_many(const std::vector<Result<Inserted>>& answers) {
  JsonWriter out;
  out.begin_object().key("jobs").begin_array();
  bool all = true;
  bool created = false;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i]) {
      created = created || answers[i]->outcome == Inserted::Outcome::created;
      write_inserted(out, *answers[i]);
      continue;
    }
    all = false;
    const auto problem = server::to_problem(answers[i].error());
    out.begin_object().key("problem").begin_object();
    out.member("status", problem.status);
    out.member("code", problem.code);
    out.member("detail", problem.detail);
    out.member("field", place_of(i, true));
    out.end_object().end_object();
  }
  out.end_array().end_object();
  return server::json_response(!all ? 207 : (created ? 201 : 200), out.finish().release());
}

/// The job with its result; 202 when it has not ended by then.
Awaitable<Response> answer_waiting(JobsApi api, Request request, Inserted inserted,
                                   std::chrono::milliseconds wait) {
  const auto begun = std::chrono::steady_clock::now();
  auto operation = api.waits->wait(inserted.id, begun + wait);
  auto job = co_await at_store(api.store, std::move(operation));
  if (!job) co_return refuse(request, job.error());
  const auto waited = std::chrono::steady_clock::now() - begun;
  JsonWriter out;
  write_job(out, *job);
  const bool created = inserted.outcome == Inserted::Outcome::created;
  const int ended = created ? 201 : 200;
  auto response =
      server::json_response(jobs::has_ended(job->state) ? ended : 202, out.finish().release());
  response.waited = waited;
  co_return response;
}

Awaitable<Response> submit(JobsApi api, Request request) {
  BadRequest bad;
  if (!is_json(request.headers)) {
    server::Problem problem;
    problem.status = 415;
    problem.code = "unsupported_media_type";
    problem.detail = "\"Content-Type\" must be application/json";
    problem.field = "Content-Type";
    problem.request_id = request.request_id;
    co_return api_problem(problem);
  }
  if (auto known = check_query(request, {"wait"}, bad); !known) {
    co_return refuse(request, bad.error, bad.field);
  }
  const auto wait = read_wait(request, bad);
  if (!wait) co_return refuse(request, bad.error, bad.field);
  auto wanted = read_jobs(std::move(request.body), bad);
  if (!wanted) co_return refuse(request, bad.error, bad.field);
  const bool many = wanted->many;
  if (many && request.query_value("wait")) {
    const Error error(Errc::invalid_argument, R"(query "wait" is for one job, not for "jobs")");
    co_return refuse(request, error, "wait");
  }
  SubmitSpan span(api.spans, request.trace, *wanted);
  if (auto whole = complete(request, span.context(), *wanted, bad); !whole) {
    co_return refuse(request, bad.error, bad.field);
  }

  // What is about nobody is not held up, nor does it change threads.
  const auto is_about_somebody = [](const jobs::NewJob& job) {
    return !candidate_in(job.kind, job.payload).empty();
  };
  if (api.objects && std::any_of(wanted->jobs.begin(), wanted->jobs.end(), is_about_somebody)) {
    auto asked = refuse_forgotten(api.objects, &*wanted, &bad);
    const auto welcome = co_await on(api.objects_executor, std::move(asked));
    if (!welcome) co_return refuse(request, welcome.error(), bad.field);
  }
  auto answers = co_await insert(api, std::move(wanted->jobs), many, &bad);
  span.end(answers);
  if (!answers) co_return refuse(request, answers.error(), bad.field);
  if (many) co_return answer_many(*answers);
  const auto& answer = answers->front();
  if (!answer) {
    std::string field = named_field(answer.error());
    if (answer.error().code() == Errc::conflict) field = "idempotency_key";
    const bool header = request.headers.contains("Idempotency-Key");
    if (header && field == "idempotency_key") field = "Idempotency-Key";
    co_return refuse(request, answer.error(), std::move(field));
  }
  Response response;
  if (wait->count() > 0) {
    response = co_await answer_waiting(api, std::move(request), *answer, *wait);
  } else {
    JsonWriter out;
    write_inserted(out, *answer);
    const bool created = answer->outcome == Inserted::Outcome::created;
    response = server::json_response(created ? 201 : 200, out.finish().release());
  }
  response.headers.add("Location", "/v1/jobs/" + answer->id.to_string());
  co_return response;
}

}  // namespace

void add_submit_route(server::Router& router, const JobsApi& api) {
  auto options = api_route(api, kJobsWrite);
  options.max_body_bytes = kMaxBodyBytes;
  options.timeout = kLongestWait + api.patience->length() + std::chrono::seconds(30);
  router.add(
      "POST", "/v1/jobs", [api](Request request) { return submit(api, std::move(request)); },
      std::move(options));
}

}  // namespace rwp::pods
