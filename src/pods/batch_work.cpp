#include "pods/batch_work.hpp"

#include "pods/batch_lines.hpp"
#include "pods/batch_run.hpp"
#include <rwp/core/async.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace rwp::pods {
namespace {

using jobs::Awaitable;
using std::chrono::seconds;

constexpr std::size_t kBatchesAtOnce = 64;
constexpr std::chrono::milliseconds kDrainGrace{2'000};
/// What a job's result holds besides.
constexpr std::size_t kMostBodyInJob = 900'000;
constexpr seconds kShortestWait{1};
constexpr seconds kLongestWait{3'600};

/// Notes that the call is to wait for a batch, whatever is made of its error above.
class NotedModel final : public ai::Model {
 public:
  NotedModel(std::shared_ptr<ai::Model> inner, jobs::JobContext& context)
      : inner_(std::move(inner)), context_(context) {}
  std::string default_model() const override { return inner_->default_model(); }
  bool waits() const noexcept { return waits_; }

 private:
  Awaitable<Result<ai::ChatReply>> do_chat(ai::ChatRequest request) override {
    auto reply = co_await inner_->chat(std::move(request));
    waits_ = !reply && reply.error().code() == Errc::cancelled && !context_.stop_requested();
    co_return reply;
  }
  Awaitable<Result<ai::ChatReply>> do_stream(ai::ChatRequest request,
                                             ai::OnDelta on_delta) override {
    return pass_stream(*inner_, std::move(request), std::move(on_delta));
  }
  Awaitable<Result<ai::EmbedReply>> do_embed(ai::EmbedRequest request) override {
    return pass_embed(*inner_, std::move(request));
  }

  const std::shared_ptr<ai::Model> inner_;
  jobs::JobContext& context_;
  bool waits_ = false;
};

struct Shared {
  BatchWork work{};
  AiHandlers handlers{};
};

seconds wait_of(const server::Response& response) {
  const auto header = response.headers.find("Retry-After");
  std::int64_t number = 5;
  if (header) std::from_chars(header->data(), header->data() + header->size(), number);
  return std::clamp(seconds(number), kShortestWait, kLongestWait);
}

/// Whether the same line may be answered another time.
bool may_pass(int status) { return status == 408 || status == 429 || status >= 500; }

const server::Handler* handler_of(const AiHandlers& handlers, std::string_view url) {
  if (url == "/v1/chat/completions") return &handlers.chat;
  if (url == "/v1/embeddings") return &handlers.embeddings;
  return url == "/v1/responses" ? &handlers.responses : nullptr;
}

server::Request request_of(const BatchLine& line, jobs::JobContext& context) {
  server::Request request;
  request.method = "POST";
  request.target = line.url;
  request.path = line.url;
  request.headers.set("Content-Type", "application/json");
  request.body = line.body.str();
  request.identity.tenant = context.job().tenant;
  request.request_id = "batch_req_" + hex_of(context.id());
  request.trace = context.trace();
  return request;
}

Awaitable<Result<void>> keep_large(std::shared_ptr<Shared> shared, std::string key,
                                   std::string body) {
  auto putting = shared->work.objects->put(std::move(key), std::move(body));
  auto stored = co_await on(shared->work.objects_executor, std::move(putting));
  if (!stored) co_return stored.error().with_retryable(true);
  co_return Result<void>();
}

Awaitable<Result<JsonText>> run_line(std::shared_ptr<Shared> shared, jobs::JobContext& context) {
  auto line = read_line(context.job().payload);
  if (!line) co_return line.error();
  AiHandlers handlers = shared->handlers;
  std::shared_ptr<NotedModel> noted;
  if (shared->work.waiting && line->url == "/v1/chat/completions") {
    // A line has a day, so it is able to wait; what its batch does not bring is asked at once.
    AiRoutes routes = shared->work.routes;
    ai_batch::BatchingOptions options = shared->work.waiting->options;
    noted = std::make_shared<NotedModel>(
        make_waiting_model(routes.model, *shared->work.waiting, context, std::move(options)),
        context);
    routes.model = noted;
    handlers = make_ai_handlers(std::move(routes));
  }
  const server::Handler* handler = handler_of(handlers, line->url);
  if (handler == nullptr) co_return Error(Errc::invalid_argument, "url: is none that is served");
  server::Request request = request_of(*line, context);
  LineEnd end;
  end.request_id = request.request_id;
  auto response = co_await (*handler)(std::move(request));
  if (noted && noted->waits()) co_return Error(Errc::cancelled, "the line waits for its batch");
  if (response.status != 200 && context.stop_requested()) {
    co_return Error(Errc::cancelled, "the line was stopped");
  }
  // Money that no waiting brings is an answer.
  const bool is_final =
      response.headers.find("X-Should-Retry") == "false" && !response.headers.find("Retry-After");
  const bool is_refused = response.status == 429;
  if (is_refused && !is_final) co_return context.snooze(wait_of(response));
  auto body = JsonText::parse(std::move(response.body));
  if ((may_pass(response.status) && !(is_refused && is_final)) || !body) {
    co_return Error(Errc::unavailable, "the model answered " + std::to_string(response.status))
        .with_retryable(true);
  }
  end.status = response.status;
  if (body->size() > kMostBodyInJob) {
    // Where it goes with the batch's own.
    end.object = batch_folder(context.job().tenant, line->batch) + "answer-" + hex_of(context.id());
    auto kept = co_await keep_large(shared, end.object, body->release());
    if (!kept) co_return kept.error();
  } else {
    end.body = std::move(*body);
  }
  co_return line_end_json(end);
}

Awaitable<Result<JsonText>> run_batch(std::shared_ptr<Shared> shared, jobs::JobContext& context) {
  PodBatchRun run(shared->work, context);
  co_return co_await run.go();
}

}  // namespace

std::vector<std::unique_ptr<jobs::Worker>> make_batch_workers(const Configuration& configuration,
                                                              BatchWork work, Runtime& handlers) {
  const auto shared = std::make_shared<Shared>();
  shared->handlers = make_ai_handlers(work.routes);
  shared->work = std::move(work);
  const auto make = [&](const char* queue, std::size_t concurrency) {
    jobs::WorkerOptions options;
    options.queues = {queue};
    options.concurrency = concurrency;
    options.max_prefetch = 0;
    // Batches go on where they were, lines are asked again.
    options.drain_grace = std::min(configuration.drain_grace, kDrainGrace);
    options.log = shared->work.log;
    return std::make_unique<jobs::Worker>(shared->work.store, handlers, std::move(options));
  };
  std::vector<std::unique_ptr<jobs::Worker>> workers;
  workers.push_back(make(kPodBatchQueue, kBatchesAtOnce));
  workers.back()->handle(kPodBatchKind, jobs::CoroutineHandler([shared](jobs::JobContext& context) {
                           return run_batch(shared, context);
                         }));
  workers.push_back(make(kPodLineQueue, configuration.ai_batches_concurrency));
  workers.back()->handle(kPodLineKind, jobs::CoroutineHandler([shared](jobs::JobContext& context) {
                           return run_line(shared, context);
                         }));
  return workers;
}

}  // namespace rwp::pods
