#pragma once

#include "testing_openai/fake_request.hpp"
#include "testing_openai/fake_state.hpp"
#include <rwp/core/json_view.hpp>
#include <rwp/server/router.hpp>

#include <boost/asio/awaitable.hpp>

#include <optional>
#include <string>
#include <utility>

namespace rwp::testing {

using FakeHandler = boost::asio::awaitable<server::Response> (*)(SharedState state,
                                                                 server::Request request);

/// Adds routes to the fake's router.
class FakeRoutes {
 public:
  FakeRoutes(server::Router& router, SharedState state)
      : router_(router), state_(std::move(state)) {}
  void add(const char* method, const char* path, FakeHandler handler);

 private:
  server::Router& router_;
  SharedState state_;
};

void add_chat_routes(FakeRoutes& routes);
void add_response_routes(FakeRoutes& routes);
void add_file_routes(FakeRoutes& routes);
void add_batch_routes(FakeRoutes& routes);
void add_control_routes(FakeRoutes& routes);

Refused refused(int status, std::string message, std::string type, std::string code);
server::Response no_json();
server::Response of_error(const Error& error);
/// Ends the connection without an answer.
server::Response no_answer_at_all();
/// A request with a wrong key is refused.
std::optional<server::Response> refuse_head(const FakeState& state, const server::Request& request);
/// A body that is an object.
std::optional<JsonDocument> body_of(const std::string& body);
std::string text_of(JsonView object, std::string_view name);

/// Answers that need no model; none for other faults.
std::optional<server::Response> plain_answer(FakeStep step, const server::Request& request);
/// 429, to be tried again at once.
server::Response limited_at_once(const server::Request& request);
/// Waits where the step says so. False: the client has gone meanwhile.
boost::asio::awaitable<bool> wait_first(SharedState state, FakeStep step);

/// What one question is answered with, and charged for; a tool's call where tools are asked for.
boost::asio::awaitable<Result<ai::ChatReply>> answer_chat(SharedState state,
                                                          ai::ChatRequest request, bool batch);

}  // namespace rwp::testing
