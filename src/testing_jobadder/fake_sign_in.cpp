#include "testing_jobadder/fake_routes.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/url.hpp>

#include <map>

namespace rwp::testing::jobadder {
namespace {

using boost::asio::awaitable;
using server::Request;
using server::Response;

using Form = std::map<std::string, std::string>;

/// A form is a query of its own.
Form read_form(const std::string& body) {
  std::string query = body;
  for (char& c : query) {
    if (c == '+') c = ' ';
  }
  const auto url = Url::parse("form:?" + query);
  return url ? url->query() : Form();
}

std::string field(const Form& form, const char* name) {
  const auto found = form.find(name);
  return found == form.end() ? std::string() : found->second;
}

Response oauth_error(int status, const char* name) {
  return server::json_response(status, std::string(R"({"error":")") + name + "\"}");
}

/// As a browser of somebody who approves at once.
awaitable<Response> authorize(SharedDesk desk, Request request) {
  const auto value = [&request](const char* name) {
    return std::string(request.query_value(name).value_or(""));
  };
  const std::string back = value("redirect_uri");
  if (value("response_type") != "code" || value("client_id") != desk->state->options().client_id ||
      back.empty() || value("scope").empty()) {
    co_return oauth_error(400, "invalid_request");
  }
  Response response = no_content(302);
  const std::string outcome = value("state") == "deny" ? std::string("error=access_denied")
                                                       : "code=" + desk->state->new_code();
  const std::string query = outcome + "&state=" + value("state");
  response.headers.set("Location",
                       back + (back.find('?') == std::string::npos ? "?" : "&") + query);
  co_return response;
}

awaitable<Response> token(SharedDesk desk, Request request) {
  const auto& options = desk->state->options();
  if (options.token_delay.count() > 0) (void)co_await sleep_for(options.token_delay);
  const Form form = read_form(request.body);
  if (field(form, "client_id") != options.client_id ||
      field(form, "client_secret") != options.client_secret.expose()) {
    co_return oauth_error(400, "invalid_client");
  }
  const std::string kind = field(form, "grant_type");
  const std::string api_url = desk->base_url + "/v2/";
  std::optional<std::string> tokens;
  if (kind == "authorization_code") {
    tokens = desk->state->exchange(field(form, "code"), api_url);
  } else if (kind == "refresh_token") {
    tokens = desk->state->refresh(field(form, "refresh_token"), api_url);
  } else {
    co_return oauth_error(400, "unsupported_grant_type");
  }
  if (!tokens) co_return oauth_error(400, "invalid_grant");
  co_return server::json_response(200, std::move(*tokens));
}

}  // namespace

void add_sign_in_routes(Routes& routes) {
  routes.plain("GET", "/connect/authorize", &authorize);
  routes.plain("POST", "/connect/token", &token);
}

}  // namespace rwp::testing::jobadder
