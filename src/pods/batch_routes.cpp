#include "pods/batch_routes.hpp"

#include "pods/batch_record.hpp"
#include "pods/file_shelf.hpp"
#include "pods/openai_body.hpp"
#include "pods/openai_error.hpp"
#include "pods/openai_fields.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/json_writer.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace rwp::pods {
namespace {

using boost::asio::awaitable;
using server::Request;
using server::Response;
using Shared = std::shared_ptr<const FileRoutes>;

/// Of a tenant at once; beyond, one has to end first.
constexpr std::size_t kMostOpenBatches = 100;
constexpr std::size_t kMostPage = 100;
constexpr int kMostPages = 20;
constexpr std::size_t kMostPairs = 16;
constexpr int kBatchAttempts = 1'000;

Response refuse(int status, std::string param, std::string code, std::string message) {
  OpenAiError error;
  error.status = status;
  error.param = std::move(param);
  error.code = std::move(code);
  error.message = std::move(message);
  return openai_error_response(error);
}

Response no_such_batch(const std::string& id) {
  return refuse(404, "", "not_found", "No batch found with id '" + id.substr(0, 64) + "'.");
}

Response failed(const FileRoutes& routes, const Request& request, const Error& error) {
  auto told = to_openai_error(error);
  if (told.status >= 500) {
    routes.log.error("batches cannot be served",
                     {{"request_id", request.request_id}, {"error", error.to_string()}});
    told.code = "store_unavailable";
  }
  return openai_error_response(told);
}

/// What the body asks for.
std::variant<BatchOrder, OpenAiError> read_body(std::string body) {
  RequestFault fault;
  BatchOrder order;
  const auto document = read_openai_body(std::move(body), fault);
  if (!document) return *fault.error();
  RequestFields fields(document->root(), "", fault);
  order.input_file = fields.text("input_file_id").value_or("");
  if (order.input_file.empty()) fields.missing("input_file_id");
  const auto endpoint =
      fields.choice("endpoint", {"/v1/chat/completions", "/v1/embeddings", "/v1/responses"});
  if (!endpoint) fields.missing("endpoint");
  order.endpoint = endpoint.value_or("");
  if (!fields.choice("completion_window", {"24h"})) fields.missing("completion_window");
  if (const auto metadata = fields.object("metadata")) {
    if (metadata->size() > kMostPairs) fields.invalid("metadata", "expected at most 16 pairs");
    RequestFields inside(*metadata, "metadata", fault);
    metadata->each_member([&](std::string_view name, JsonView) {
      if (name.size() > 4 * 64) fields.invalid("metadata", "a key is longer than 64 characters");
      const auto value = inside.text(name, 4 * 512);
      if (value) order.metadata.emplace(std::string(name), std::string(*value));
      return !fault;
    });
  }
  if (const auto expires = fields.object("output_expires_after")) {
    RequestFields inside(*expires, "output_expires_after", fault);
    if (!inside.choice("anchor", {"created_at"})) inside.missing("anchor");
    const auto seconds = inside.integer("seconds", 3'600, 2'592'000);
    if (!seconds) inside.missing("seconds");
    order.output_expires_seconds = seconds.value_or(0);
    inside.close();
  }
  fields.close();
  if (fault) return *fault.error();
  return order;
}

/// The jobs of a tenant's batches that match.
awaitable<Result<std::vector<jobs::Job>>> list_jobs(Shared routes, std::string tenant,
                                                    jobs::JobFilter filter, std::size_t limit) {
  filter.kind = kPodBatchKind;
  filter.tenant = tenant;
  std::vector<jobs::Job> found;
  std::string cursor;
  for (int pages = 0; pages < kMostPages && found.size() < limit; ++pages) {
    auto listing = routes->store->list(filter, cursor, kMostPage);
    auto page = co_await on(routes->store->runtime().executor(), std::move(listing));
    if (!page) co_return page.error();
    for (auto& job : page->jobs) {
      // No tenant as a filter would be all of them.
      if (job.tenant == tenant) found.push_back(std::move(job));
    }
    cursor = std::move(page->next_cursor);
    if (cursor.empty()) break;
  }
  co_return found;
}

awaitable<Result<bool>> is_cancelling(Shared routes, const jobs::Job* job) {
  if (jobs::has_ended(job->state)) co_return false;
  auto looking = routes->objects->head(batch_folder(job->tenant, job->id) + "cancel");
  auto asked = co_await on(routes->objects_executor, std::move(looking));
  if (!asked && asked.error().code() != Errc::not_found) co_return asked.error();
  co_return asked.has_value();
}

awaitable<Response> tell(Shared routes, Request request, jobs::Job job) {
  auto cancelling = co_await is_cancelling(routes, &job);
  if (!cancelling) co_return failed(*routes, request, cancelling.error());
  co_return server::json_response(200, batch_document(job, *cancelling).release());
}

/// The job of a tenant's batch; none: there is no such batch.
awaitable<Result<std::optional<jobs::Job>>> find_job(Shared routes, std::string tenant,
                                                     std::string id) {
  const auto job_id = job_of_batch(id);
  if (!job_id) co_return std::optional<jobs::Job>();
  std::vector<Uuid> ids = {*job_id};
  auto getting = routes->store->get(std::move(ids));
  auto found = co_await on(routes->store->runtime().executor(), std::move(getting));
  if (!found) co_return found.error();
  auto& job = found->front();
  if (!job && job.error().code() != Errc::not_found) co_return job.error();
  if (!job || job->kind != kPodBatchKind || job->tenant != tenant) {
    co_return std::optional<jobs::Job>();
  }
  co_return std::optional<jobs::Job>(std::move(*job));
}

awaitable<Response> make_batch(Shared routes, Request request) {
  auto read = read_body(std::move(request.body));
  if (const auto* refused = std::get_if<OpenAiError>(&read)) {
    co_return openai_error_response(*refused);
  }
  auto order = std::move(std::get<BatchOrder>(read));
  const std::string tenant = request.identity.tenant;
  FileShelf shelf(routes->objects);
  auto looking = shelf.look(tenant, order.input_file);
  auto file = co_await on(routes->objects_executor, std::move(looking));
  if (!file && file.error().code() == Errc::not_found) {
    co_return refuse(400, "input_file_id", "invalid_value", file.error().message());
  }
  if (!file) co_return failed(*routes, request, file.error());
  jobs::JobFilter open;
  open.states = jobs::StateSet::open();
  auto others = co_await list_jobs(routes, tenant, std::move(open), kMostOpenBatches);
  if (!others) co_return failed(*routes, request, others.error());
  if (others->size() >= kMostOpenBatches) {
    co_return refuse(429, "", "too_many_batches", "100 batches have not ended yet.");
  }

  jobs::NewJob job;
  job.kind = kPodBatchKind;
  job.queue = kPodBatchQueue;
  job.payload = order_json(order);
  job.max_attempts = kBatchAttempts;
  job.tenant = tenant;
  job.traceparent = request.trace.to_traceparent();
  if (const auto key = request.headers.find("Idempotency-Key")) {
    if (key->empty() || key->size() > 200) {
      co_return refuse(400, "Idempotency-Key", "invalid_value",
                       "Idempotency-Key must be 1 to 200 characters.");
    }
    job.idempotency_key = "batch/" + std::string(*key);
  }
  std::vector<jobs::NewJob> one;
  one.push_back(std::move(job));
  auto inserting = routes->store->insert(std::move(one));
  auto inserted = co_await on(routes->store->runtime().executor(), std::move(inserting));
  if (!inserted) co_return failed(*routes, request, inserted.error());
  if (!inserted->front()) co_return failed(*routes, request, inserted->front().error());
  auto made = co_await find_job(routes, tenant, batch_id(inserted->front()->id));
  if (!made) co_return failed(*routes, request, made.error());
  if (!*made) co_return no_such_batch(batch_id(inserted->front()->id));
  co_return co_await tell(routes, std::move(request), std::move(**made));
}

awaitable<Response> list_batches(Shared routes, Request request) {
  const auto text = request.query_value("limit").value_or("20");
  std::size_t limit = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || limit < 1 ||
      limit > kMostPage) {
    co_return refuse(400, "limit", "invalid_value", "'limit' must be 1 to 100.");
  }
  const std::string tenant = request.identity.tenant;
  const std::string after(request.query_value("after").value_or(""));
  jobs::JobFilter filter;
  std::size_t enough = limit + 1;
  if (!after.empty()) {
    auto last = co_await find_job(routes, tenant, after);
    if (!last) co_return failed(*routes, request, last.error());
    if (!*last) co_return no_such_batch(after);
    // Those of the same moment are told apart below.
    filter.created_before = (*last)->created_at + std::chrono::milliseconds(1);
    enough += kMostPage;
  }
  auto jobs = co_await list_jobs(routes, tenant, std::move(filter), enough);
  if (!jobs) co_return failed(*routes, request, jobs.error());
  if (const auto last = after.empty() ? std::nullopt : job_of_batch(after)) {
    const auto at = std::find_if(jobs->begin(), jobs->end(),
                                 [&](const jobs::Job& job) { return job.id == *last; });
    if (at != jobs->end()) jobs->erase(jobs->begin(), at + 1);
  }
  const bool has_more = jobs->size() > limit;
  if (has_more) jobs->resize(limit);
  JsonWriter out;
  out.begin_object().member("object", "list").key("data").begin_array();
  for (const auto& job : *jobs) {
    auto cancelling = co_await is_cancelling(routes, &job);
    if (!cancelling) co_return failed(*routes, request, cancelling.error());
    out.value(batch_document(job, *cancelling));
  }
  out.end_array().member("has_more", has_more).key("first_id");
  if (jobs->empty()) {
    out.null().key("last_id").null();
  } else {
    out.value(std::string_view(batch_id(jobs->front().id)));
    out.member("last_id", std::string_view(batch_id(jobs->back().id)));
  }
  out.end_object();
  co_return server::json_response(200, out.finish().release());
}

awaitable<Response> look_at_batch(Shared routes, Request request) {
  const std::string id = request.parameters["batch"];
  auto job = co_await find_job(routes, request.identity.tenant, id);
  if (!job) co_return failed(*routes, request, job.error());
  if (!*job) co_return no_such_batch(id);
  co_return co_await tell(routes, std::move(request), std::move(**job));
}

awaitable<Response> cancel_batch(Shared routes, Request request) {
  const std::string id = request.parameters["batch"];
  auto job = co_await find_job(routes, request.identity.tenant, id);
  if (!job) co_return failed(*routes, request, job.error());
  if (!*job) co_return no_such_batch(id);
  if (jobs::has_ended((*job)->state)) {
    co_return refuse(409, "", "batch_has_ended", "The batch has ended; it cannot be cancelled.");
  }
  // Its run sees that within two seconds, and ends with what there is.
  auto putting = routes->objects->put(batch_folder((*job)->tenant, (*job)->id) + "cancel", "1");
  auto put = co_await on(routes->objects_executor, std::move(putting));
  if (!put) co_return failed(*routes, request, put.error());
  co_return co_await tell(routes, std::move(request), std::move(**job));
}

}  // namespace

void add_batch_routes(server::Router& router, std::shared_ptr<const FileRoutes> routes) {
  server::RouteOptions options;
  options.authorise = routes->authorise;
  options.problem_format = openai_problem;
  const auto handle = [routes](awaitable<Response> (*answer)(Shared, Request)) {
    return [routes, answer](Request request) { return answer(routes, std::move(request)); };
  };
  router.add("POST", "/v1/batches", handle(&make_batch), options);
  router.add("GET", "/v1/batches", handle(&list_batches), options);
  router.add("GET", "/v1/batches/{batch}", handle(&look_at_batch), options);
  router.add("POST", "/v1/batches/{batch}/cancel", handle(&cancel_batch), options);
}

}  // namespace rwp::pods
