#include "ai_openai/json_call.hpp"

#include <algorithm>
#include <utility>

namespace rwp::ai_openai {

using boost::asio::awaitable;

awaitable<Result<JsonText>> call_json(Upstream& upstream, Call call) {
  auto called = co_await upstream.open(std::move(call));
  if (!called.exchange) co_return called.exchange.error();
  auto body = co_await upstream.read_all(**called.exchange);
  if (!body) co_return body.error();
  const auto& headers = (*called.exchange)->head().headers;
  auto text = JsonText::parse(std::move(*body));
  if (!text) co_return broken_answer(upstream.speaker(), headers, text.error().message());
  const JsonDocument document(*text);
  // A response that failed has an error of its own, which its reader judges.
  const auto object = text_member(document.root(), "object");
  if (object != "response") {
    if (const auto said = find_server_error(document.root())) {
      co_return to_error(upstream.speaker(), headers, *said);
    }
  }
  if (document.root().kind() != JsonKind::object) {
    co_return broken_answer(upstream.speaker(), headers, "the body is not an object");
  }
  co_return std::move(*text);
}

Error no_answer(const Upstream& upstream, std::string_view why) {
  return broken_answer(upstream.speaker(), net::HttpHeaders(), why);
}

std::string text_member(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return std::string(member ? member->as_string().value_or(std::string_view())
                            : std::string_view());
}

std::int64_t count_member(JsonView object, std::string_view name) {
  const auto member = object.find(name);
  return member ? std::max<std::int64_t>(member->as_int64().value_or(0), 0) : 0;
}

}  // namespace rwp::ai_openai
