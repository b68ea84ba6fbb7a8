#include <rwp/server/message.hpp>

#include <algorithm>

namespace rwp::server {
namespace {

Response with_body(int status, std::string_view content_type, std::string body) {
  Response response;
  response.status = status;
  response.headers.reserve(4);
  response.headers.add("Content-Type", std::string(content_type));
  response.body = std::move(body);
  return response;
}

}  // namespace

bool Identity::has_scope(std::string_view scope) const noexcept {
  return std::find(scopes.begin(), scopes.end(), scope) != scopes.end();
}

std::optional<std::string_view> Request::query_value(std::string_view name) const noexcept {
  for (const auto& [own, value] : query) {
    if (own == name) return value;
  }
  return std::nullopt;
}

Response json_response(int status, std::string json) {
  return with_body(status, "application/json", std::move(json));
}

Response text_response(int status, std::string text) {
  return with_body(status, "text/plain; charset=utf-8", std::move(text));
}

}  // namespace rwp::server
