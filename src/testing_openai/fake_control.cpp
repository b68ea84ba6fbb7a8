#include "testing_openai/fake_routes.hpp"

#include <vector>

namespace rwp::testing {
namespace {

using boost::asio::awaitable;
using server::Request;
using server::Response;

template <class Step>
Result<std::vector<Step>> read_steps(JsonView body, const char* name,
                                     Result<Step> (*parse)(std::string_view)) {
  std::vector<Step> script;
  const auto steps = body.find(name);
  if (!steps) return script;
  if (steps->kind() != JsonKind::array) {
    return Error(Errc::invalid_argument, std::string(name) + " must be a list");
  }
  for (std::size_t i = 0; i < steps->size(); ++i) {
    auto step = parse(steps->at(i).as_string().value_or(std::string_view()));
    if (!step) return step.error();
    script.push_back(*step);
  }
  return script;
}

awaitable<Response> take_script(SharedState state, Request request) {
  const auto body = body_of(request.body);
  if (!body) co_return no_json();
  const auto steps = read_steps<FakeStep>(body->root(), "steps", &parse_fake_step);
  if (!steps) co_return of_error(steps.error());
  const auto uploads = read_steps<FakeBatchStep>(body->root(), "uploads", &parse_fake_batch_step);
  if (!uploads) co_return of_error(uploads.error());
  const auto batches = read_steps<FakeBatchStep>(body->root(), "batches", &parse_fake_batch_step);
  if (!batches) co_return of_error(batches.error());
  const bool taken = state->play(*steps) && state->shelf().play(true, *uploads) &&
                     state->shelf().play(false, *batches);
  if (!taken) {
    co_return error_response(refused(400, "more than 10000 steps", "invalid_request_error", ""));
  }
  co_return server::json_response(200, state->counts_json());
}

awaitable<Response> tell_counts(SharedState state, Request) {
  co_return server::json_response(200, state->counts_json());
}

awaitable<Response> tell_bill(SharedState state, Request) {
  co_return server::json_response(200, state->bill_json());
}

awaitable<Response> forget(SharedState state, Request) {
  state->forget();
  co_return server::json_response(200, state->counts_json());
}

}  // namespace

void add_control_routes(FakeRoutes& routes) {
  routes.add("POST", "/_fake/script", &take_script);
  routes.add("GET", "/_fake/requests", &tell_counts);
  routes.add("DELETE", "/_fake/requests", &forget);
  routes.add("GET", "/_fake/bill", &tell_bill);
}

}  // namespace rwp::testing
