#include "testing_jobadder/fake_routes.hpp"
#include <rwp/core/json_text.hpp>
#include <rwp/core/json_view.hpp>
#include <rwp/core/json_writer.hpp>

#include <utility>

namespace rwp::testing::jobadder {
namespace {

using boost::asio::awaitable;
using server::Request;
using server::Response;

void write_note(JsonWriter& out, const Note& note, bool whole) {
  out.begin_object().member("noteId", note.id);
  if (!note.type.empty()) out.member("type", note.type);
  out.member(whole ? "text" : "textPartial", note.text);
  if (!note.reference.empty()) out.member("reference", note.reference);
  out.member("readonly", false).member("createdAt", time_in_json(note.created));
  out.end_object();
}

/// Whose notes: "applications/7".
std::string owner_of(const Request& request, Table table) {
  return std::string(table == Table::candidates ? "candidates/" : "applications/") +
         std::to_string(id_of(request, "id"));
}

awaitable<Response> add_note(SharedDesk desk, Request request, Table table) {
  if (!desk->state->find(table, id_of(request, "id"))) co_return no_content(404);
  auto json = JsonText::parse(std::move(request.body));
  if (!json) co_return error_model(400, "malformed");
  const JsonDocument body(*json);
  Note note;
  note.owner = owner_of(request, table);
  note.text = text_in(body.root(), "text");
  note.type = text_in(body.root(), "type");
  note.reference = text_in(body.root(), "reference");
  if (note.text.empty()) co_return invalid("text");
  if (note.type.size() > 50) co_return invalid("type");
  if (note.reference.size() > 200) co_return invalid("reference");
  const Note made = desk->state->add_note(std::move(note));
  JsonWriter out;
  write_note(out, made, true);
  co_return server::json_response(201, out.finish().release());
}

awaitable<Response> list_notes(SharedDesk desk, Request request, Table table) {
  const std::string reference(request.query_value("reference").value_or(""));
  std::size_t total = 0;
  JsonWriter out;
  out.begin_object().key("items").begin_array();
  for (const Note& note : desk->state->notes(owner_of(request, table))) {
    if (!reference.empty() && note.reference != reference) continue;
    write_note(out, note, false);
    ++total;
  }
  out.end_array().member("totalCount", static_cast<std::uint64_t>(total));
  out.key("links").begin_object().end_object().end_object();
  co_return server::json_response(200, out.finish().release());
}

awaitable<Response> add_candidate_note(SharedDesk desk, Request request) {
  return add_note(std::move(desk), std::move(request), Table::candidates);
}
awaitable<Response> add_application_note(SharedDesk desk, Request request) {
  return add_note(std::move(desk), std::move(request), Table::applications);
}
awaitable<Response> list_candidate_notes(SharedDesk desk, Request request) {
  return list_notes(std::move(desk), std::move(request), Table::candidates);
}
awaitable<Response> list_application_notes(SharedDesk desk, Request request) {
  return list_notes(std::move(desk), std::move(request), Table::applications);
}

awaitable<Response> update_application(SharedDesk desk, Request request) {
  auto json = JsonText::parse(std::move(request.body));
  if (!json) co_return error_model(400, "malformed");
  const JsonDocument body(*json);
  const auto custom = body.root().find("custom");
  JsonWriter out;
  out.begin_array();
  for (std::size_t i = 0; custom && i < custom->size(); ++i) {
    const auto id = custom->at(i).find("fieldId");
    const auto value = custom->at(i).find("value");
    if (!id || !id->as_int64() || !value) co_return invalid("custom[0].fieldId");
    out.begin_object().member("fieldId", *id->as_int64());
    out.member("name", "Score").member("type", "Text");
    out.key("value").value(value->text()).end_object();
  }
  out.end_array();
  if (!desk->state->set_custom(id_of(request, "id"), out.finish().release())) {
    co_return no_content(404);
  }
  co_return no_content(204);
}

}  // namespace

void add_write_routes(Routes& routes) {
  routes.api("POST", "/candidates/{id}/notes", &add_candidate_note);
  routes.api("GET", "/candidates/{id}/notes", &list_candidate_notes);
  routes.api("POST", "/applications/{id}/notes", &add_application_note);
  routes.api("GET", "/applications/{id}/notes", &list_application_notes);
  routes.api("PUT", "/applications/{id}", &update_application);
}

}  // namespace rwp::testing::jobadder
