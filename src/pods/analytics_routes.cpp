#include "pods/analytics_routes.hpp"

#include "pods/collect_request.hpp"
#include <rwp/core/async.hpp>

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>
#include <vector>

namespace rwp::pods {
namespace {

using boost::asio::awaitable;
using observability::Counter;
using server::Request;
using server::Response;

struct Counts {
  Counter* accepted = nullptr;
  Counter* repeated = nullptr;
  Counter* refused = nullptr;
};

struct Collector {
  AnalyticsRoutes routes{};
  Counts counts{};
};
using Shared = std::shared_ptr<const Collector>;

void count(Counter* counter, std::size_t events) {
  if (counter != nullptr) counter->add(static_cast<double>(events));
}

Response refuse(const Request& request, const Error& error, std::string field) {
  auto problem = server::to_problem(error, std::move(field));
  problem.request_id = request.request_id;
  return server::problem_json(problem);
}

std::optional<Response> bad_head(const Request& request) {
  if (request.query_value("firebase_app_id")) {
    return refuse(request,
                  Error(Errc::invalid_argument,
                        "app streams are not supported; use measurement_id and client_id"),
                  "firebase_app_id");
  }
  constexpr std::size_t kLongestId = 32;
  const auto id = request.query_value("measurement_id").value_or("");
  const bool good = id.size() > 2 && id.size() <= kLongestId && id.starts_with("G-") &&
                    id.find_first_not_of(
                        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                        "0123456789",
                        2) == std::string_view::npos;
  if (good) return std::nullopt;
  return refuse(request,
                Error(Errc::invalid_argument,
                      "measurement_id is not of the form G-XXXXXXXXXX, letters and digits"),
                "measurement_id");
}

/// The tenant of the key is that of its events; a key of nobody in particular may name one.
std::optional<Response> settle_tenants(const Request& request, Collection& collection) {
  const auto& own = request.identity.tenant;
  if (own.empty()) return std::nullopt;
  for (std::size_t i = 0; i < collection.events.size(); ++i) {
    auto& tenant = collection.events[i].event.tenant;
    if (!tenant.empty() && tenant != own) {
      return refuse(request, Error(Errc::permission_denied, "the key is not that tenant's"),
                    "events[" + std::to_string(i) + "].params.tenant");
    }
    tenant = own;
  }
  return std::nullopt;
}

Response refuse_faults(const Request& request, const std::vector<CollectFault>& faults) {
  const auto& first = faults.front();
  std::string detail = (first.field_path.empty() ? "" : first.field_path + ": ");
  detail += first.description;
  if (faults.size() > 1) {
    detail +=
        " (and " + std::to_string(faults.size() - 1) + " more; /debug/mp/collect tells them all)";
  }
  return refuse(request, Error(Errc::invalid_argument, std::move(detail)), first.field_path);
}

awaitable<Response> answer_collect(Shared collector, Request request) {
  if (auto bad = bad_head(request)) co_return std::move(*bad);
  auto collection = read_collection(std::move(request.body), std::chrono::system_clock::now());
  if (!collection.faults.empty()) {
    count(collector->counts.refused, 1);
    co_return refuse_faults(request, collection.faults);
  }
  if (auto bad = settle_tenants(request, collection)) co_return std::move(*bad);
  std::vector<analytics::SpooledEvent> spooled;
  spooled.reserve(collection.events.size());
  for (std::size_t i = 0; i < collection.events.size(); ++i) {
    auto& collected = collection.events[i];
    // The rules have been kept one by one; this is what the sink will ask again.
    if (auto checked = analytics::check_event(collected.event); !checked) {
      co_return refuse(request, checked.error(), "events[" + std::to_string(i) + "]");
    }
    auto& one = spooled.emplace_back();
    one.event = std::move(collected.event);
    one.timed = collected.timed;
    one.identified = collected.identified;
  }
  auto& spool = *collector->routes.spool;
  auto keeping = spool.keep(std::move(spooled));
  const auto kept = co_await on(spool.store().runtime().executor(), std::move(keeping));
  if (!kept) {
    collector->routes.log.warn("events not kept", {{"request_id", request.request_id},
                                                   {"error", kept.error().to_string()}});
    const auto& error = kept.error();
    co_return refuse(request,
                     Error(Errc::unavailable, "the events could not be kept; try again")
                         .with_cause(error)
                         .with_retry_after(error.retry_after().value_or(std::chrono::seconds(1))),
                     std::string());
  }
  std::optional<Response> failed;
  for (std::size_t i = 0; i < kept->size(); ++i) {
    const auto& answer = (*kept)[i];
    if (answer) {
      count(*answer == analytics::Kept::taken ? collector->counts.accepted
                                              : collector->counts.repeated,
            1);
      continue;
    }
    const auto& error = answer.error();
    // A conflict says that the others are kept, so any other failure goes before it.
    if (failed && (failed->status != 409 || error.code() == Errc::conflict)) continue;
    const std::string field = "events[" + std::to_string(i) + "]";
    failed = error.code() == Errc::conflict
                 ? refuse(request,
                          Error(Errc::conflict,
                                "another event with this id has been recorded; "
                                "the request's other events are kept"),
                          field + ".params.event_id")
                 : refuse(request, error, field);
  }
  if (failed) co_return std::move(*failed);
  Response response;
  response.status = 204;
  co_return response;
}

awaitable<Response> answer_validate(Request request) {
  if (auto bad = bad_head(request)) co_return std::move(*bad);
  auto collection = read_collection(std::move(request.body), std::chrono::system_clock::now());
  co_return server::json_response(200, validation_messages_json(collection.faults).release());
}

server::Authorise secret_of_query(CheckSecret check) {
  const auto answer = [](Result<server::Identity> identity) -> awaitable<Result<server::Identity>> {
    co_return identity;
  };
  return [check = std::move(check), answer](const Request& head) {
    const auto secret = head.query_value("api_secret");
    auto identity = secret && !secret->empty()
                        ? check(std::string(*secret))
                        : Result<server::Identity>(
                              Error(Errc::unauthenticated, "api_secret is missing in the query"));
    return answer(std::move(identity));
  };
}

}  // namespace

AnalyticsHandlers make_analytics_handlers(AnalyticsRoutes routes) {
  assert(routes.spool);
  auto collector = std::make_shared<Collector>();
  if (routes.metrics) {
    const auto series = [&routes](const char* outcome) {
      return &routes.metrics->counter("rwp_collect_events_total", "Events that were collected.",
                                      {{"outcome", outcome}});
    };
    collector->counts = {series("accepted"), series("repeated"), series("refused")};
  }
  collector->routes = std::move(routes);
  AnalyticsHandlers handlers;
  handlers.collect = [shared = Shared(collector)](Request request) {
    return answer_collect(shared, std::move(request));
  };
  handlers.validate = [](Request request) { return answer_validate(std::move(request)); };
  return handlers;
}

void add_analytics_routes(server::Router& router, AnalyticsRoutes routes) {
  server::RouteOptions options;
  if (routes.check_secret) options.authorise = secret_of_query(routes.check_secret);
  options.max_body_bytes = kMaxCollectBodyBytes;
  if (routes.patience.count() > 0) options.timeout = routes.patience + std::chrono::seconds(30);
  auto handlers = make_analytics_handlers(std::move(routes));
  router.add("POST", "/mp/collect", std::move(handlers.collect), options);
  router.add("POST", "/debug/mp/collect", std::move(handlers.validate), options);
}

}  // namespace rwp::pods
