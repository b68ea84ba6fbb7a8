#include "testing_openai/fake_routes.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/json_writer.hpp>

#include <charconv>
#include <chrono>

namespace rwp::testing {
namespace {

using boost::asio::awaitable;
using server::Request;
using server::Response;

constexpr std::int64_t kCreated = 1'760'000'000;
constexpr std::size_t kMostItems = 10'000;

void write_file(JsonWriter& out, const FakeFile& file, std::size_t bytes) {
  out.begin_object().member("id", std::string_view(file.id)).member("object", "file");
  out.member("bytes", static_cast<std::uint64_t>(bytes)).member("created_at", kCreated);
  out.member("filename", std::string_view(file.filename));
  out.member("purpose", std::string_view(file.purpose)).member("status", "processed");
  out.end_object();
}

Response file_response(const FakeFile& file) {
  JsonWriter out;
  write_file(out, file, file.content.size());
  return server::json_response(200, out.finish().release());
}

Response no_file(const std::string& id) {
  return error_response(
      refused(404, "No such File object: " + id, "invalid_request_error", "not_found"));
}

/// What stands behind `name="` in a part's head.
std::string quoted(std::string_view head, std::string_view name) {
  const std::string key = " " + std::string(name) + "=\"";
  const auto at = head.find(key);
  if (at == std::string_view::npos) return {};
  const auto begin = at + key.size();
  return std::string(head.substr(begin, head.find('"', begin) - begin));
}

/// The file of a form in parts; none: it is not one.
std::optional<FakeFile> read_form(const Request& request) {
  const auto type = request.headers.find("content-type").value_or(std::string_view());
  const auto at = type.find("boundary=");
  if (!type.starts_with("multipart/form-data") || at == std::string_view::npos) return std::nullopt;
  std::string mark = "--" + std::string(type.substr(at + 9));
  if (mark.size() > 3 && mark[2] == '"') mark = "--" + mark.substr(3, mark.size() - 4);
  FakeFile file;
  std::string_view rest = request.body;
  while (rest.starts_with(mark)) {
    rest.remove_prefix(mark.size());
    if (rest.starts_with("--")) break;
    const auto head_end = rest.find("\r\n\r\n");
    const auto part_end = rest.find("\r\n" + mark);
    if (head_end == std::string_view::npos || part_end == std::string_view::npos ||
        part_end < head_end + 4) {
      return std::nullopt;
    }
    const auto head = rest.substr(0, head_end);
    const auto value = rest.substr(head_end + 4, part_end - head_end - 4);
    const std::string name = quoted(head, "name");
    if (name == "purpose") file.purpose = value;
    if (name == "file") {
      file.filename = quoted(head, "filename");
      file.content = value;
    }
    rest.remove_prefix(part_end + 2);
  }
  if (file.filename.empty() || file.purpose.empty()) return std::nullopt;
  return file;
}

awaitable<Response> upload(SharedState state, Request request) {
  if (auto bad = refuse_head(*state, request)) co_return std::move(*bad);
  auto file = read_form(request);
  if (!file) {
    co_return error_response(
        refused(400, "'file' and 'purpose' are required", "invalid_request_error", ""));
  }
  const FakeBatchStep step = state->shelf().next(true);
  switch (step.fault) {
    case FakeBatchFault::refuse:
      co_return error_response(refused(400, "Invalid file", "invalid_request_error", ""));
    case FakeBatchFault::rate_limit:
      co_return limited_at_once(request);
    case FakeBatchFault::lost:
      state->shelf().put(std::move(*file));
      co_return no_answer_at_all();
    case FakeBatchFault::late:
      state->shelf().put(std::move(*file),
                         std::chrono::milliseconds(step.value < 0 ? 1'000 : step.value));
      co_return no_answer_at_all();
    default:
      break;
  }
  co_return file_response(state->shelf().put(std::move(*file)));
}

awaitable<Response> list(SharedState state, Request request) {
  if (auto bad = refuse_head(*state, request)) co_return std::move(*bad);
  const std::string purpose(request.query_value("purpose").value_or(std::string_view()));
  const std::string after(request.query_value("after").value_or(std::string_view()));
  const std::string_view told = request.query_value("limit").value_or(std::string_view());
  std::size_t limit = kMostItems;
  std::from_chars(told.data(), told.data() + told.size(), limit);
  JsonWriter out;
  out.begin_object().member("object", "list").key("data").begin_array();
  std::size_t count = 0;
  bool more = false;
  for (const auto& file : state->shelf().files()) {
    if (!purpose.empty() && file.purpose != purpose) continue;
    if (!after.empty() && file.id >= after) continue;
    more = count == limit;
    if (more) break;
    ++count;
    write_file(out, file, std::stoul(file.content));
  }
  out.end_array().member("has_more", more).end_object();
  co_return server::json_response(200, out.finish().release());
}

awaitable<Response> show(SharedState state, Request request) {
  if (auto bad = refuse_head(*state, request)) co_return std::move(*bad);
  const auto file = state->shelf().file(request.parameters["id"]);
  co_return file ? file_response(*file) : no_file(request.parameters["id"]);
}

awaitable<Response> content(SharedState state, Request request) {
  if (auto bad = refuse_head(*state, request)) co_return std::move(*bad);
  const auto file = state->shelf().file(request.parameters["id"]);
  if (!file) co_return no_file(request.parameters["id"]);
  Response response;
  response.headers.set("Content-Type", "application/octet-stream");
  response.body = file->content;
  co_return response;
}

awaitable<Response> remove(SharedState state, Request request) {
  if (auto bad = refuse_head(*state, request)) co_return std::move(*bad);
  const std::string id = request.parameters["id"];
  if (!state->shelf().remove(id)) co_return no_file(id);
  JsonWriter out;
  out.begin_object().member("id", std::string_view(id)).member("object", "file");
  out.member("deleted", true).end_object();
  co_return server::json_response(200, out.finish().release());
}

}  // namespace

void add_file_routes(FakeRoutes& routes) {
  routes.add("POST", "/v1/files", &upload);
  routes.add("GET", "/v1/files", &list);
  routes.add("GET", "/v1/files/{id}", &show);
  routes.add("GET", "/v1/files/{id}/content", &content);
  routes.add("DELETE", "/v1/files/{id}", &remove);
}

}  // namespace rwp::testing
