#include "pods/ctl/jobadder.hpp"
#include "pods/jobadder/handlers.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/jobadder/oauth.hpp>
#include <rwp/pods/ctl.hpp>
#include <rwp/server/server.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <future>
#include <memory>
#include <mutex>
#include <utility>

namespace rwp::pods::ctl {
namespace {

using server::Request;
using server::Response;

/// What the browser brings back: a code, or why there is none. The first good one counts.
class Callback {
 public:
  explicit Callback(std::string state) : state_(std::move(state)) {}

  Response take(const Request& request) {
    const std::string state(request.query_value("state").value_or(""));
    const std::string code(request.query_value("code").value_or(""));
    const std::string refusal(request.query_value("error").value_or(""));
    // Whoever can open this address could bring a code of his own account, or break the wait off.
    const bool is_ours = jobadder::equal_in_constant_time(state, state_);
    if (is_ours && !refusal.empty() && code.empty()) {
      settle(Error(
          Errc::permission_denied,
          "JobAdder says that the sign-in was not approved (" +
              refusal.substr(0, std::min<std::size_t>(
                                    refusal.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), 64)) +
              ")"));
      return server::text_response(200, "Not signed in. You can close this window.\n");
    }
    if (code.empty() || !is_ours) {
      return server::text_response(
          400, "This is not the way back from the sign-in that rwpctl waits for.\n");
    }
    settle(Secret(code));
    return server::text_response(200, "You can close this window; rwpctl has the rest.\n");
  }

  Result<Secret> wait(std::chrono::milliseconds timeout) {
    if (future_.wait_for(timeout) == std::future_status::ready) return future_.get();
    return Error(Errc::deadline_exceeded, "nobody has signed in in time");
  }

 private:
  void settle(Result<Secret> result) {
    const std::scoped_lock held(mutex_);
    if (std::exchange(settled_, true)) return;
    promise_.set_value(std::move(result));
  }

  const std::string state_;
  std::mutex mutex_;
  bool settled_ = false;
  std::promise<Result<Secret>> promise_;
  std::future<Result<Secret>> future_ = promise_.get_future();
};

boost::asio::awaitable<Response> answer(std::shared_ptr<Callback> callback, Request request) {
  co_return callback->take(request);
}

server::Router callback_router(std::shared_ptr<Callback> callback) {
  server::Router router;
  router.add("GET", "/callback", [callback = std::move(callback)](Request request) {
    return answer(callback, std::move(request));
  });
  return router;
}

}  // namespace

int sign_in_to_jobadder(Context& context) {
  const auto& given = context.options.jobadder;
  const auto timeout = read_duration("--timeout", given.timeout);
  if (!timeout) return refuse(timeout.error().message());
  const auto port = read_number("--port", given.port, 0, 65'535);
  if (!port) return refuse(port.error().message());
  auto desk = open_jobadder_desk(context);
  if (!desk) return fail(context, desk.error());
  auto store = open_store(context, true);
  if (!store) return fail(context, store.error());

  const std::string state = jobadder::random_token();
  const auto callback = std::make_shared<Callback>(state);
  server::ServerOptions serving;
  serving.listen = "127.0.0.1:" + std::to_string(*port);
  auto helper = server::Server::start({&context.runtime}, callback_router(callback), serving);
  if (!helper) return fail(context, helper.error());
  const std::string redirect_uri =
      given.redirect_uri.empty()
          ? "http://localhost:" + std::to_string((*helper)->port()) + "/callback"
          : given.redirect_uri;
  const std::string scopes = given.scopes.empty() ? jobadder::kDefaultScopes : given.scopes;
  const auto& oauth = desk->connections->oauth();
  std::fprintf(stderr,
               "Open this address in a browser, and sign in as an admin of the account:\n%s\n",
               jobadder::authorize_url(oauth, redirect_uri, state, scopes).c_str());
  const auto code = callback->wait(*timeout);
  if (!code) return fail(context, code.error());

  auto tokens =
      block_on(context.runtime, jobadder::exchange_code(desk->connections->transport(), oauth,
                                                        *code, redirect_uri, jobadder_patience()));
  if (!tokens) return fail(context, tokens.error());
  const std::string account = tokens->account;
  const std::string api_url = tokens->api_url;
  const bool lasts = !tokens->refresh.empty();
  const auto& connection = desk->connections->of(desk->tenant);
  const auto kept = block_on(context.runtime, connection.tokens->keep(std::move(*tokens)));
  if (!kept) return fail(context, kept.error());
  if (!lasts) tell("without offline_access the connection ends within the hour");
  const auto sync = hurry_sync(context, *store, desk->tenant, jobadder_patience());
  if (!sync) return fail(context, sync.error());
  JsonWriter out;
  out.begin_object()
      .member("tenant", desk->tenant)
      .member("account", account)
      .member("api_url", api_url)
      .member("sync_job", sync->id.to_string())
      .end_object();
  context.out.object(out.finish());
  return kExitSuccess;
}

}  // namespace rwp::pods::ctl
