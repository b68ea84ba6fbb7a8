// One of the processes of a fleet that shares an upstream's limits (benchmarks/ai_fleet.py):
//
//   ai_fleet_process fake REQUESTS TOKENS MINUTE_MS ANSWER_MS    an upstream with limit and bill
//   ai_fleet_process pod REDIS UPSTREAM REQUESTS TOKENS MINUTE_MS
//   ai_fleet_process worker REDIS UPSTREAM REQUESTS TOKENS MINUTE_MS JOBS [POD POD]
//   ai_fleet_process submit JOBS COUNT DISTINCT                  then the states, for each line
//   read
//
// A pod serves the upstream's protocol; a worker takes jobs and asks the upstream, or the pods.
// Each writes a line when it is ready, answers each line that it reads, and ends with its input.

#include "pods/ai_routes.hpp"
#include <rwp/ai/model_stack.hpp>
#include <rwp/ai_redis/fleet.hpp>
#include <rwp/builtin_schemes.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/sha256.hpp>
#include <rwp/core/url.hpp>
#include <rwp/jobs/client.hpp>
#include <rwp/jobs/job_store.hpp>
#include <rwp/jobs/worker.hpp>
#include <rwp/server/server.hpp>
#include <rwp/testing/fake_openai.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace rwp;  // NOLINT(google-build-using-namespace): a program of its own.
using std::chrono::milliseconds;

/// What a job may hold at once of an upstream.
constexpr std::size_t kConcurrency = 64;

struct Ask {
  std::string prompt{};
  static constexpr std::string_view job_kind = "fleet.ask";
  static constexpr auto describe() { return std::tuple{field("prompt", &Ask::prompt)}; }
};

void say(const std::string& line) { std::cout << line << std::endl; }

/// Answers after a while, by the question.
class SlowModel final : public ai::Model {
 public:
  explicit SlowModel(milliseconds takes) : takes_(takes) {}
  std::string default_model() const override { return "fake-gpt"; }

 private:
  boost::asio::awaitable<Result<ai::ChatReply>> do_chat(ai::ChatRequest request) override {
    if (auto slept = co_await sleep_for(takes_); !slept) co_return slept.error();
    ai::ChatReply reply;
    reply.content = "An answer to: " + request.messages.back().content.substr(0, 20);
    reply.usage.input_tokens =
        static_cast<std::int64_t>(request.messages.back().content.size() / 4);
    reply.usage.output_tokens = 10;
    co_return reply;
  }
  boost::asio::awaitable<Result<ai::ChatReply>> do_stream(ai::ChatRequest request,
                                                          ai::OnDelta on_delta) override {
    auto reply = co_await do_chat(std::move(request));
    if (reply && !on_delta(reply->content)) co_return Error(Errc::cancelled, "unread");
    co_return reply;
  }
  boost::asio::awaitable<Result<ai::EmbedReply>> do_embed(ai::EmbedRequest) override {
    co_return Error(Errc::unsupported, "no vectors here");
  }

  const milliseconds takes_;
};

int serve_fake(const std::vector<std::string>& words) {
  testing::FakeOpenAiOptions options;
  options.rate.requests_per_minute = std::stoll(words.at(0));
  options.rate.tokens_per_minute = std::stoll(words.at(1));
  options.rate.minute = milliseconds(std::stoll(words.at(2)));
  options.model = std::make_shared<SlowModel>(milliseconds(std::stoll(words.at(3))));
  const auto fake = testing::FakeOpenAi::start(std::move(options)).value();
  say(fake->base_url());
  for (std::string line; std::getline(std::cin, line);) {
    const auto bill = fake->bill();
    say("{\"answers\":" + std::to_string(bill.answers) + ",\"distinct\":" +
        std::to_string(bill.distinct) + ",\"limited\":" + std::to_string(fake->limited_count()) +
        ",\"requests\":" + std::to_string(fake->request_count()) +
        ",\"input_tokens\":" + std::to_string(bill.input_tokens) + "}");
  }
  return 0;
}

struct Shared {
  std::shared_ptr<ai_redis::Fleet> fleet{};
  std::shared_ptr<ai::RateAllowance> allowance{};
};

