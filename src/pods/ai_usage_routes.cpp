#include "pods/ai_usage_routes.hpp"

#include "pods/openai_error.hpp"
#include "pods/time_text.hpp"
#include <rwp/ai/budgeted.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/json_writer.hpp>

#include <chrono>
#include <string>
#include <utility>

namespace rwp::pods {
namespace {

using boost::asio::awaitable;
using server::Request;
using server::Response;
using Shared = std::shared_ptr<const AiUsageRoutes>;
using Clock = std::chrono::system_clock;

double dollars(Money money) { return static_cast<double>(money.micro_usd) / 1e6; }

Clock::time_point month_begin(Clock::time_point now) {
  const std::chrono::year_month_day date{std::chrono::floor<std::chrono::days>(now)};
  return std::chrono::sys_days(date.year() / date.month() / std::chrono::day(1));
}

OpenAiError bad_time(const char* name) {
  OpenAiError error;
  error.status = 400;
  error.param = name;
  error.code = "invalid_value";
  error.message =
      std::string("Invalid '") + name + "': expected a time such as 2026-01-31T00:00:00Z.";
  return error;
}

awaitable<Response> answer_usage(Shared routes, Request request) {
  UsageFilter filter;
  filter.tenant = request.identity.tenant;
  filter.kind = std::string(request.query_value("kind").value_or(""));
  filter.model = std::string(request.query_value("model").value_or(""));
  const auto now = Clock::now();
  filter.from = month_begin(now);
  filter.to = now;
  for (const char* const name : {"from", "to"}) {
    const auto text = request.query_value(name);
    if (!text) continue;
    const auto time = parse_rfc3339(*text);
    if (!time) co_return openai_error_response(bad_time(name));
    (name == std::string_view("from") ? filter.from : filter.to) = *time;
  }
  const auto from = filter.from;
  const auto to = filter.to;
  auto asked = routes->ledger->sum(std::move(filter));
  const auto sum = co_await on(routes->executor, std::move(asked));
  if (!sum) co_return openai_error_response(to_openai_error(sum.error()));
  JsonWriter out;
  out.begin_object().member("object", "usage");
  out.member("tenant", std::string_view(request.identity.tenant));
  out.member("from", std::string_view(to_rfc3339(from)));
  out.member("to", std::string_view(to_rfc3339(to)));
  out.member("calls", sum->calls).member("input_tokens", sum->input_tokens);
  out.member("output_tokens", sum->output_tokens).member("cost_usd", dollars(sum->cost));
  out.end_object();
  co_return server::json_response(200, out.finish().release());
}

awaitable<Response> answer_budgets(Shared routes, Request request) {
  const std::string& tenant = request.identity.tenant;
  JsonWriter out;
  out.begin_object().member("object", "list").key("data").begin_array();
  for (const auto& rule : routes->tenants->rules_of(tenant)) {
    const auto account = ai::budget_account(rule, tenant, std::string(), Clock::now());
    if (account.empty()) continue;
    auto asked = routes->ledger->balance(account);
    const auto balance = co_await on(routes->executor, std::move(asked));
    if (!balance) co_return openai_error_response(to_openai_error(balance.error()));
    out.begin_object().member("object", "budget");
    out.member("scope", rule.tenant.empty() ? "all" : "tenant");
    out.member("period", rule.period == ai::BudgetPeriod::day ? "day" : "month");
    out.member("limit_usd", dollars(rule.limit));
    out.member("used_usd", dollars(*balance)).end_object();
  }
  out.end_array().end_object();
  co_return server::json_response(200, out.finish().release());
}

}  // namespace

void add_ai_usage_routes(server::Router& router, AiUsageRoutes routes) {
  server::RouteOptions options;
  options.authorise = routes.authorise;
  options.problem_format = openai_problem;
  const Shared shared = std::make_shared<const AiUsageRoutes>(std::move(routes));
  server::Handler usage = [shared](Request request) {
    return answer_usage(shared, std::move(request));
  };
  server::Handler budgets = [shared](Request request) {
    return answer_budgets(shared, std::move(request));
  };
  router.add("GET", "/v1/usage", std::move(usage), options);
  router.add("GET", "/v1/budgets", std::move(budgets), options);
}

}  // namespace rwp::pods
