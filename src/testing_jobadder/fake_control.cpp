#include "testing_jobadder/fake_routes.hpp"
#include <rwp/core/json_writer.hpp>

#include <utility>

namespace rwp::testing::jobadder {
namespace {

using boost::asio::awaitable;
using server::Request;
using server::Response;

awaitable<Response> tell_counts(SharedDesk desk, Request) {
  co_return server::json_response(200, desk->state->counts_json());
}

awaitable<Response> tell_notes(SharedDesk desk, Request) {
  JsonWriter out;
  out.begin_array();
  for (const Note& note : desk->state->notes(std::string())) {
    out.begin_object().member("owner", note.owner).member("text", note.text);
    out.member("reference", note.reference).end_object();
  }
  out.end_array();
  co_return server::json_response(200, out.finish().release());
}

awaitable<Response> tell_ids(SharedDesk desk, Request request) {
  const auto table = table_of(request.parameters["table"]);
  if (!table) co_return no_content(404);
  JsonWriter out;
  out.begin_array();
  for (const std::int64_t id : desk->state->ids(*table)) out.value(id);
  out.end_array();
  co_return server::json_response(200, out.finish().release());
}

awaitable<Response> touch(SharedDesk desk, Request request) {
  const auto table = table_of(request.parameters["table"]);
  const bool found = table && desk->state->touch(*table, id_of(request, "id"));
  co_return no_content(found ? 204 : 404);
}

awaitable<Response> remove_candidate(SharedDesk desk, Request request) {
  co_return no_content(desk->state->remove_candidate(id_of(request, "id")) ? 204 : 404);
}

awaitable<Response> set_status(SharedDesk desk, Request request) {
  const bool found =
      desk->state->set_status(id_of(request, "id"), std::string(request.parameters["status"]));
  co_return no_content(found ? 204 : 404);
}

awaitable<Response> place(SharedDesk desk, Request request) {
  const auto placement = desk->state->place(id_of(request, "id"));
  if (!placement) co_return no_content(404);
  co_return server::json_response(200, std::to_string(*placement));
}

/// The custom field in which a job board passes on who applied.
awaitable<Response> set_client(SharedDesk desk, Request request) {
  JsonWriter out;
  out.begin_array().begin_object().member("fieldId", 2).member("name", "client_id");
  out.member("type", "Text").member("value", std::string(request.parameters["client"]));
  out.end_object().end_array();
  const bool found = desk->state->set_custom(id_of(request, "id"), out.finish().release());
  co_return no_content(found ? 204 : 404);
}

awaitable<Response> set_hook_status(SharedDesk desk, Request request) {
  desk->state->set_hook_status(request.parameters["status"]);
  co_return no_content(204);
}

awaitable<Response> expire(SharedDesk desk, Request) {
  desk->state->expire_tokens();
  co_return no_content(204);
}

awaitable<Response> calm(SharedDesk desk, Request) {
  desk->state->set_faults(FakeJobAdderFaults());
  co_return no_content(204);
}

}  // namespace

void add_control_routes(Routes& routes) {
  routes.plain("GET", "/_fake/counts", &tell_counts);
  routes.plain("GET", "/_fake/notes", &tell_notes);
  routes.plain("GET", "/_fake/ids/{table}", &tell_ids);
  routes.plain("POST", "/_fake/touch/{table}/{id}", &touch);
  routes.plain("DELETE", "/_fake/candidates/{id}", &remove_candidate);
  routes.plain("POST", "/_fake/applications/{id}/status/{status}", &set_status);
  routes.plain("POST", "/_fake/applications/{id}/client/{client}", &set_client);
  routes.plain("POST", "/_fake/applications/{id}/place", &place);
  routes.plain("POST", "/_fake/webhooks/{status}", &set_hook_status);
  routes.plain("POST", "/_fake/expire", &expire);
  routes.plain("POST", "/_fake/calm", &calm);
}

}  // namespace rwp::testing::jobadder