/// The fleet of words REDIS UPSTREAM REQUESTS TOKENS MINUTE_MS.
Shared join(Runtime& runtime, const std::vector<std::string>& words) {
  ai_redis::FleetOptions options;
  options.flight_lease = milliseconds(2'000);
  // A machine with much else to do is not one without Redis.
  options.patience = milliseconds(10'000);
  Shared shared;
  shared.fleet = ai_redis::open_fleet(runtime, words.at(0), options).value();
  (void)block_on(runtime, shared.fleet->connected(std::chrono::steady_clock::now() +
                                                  std::chrono::seconds(20)));
  ai::RateAllowanceOptions rates;
  rates.requests_per_minute = std::stoll(words.at(2));
  rates.tokens_per_minute = std::stoll(words.at(3));
  rates.minute = milliseconds(std::stoll(words.at(4)));
  rates.burst = rates.minute / 20;
  // The name that ai_pod gives it, of what it asks without a key.
  const std::string name = to_hex(sha256(words.at(1) + "\n")).substr(0, 32);
  shared.allowance = shared.fleet->rates("upstream/" + name, rates);
  return shared;
}

std::shared_ptr<ai::Model> open_model(Runtime& runtime, const std::string& url) {
  BuiltinOptions options;
  options.ai_model = "fake-gpt";
  // Of the pods; the upstream asks for none.
  const char* key = std::getenv("RWP_AI_API_KEY");
  if (key != nullptr) options.ai_key = Secret(key);
  return builtin_schemes(std::move(options)).open<ai::Model>(url + "?attempts=1", runtime).value();
}

std::shared_ptr<ai::Model> build(Runtime& runtime, const Shared& shared,
                                 const std::vector<std::string>& urls, bool limited,
                                 const std::string& board) {
  std::vector<ai::StackMember> members;
  for (const auto& url : urls) {
    ai::StackMember member;
    member.model = open_model(runtime, url);
    if (limited) {
      member.options.limited->allowance = shared.allowance;
    } else {
      member.options.limited.reset();
    }
    members.push_back(std::move(member));
  }
  ai::StackOptions options;
  options.cached = ai::CachedOptions();
  options.cached->cache = shared.fleet->cache();
  options.cached->scope = ai::CacheScope::all;
  options.coalesced->scope = ai::CacheScope::all;
  options.coalesced->board = shared.fleet->flights(board);
  return ai::build_model(std::move(members), std::move(options)).value();
}

void wait_for_end() {
  for (std::string line; std::getline(std::cin, line);) say("{}");
}

int serve_pod(const std::vector<std::string>& words) {
  Runtime runtime;
  const Shared shared = join(runtime, words);
  pods::AiRoutes routes;
  routes.model = build(runtime, shared, {words.at(1)}, true, "pods");
  routes.model_executor = runtime.executor();
  routes.models = {"fake-gpt"};
  server::Router router;
  pods::add_ai_routes(router, std::move(routes));
  server::ServerOptions options;
  options.listen = "127.0.0.1:0";
  const auto server = server::Server::start({&runtime}, std::move(router), options).value();
  say("http://127.0.0.1:" + std::to_string(server->port()) + "/v1");
  wait_for_end();
  return 0;
}

jobs::Awaitable<Result<JsonText>> answer(std::shared_ptr<ai::Model> model,
                                         jobs::JobContext* context) {
  auto ask = context->payload<Ask>();
  if (!ask) co_return ask.error();
  ai::ChatRequest request;
  request.messages.push_back({ai::Role::user, std::move(ask->prompt)});
  request.max_output_tokens = 10;
  request.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  auto reply = co_await model->chat(std::move(request));
  if (reply) co_return JsonText::trusted("true");
  // A limit, or a pod that went: neither is the job's fault.
  const Error error = reply.error();
  if (error.retryable()) {
    co_return context->snooze(
        std::max(error.retry_after().value_or(milliseconds(100)), milliseconds(100)));
  }
  co_return error;
}

int work(const std::vector<std::string>& words) {
  Runtime control;
  Runtime handlers;
  const Shared shared = join(handlers, words);
  const std::vector<std::string> pods(words.begin() + 6, words.end());
  // Whichever way a worker asks, no other asks the same meanwhile.
  const auto model = pods.empty() ? build(handlers, shared, {words.at(1)}, true, "workers")
                                  : build(handlers, shared, pods, false, "workers");
  auto store = builtin_schemes().open<jobs::JobStore>(words.at(5), control).value();
  jobs::WorkerOptions options;
  options.concurrency = kConcurrency;
  options.max_prefetch = 0;
  options.lease = milliseconds(5'000);
  options.rescue_every = milliseconds(1'000);
  jobs::Worker worker(store, handlers, options);
  worker.handle(std::string(Ask::job_kind),
                [model](jobs::JobContext& context) { return answer(model, &context); });
  worker.start();
  say("working");
  wait_for_end();
  return 0;
}

std::string states(Client& client) {
  std::int64_t succeeded = 0;
  std::int64_t failed = 0;
  std::int64_t others = 0;
  for (const auto& queue : client.counts().value()) {
    for (std::size_t i = 0; i < queue.states.size(); ++i) {
      const auto state = static_cast<jobs::JobState>(i);
      const auto count = static_cast<std::int64_t>(queue.states[i]);
      (state == jobs::JobState::succeeded ? succeeded
       : state == jobs::JobState::failed  ? failed
                                          : others) += count;
    }
  }
  return "{\"succeeded\":" + std::to_string(succeeded) + ",\"failed\":" + std::to_string(failed) +
         ",\"open\":" + std::to_string(others) + "}";
}

/// Prompts of some 150 tokens; those beyond `distinct` repeat earlier ones.
int submit(const std::vector<std::string>& words) {
  auto client = Client::open(words.at(0), builtin_schemes()).value();
  const std::size_t count = std::stoul(words.at(1));
  const std::size_t distinct = std::stoul(words.at(2));
  std::vector<std::size_t> numbers(count);
  for (std::size_t i = 0; i < count; ++i) numbers[i] = i % distinct;
  std::shuffle(numbers.begin(), numbers.end(), std::mt19937_64(7));
  std::vector<jobs::NewJob> some;
  for (const std::size_t number : numbers) {
    Ask ask{.prompt = "Advert " + std::to_string(number) + ". "};
    while (ask.prompt.size() < 560) ask.prompt += "A nurse for the night shift is sought. ";
    some.push_back(jobs::to_new_job(ask));
  }
  const auto inserted = client.submit_many(std::move(some));
  say(inserted ? "submitted" : "refused: " + inserted.error().message());
  for (std::string line; std::getline(std::cin, line);) say(states(client));
  return inserted ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + std::min(argc, 2), argv + argc);
  const std::string role = argc > 1 ? argv[1] : "";
  try {
    if (role == "fake") return serve_fake(words);
    if (role == "pod") return serve_pod(words);
    if (role == "worker") return work(words);
    if (role == "submit") return submit(words);
    std::fprintf(stderr, "ai_fleet_process: no role \"%s\"\n", role.c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ai_fleet_process %s: %s\n", role.c_str(), error.what());
  }
  return 2;
}
