#include "pods/file_routes.hpp"

#include "pods/batch_routes.hpp"
#include "pods/file_shelf.hpp"
#include "pods/multipart_form.hpp"
#include "pods/openai_error.hpp"
#include <rwp/core/async.hpp>
#include <rwp/core/json_writer.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace rwp::pods {
namespace {

using boost::asio::awaitable;
using server::Request;
using server::Response;
using Shared = std::shared_ptr<const FileRoutes>;

constexpr std::size_t kFormBytes = std::size_t{64} << 10U;
constexpr std::size_t kMostPage = 100;
constexpr std::int64_t kShortestLife = 3'600;
constexpr std::int64_t kLongestLife = 2'592'000;

std::int64_t seconds_of(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

JsonText file_json(const ShelfFile& file) {
  JsonWriter out;
  out.begin_object().member("id", std::string_view(file.id)).member("object", "file");
  out.member("bytes", static_cast<std::int64_t>(file.bytes));
  out.member("created_at", seconds_of(file.created_at)).key("expires_at");
  if (file.expires_at) {
    out.value(seconds_of(*file.expires_at));
  } else {
    out.null();
  }
  out.member("filename", std::string_view(file.filename));
  out.member("purpose", std::string_view(file.purpose)).member("status", "processed");
  out.key("status_details").null().end_object();
  return out.finish();
}

Response refuse(std::string param, std::string message) {
  OpenAiError error;
  error.param = std::move(param);
  error.message = std::move(message);
  error.code = "invalid_value";
  return openai_error_response(error);
}

Response failed(const FileRoutes& routes, const Request& request, const Error& error) {
  auto told = to_openai_error(error);
  if (error.code() == Errc::not_found) told.code = "not_found";
  if (told.status >= 500) {
    routes.log.error("files cannot be served",
                     {{"request_id", request.request_id}, {"error", error.to_string()}});
    told.code = "storage_unavailable";
  }
  return openai_error_response(told);
}

std::optional<std::int64_t> number_of(std::string_view text) {
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || read.ec != std::errc() || read.ptr != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

/// What a form says of a file; the refusal, when it is none.
std::optional<Response> read_form(std::vector<FormPart> parts, ShelfFile& file,
                                  std::string& content) {
  bool has_file = false;
  std::string anchor;
  std::string seconds;
  for (auto& part : parts) {
    if (part.name == "file") {
      has_file = true;
      file.filename = std::move(part.filename);
      content = std::move(part.content);
    } else if (part.name == "purpose") {
      file.purpose = std::move(part.content);
    } else if (part.name == "expires_after[anchor]") {
      anchor = std::move(part.content);
    } else if (part.name == "expires_after[seconds]") {
      seconds = std::move(part.content);
    } else {
      return refuse(part.name, "Unrecognized request argument supplied: " + part.name);
    }
  }
  if (!has_file || file.filename.empty()) {
    return refuse("file", "'file' must be a file with a name.");
  }
  if (content.empty() || content.size() > kMostFileBytes) {
    return refuse("file", "'file' must be 1 byte to 64 MiB.");
  }
  // Others are for the service behind, which does not have this file.
  if (file.purpose != "batch") return refuse("purpose", "'purpose': only 'batch' is supported.");
  if (anchor.empty() && seconds.empty()) return std::nullopt;
  const auto life = number_of(seconds);
  if (anchor != "created_at" || !life || *life < kShortestLife || *life > kLongestLife) {
    return refuse("expires_after",
                  "'expires_after' must have the anchor 'created_at' and 3600 to 2592000 seconds.");
  }
  file.expires_at = file.created_at + std::chrono::seconds(*life);
  return std::nullopt;
}

awaitable<Response> make_file(Shared routes, Request request) {
  const auto type = request.headers.find("Content-Type");
  auto form = read_multipart_form(type.value_or(""), std::move(request.body));
  if (!form) co_return failed(*routes, request, form.error());
  ShelfFile file;
  file.created_at = std::chrono::system_clock::now();
  std::string content;
  if (auto refused = read_form(std::move(*form), file, content)) co_return std::move(*refused);
  FileShelf shelf(routes->objects);
  auto putting = shelf.put(request.identity.tenant, std::move(file), std::move(content));
  auto made = co_await on(routes->objects_executor, std::move(putting));
  if (!made) co_return failed(*routes, request, made.error());
  co_return server::json_response(200, file_json(*made).release());
}

awaitable<Response> list_files(Shared routes, Request request) {
  const auto limit = number_of(request.query_value("limit").value_or("100"));
  const auto order = request.query_value("order").value_or("desc");
  if (!limit || *limit < 1 || *limit > 10'000) {
    co_return refuse("limit", "'limit' must be 1 to 10000.");
  }
  if (order != "desc" && order != "asc") co_return refuse("order", "'order' must be asc or desc.");
  // A page is shorter than was asked for; has_more tells.
  const auto most = std::min<std::size_t>(static_cast<std::size_t>(*limit), kMostPage);
  FileShelf shelf(routes->objects);
  auto listing =
      shelf.list(request.identity.tenant, std::string(request.query_value("purpose").value_or("")),
                 std::string(request.query_value("after").value_or("")), most, order == "desc");
  auto files = co_await on(routes->objects_executor, std::move(listing));
  if (!files) co_return failed(*routes, request, files.error());
  const bool has_more = files->size() > most;
  if (has_more) files->resize(most);
  JsonWriter out;
  out.begin_object().member("object", "list").key("data").begin_array();
  for (const auto& file : *files) out.value(file_json(file));
  out.end_array().member("has_more", has_more).key("first_id");
  if (files->empty()) {
    out.null().key("last_id").null();
  } else {
    out.value(std::string_view(files->front().id));
    out.member("last_id", std::string_view(files->back().id));
  }
  out.end_object();
  co_return server::json_response(200, out.finish().release());
}

awaitable<Response> look_at_file(Shared routes, Request request) {
  FileShelf shelf(routes->objects);
  auto looking = shelf.look(request.identity.tenant, request.parameters["file"]);
  auto file = co_await on(routes->objects_executor, std::move(looking));
  if (!file) co_return failed(*routes, request, file.error());
  co_return server::json_response(200, file_json(*file).release());
}

awaitable<Response> remove_file(Shared routes, Request request) {
  const std::string id = request.parameters["file"];
  FileShelf shelf(routes->objects);
  auto removing = shelf.remove(request.identity.tenant, id);
  auto removed = co_await on(routes->objects_executor, std::move(removing));
  if (!removed) co_return failed(*routes, request, removed.error());
  JsonWriter out;
  out.begin_object().member("id", std::string_view(id)).member("object", "file");
  out.member("deleted", true).end_object();
  co_return server::json_response(200, out.finish().release());
}

awaitable<Result<void>> send_file(Shared routes, std::shared_ptr<storage::ObjectReader> reader,
                                  server::ResponseWriter& writer) {
  for (;;) {
    auto reading = reader->read();
    auto piece = co_await on(routes->objects_executor, std::move(reading));
    if (!piece) co_return piece.error();
    if (piece->empty()) co_return Result<void>();
    auto written = co_await writer.write(std::move(*piece));
    if (!written) co_return written.error();
  }
}

awaitable<Response> read_file(Shared routes, Request request) {
  FileShelf shelf(routes->objects);
  auto opening = shelf.open(request.identity.tenant, request.parameters["file"]);
  auto opened = co_await on(routes->objects_executor, std::move(opening));
  if (!opened) co_return failed(*routes, request, opened.error());
  std::shared_ptr<storage::ObjectReader> reader = std::move(*opened);
  Response response;
  response.headers.set("Content-Type", "application/octet-stream");
  response.stream = [routes, reader](server::ResponseWriter& writer) {
    return send_file(routes, reader, writer);
  };
  co_return response;
}

}  // namespace

void add_file_routes(server::Router& router, FileRoutes routes) {
  const Shared shared = std::make_shared<const FileRoutes>(std::move(routes));
  server::RouteOptions options;
  options.authorise = shared->authorise;
  options.problem_format = openai_problem;
  server::RouteOptions upload = options;
  upload.max_body_bytes = kMostFileBytes + kFormBytes;
  upload.timeout = std::chrono::minutes(10);
  const auto handle = [shared](awaitable<Response> (*answer)(Shared, Request)) {
    return [shared, answer](Request request) { return answer(shared, std::move(request)); };
  };
  router.add("POST", "/v1/files", handle(&make_file), upload);
  router.add("GET", "/v1/files", handle(&list_files), options);
  router.add("GET", "/v1/files/{file}", handle(&look_at_file), options);
  router.add("DELETE", "/v1/files/{file}", handle(&remove_file), options);
  router.add("GET", "/v1/files/{file}/content", handle(&read_file), options);
  add_batch_routes(router, shared);
}

}  // namespace rwp::pods
