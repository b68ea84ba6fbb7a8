#include "ai_openai/json_call.hpp"
#include <rwp/ai_openai/moderations.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/core/utf8.hpp>

#include <cassert>
#include <optional>
#include <utility>

namespace rwp::ai_openai {
namespace {

using boost::asio::awaitable;

constexpr std::size_t kMostTexts = 2'048;
constexpr std::size_t kMostTextBytes = std::size_t{4} << 20U;

Result<void> check(const ModerationRequest& request) {
  if (request.texts.empty() || request.texts.size() > kMostTexts) {
    return Error(Errc::invalid_argument, "texts: must be 1 to 2048");
  }
  std::size_t bytes = 0;
  for (const auto& text : request.texts) {
    bytes += text.size();
    if (text.empty() || !is_valid_utf8(text) || bytes > kMostTextBytes) {
      return Error(Errc::invalid_argument, "texts: must be UTF-8, none empty, 4 MiB in all");
    }
  }
  return {};
}

JsonText body_of(const ModerationRequest& request) {
  JsonWriter out;
  out.begin_object();
  if (!request.model.empty()) out.member("model", std::string_view(request.model));
  out.key("input").begin_array();
  for (const auto& text : request.texts) out.value(std::string_view(text));
  out.end_array().end_object();
  return out.finish();
}

std::optional<Moderation> read(JsonView item) {
  const auto flagged = item.find("flagged");
  if (!flagged || !flagged->as_bool()) return std::nullopt;
  Moderation moderation;
  moderation.flagged = *flagged->as_bool();
  if (const auto categories = item.find("categories")) {
    categories->each_member([&](std::string_view name, JsonView value) {
      moderation.categories.emplace(name, value.as_bool().value_or(false));
      return true;
    });
  }
  if (const auto scores = item.find("category_scores")) {
    scores->each_member([&](std::string_view name, JsonView value) {
      moderation.scores.emplace(name, value.as_double().value_or(0));
      return true;
    });
  }
  return moderation;
}

}  // namespace

struct Moderations::Impl {
  Impl(std::shared_ptr<net::HttpTransport> transport, OpenAiOptions options)
      : upstream(std::move(transport), std::move(options)) {}
  Upstream upstream;
};

Result<std::shared_ptr<Moderations>> Moderations::make(
    std::shared_ptr<net::HttpTransport> transport, OpenAiOptions options) {
  assert(transport);
  if (auto checked = check_options(options); !checked) return checked.error();
  auto impl = std::make_unique<Impl>(std::move(transport), std::move(options));
  return std::shared_ptr<Moderations>(new Moderations(std::move(impl)));
}

Moderations::Moderations(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Moderations::~Moderations() = default;

awaitable<Result<ModerationReply>> Moderations::moderate(ModerationRequest request) {
  if (auto checked = check(request); !checked) co_return checked.error();
  Call call;
  call.path = "/moderations";
  call.body = body_of(request).release();
  call.deadline = request.deadline;
  auto answer = co_await call_json(impl_->upstream, std::move(call));
  if (!answer) co_return answer.error();
  const JsonDocument document(*answer);
  const auto results = document.root().find("results");
  if (!results || results->kind() != JsonKind::array || results->size() != request.texts.size()) {
    co_return no_answer(impl_->upstream, "results has not one item for each text");
  }
  ModerationReply reply;
  reply.model = text_member(document.root(), "model");
  for (std::size_t i = 0; i < results->size(); ++i) {
    auto moderation = read(results->at(i));
    if (!moderation) co_return no_answer(impl_->upstream, "results has an item without flagged");
    reply.results.push_back(std::move(*moderation));
  }
  reply.document = std::move(*answer);
  co_return std::move(reply);
}

}  // namespace rwp::ai_openai
