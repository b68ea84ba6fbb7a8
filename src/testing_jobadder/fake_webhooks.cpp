#include "testing_jobadder/fake_routes.hpp"
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/core/uuid.hpp>
#include <rwp/net/http_transport.hpp>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

namespace rwp::testing::jobadder {
namespace {

using boost::asio::awaitable;
using server::Request;
using server::Response;

constexpr std::chrono::seconds kSenderPatience{100};
constexpr int kMostTimes = 1'000;

void write_hook(JsonWriter& out, const Hook& hook) {
  out.begin_object().member("webhookId", hook.id).member("name", hook.name);
  out.member("status", hook.status).member("url", hook.url);
  out.key("events").begin_array();
  for (const auto& event : hook.events) out.value(event);
  out.end_array();
  out.member("createdAt", time_in_json(hook.created));
  out.member("updatedAt", time_in_json(hook.created)).end_object();
}

Response hook_response(int status, const Hook& hook) {
  JsonWriter out;
  write_hook(out, hook);
  return server::json_response(status, out.finish().release());
}

/// Takes the body's members over; a refusal when one is missing.
std::optional<Response> read_hook(std::string body, bool is_new, Hook& hook) {
  auto json = JsonText::parse(std::move(body));
  if (!json) return error_model(400, "malformed");
  const JsonDocument document(*json);
  const JsonView root = document.root();
  hook.name = text_in(root, "name");
  hook.events.clear();
  const auto events = root.find("events");
  for (std::size_t i = 0; events && i < events->size(); ++i) {
    hook.events.emplace_back(events->at(i).as_string().value_or(""));
  }
  if (hook.name.empty()) return invalid("name");
  if (hook.events.empty()) return invalid("events");
  if (root.find("url")) hook.url = text_in(root, "url");
  if (root.find("authorization")) hook.authorization = text_in(root, "authorization");
  if (root.find("status")) hook.status = text_in(root, "status");
  if (is_new && hook.url.empty()) return invalid("url");
  return std::nullopt;
}

awaitable<Response> add_hook(SharedDesk desk, Request request) {
  Hook hook;
  if (auto refused = read_hook(std::move(request.body), true, hook)) co_return std::move(*refused);
  co_return hook_response(201, desk->state->add_hook(std::move(hook)));
}

awaitable<Response> list_hooks(SharedDesk desk, Request) {
  JsonWriter out;
  out.begin_object().key("items").begin_array();
  for (const Hook& hook : desk->state->hooks()) write_hook(out, hook);
  out.end_array();
  out.key("links").begin_object().end_object().end_object();
  co_return server::json_response(200, out.finish().release());
}

awaitable<Response> show_hook(SharedDesk desk, Request request) {
  const auto hook = desk->state->find_hook(request.parameters["id"]);
  co_return hook ? hook_response(200, *hook) : no_content(404);
}

awaitable<Response> put_hook(SharedDesk desk, Request request) {
  auto hook = desk->state->find_hook(request.parameters["id"]);
  if (!hook) co_return no_content(404);
  if (auto refused = read_hook(std::move(request.body), false, *hook)) {
    co_return std::move(*refused);
  }
  (void)desk->state->put_hook(*hook);
  co_return hook_response(200, *hook);
}

awaitable<Response> remove_hook(SharedDesk desk, Request request) {
  co_return no_content(desk->state->remove_hook(request.parameters["id"]) ? 204 : 404);
}

/// The member and id that the record of an event is known by.
std::pair<const char*, const char*> record_names(const std::string& event) {
  if (event.starts_with("jobad_")) return {"jobAd", "adId"};
  if (event.starts_with("jobapplication_")) return {"jobApplication", "applicationId"};
  if (event.starts_with("placement_")) return {"placement", "placementId"};
  if (event.starts_with("job_")) return {"job", "jobId"};
  return {"candidate", "candidateId"};
}

std::string event_body(const std::string& event, const std::string& event_id, std::int64_t id) {
  const auto [member, id_member] = record_names(event);
  JsonWriter out;
  out.begin_object().member("apiVersion", 2).member("event", event).member("eventId", event_id);
  out.member("eventDate", time_in_json(std::chrono::system_clock::now()));
  out.key("eventUser").begin_object().member("userId", 1).end_object();
  out.key("eventData").begin_object().end_object();
  out.key(member).begin_object().member(id_member, id).end_object();
  out.end_object();
  return out.finish().release();
}

/// The receivers' statuses; 0: no answer.
awaitable<Response> deliver(SharedDesk desk, Request request) {
  const std::string event(request.query_value("event").value_or("candidate_updated"));
  const std::string id_text(request.query_value("id").value_or("1"));
  const std::string times_text(request.query_value("times").value_or("1"));
  std::int64_t id = 0;
  int times = 1;
  (void)std::from_chars(id_text.data(), id_text.data() + id_text.size(), id);
  (void)std::from_chars(times_text.data(), times_text.data() + times_text.size(), times);
  const std::string event_id = Uuid::make_v7().to_string();
  JsonWriter out;
  out.begin_array();
  for (const Hook& hook : desk->state->hooks()) {
    const bool wanted =
        std::find(hook.events.begin(), hook.events.end(), event) != hook.events.end();
    if (!wanted || hook.status != "Enabled") continue;
    for (int i = 0; i < std::min(times, kMostTimes); ++i) {
      net::HttpRequest delivery;
      delivery.method = "POST";
      delivery.url = hook.url;
      delivery.headers.set("Content-Type", "application/json");
      delivery.headers.set("x-jobadder-webhookid", hook.id);
      if (!hook.authorization.empty()) delivery.headers.set("Authorization", hook.authorization);
      delivery.body = event_body(event, event_id, id);
      delivery.deadline = std::chrono::steady_clock::now() + kSenderPatience;
      auto answer = co_await desk->sender->send(std::move(delivery));
      out.value(answer ? answer->status : 0);
    }
  }
  out.end_array();
  co_return server::json_response(200, out.finish().release());
}

}  // namespace

void add_webhook_routes(Routes& routes) {
  routes.api("POST", "/webhooks", &add_hook);
  routes.api("GET", "/webhooks", &list_hooks);
  routes.api("GET", "/webhooks/{id}", &show_hook);
  routes.api("PUT", "/webhooks/{id}", &put_hook);
  routes.api("DELETE", "/webhooks/{id}", &remove_hook);
  routes.plain("POST", "/_fake/deliver", &deliver);
}

}  // namespace rwp::testing::jobadder
