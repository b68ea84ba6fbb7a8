#include <rwp/ai/extract.hpp>

#include <string_view>
#include <utility>

namespace rwp::ai::detail {
namespace {

using boost::asio::awaitable;

constexpr int kRounds = 2;

/// The answer without the code fence that some models put around JSON.
std::string_view without_fence(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto trim = [&](std::string_view part) {
    const auto first = part.find_first_not_of(kSpace);
    if (first == std::string_view::npos) return std::string_view();
    return part.substr(first, part.find_last_not_of(kSpace) - first + 1);
  };
  text = trim(text);
  if (!text.starts_with("```") || !text.ends_with("```") || text.size() < 6) return text;
  const auto line_end = text.find('\n');
  if (line_end == std::string_view::npos || line_end + 3 > text.size()) return text;
  return trim(text.substr(line_end + 1, text.size() - line_end - 4));
}

Result<void> check_finish(const ChatReply& reply) {
  switch (reply.finish_reason) {
    case FinishReason::refusal:
      return Error(Errc::permission_denied, reply.model + " refused to answer");
    case FinishReason::content_filter:
      return Error(Errc::permission_denied,
                   "the content filter of " + reply.model + " withheld the answer");
    case FinishReason::length:
      return Error(Errc::invalid_argument,
                   "the answer of " + reply.model + " was cut off; allow more max_output_tokens");
    default:
      return {};
  }
}

Result<JsonText> judge(std::string_view content, const JsonSchema& schema,
                       const DecodeCheck& decode_check) {
  auto document = JsonText::parse(std::string(without_fence(content)));
  if (!document) return document.error();
  if (auto valid = schema.validate(*document); !valid) return valid.error();
  if (auto decoded = decode_check(*document); !decoded) return decoded.error();
  return document;
}

void add(TokenUsage& sum, const TokenUsage& more) {
  sum.input_tokens += more.input_tokens;
  sum.output_tokens += more.output_tokens;
  sum.cached_input_tokens += more.cached_input_tokens;
  sum.reasoning_tokens += more.reasoning_tokens;
}

void ask_for_repair(ChatRequest& request, std::string answer, const Error& why) {
  if (answer.empty()) answer = "(no text)";
  request.messages.push_back({Role::assistant, std::move(answer)});
  request.messages.push_back(
      {Role::user, "This answer cannot be used: " + why.message() +
                       ". Answer again with the corrected JSON alone, as the schema has it."});
}

}  // namespace

awaitable<Result<ExtractedJson>> extract_json(std::shared_ptr<Model> model, ChatRequest request,
                                              JsonText schema, Result<JsonSchema> compiled,
                                              DecodeCheck decode_check) {
  if (!compiled) co_return compiled.error();
  OutputSchema wanted;
  wanted.name = "answer";
  if (request.output_schema && !request.output_schema->name.empty()) {
    wanted.name = request.output_schema->name;
  }
  wanted.schema = std::move(schema);
  request.output_schema = std::move(wanted);

  ExtractedJson extracted;
  Error last;
  for (int round = 0; round < kRounds; ++round) {
    ChatRequest copy = request;
    auto reply = co_await model->chat(std::move(copy));
    if (!reply) co_return reply.error();
    add(extracted.usage, reply->usage);
    extracted.model = reply->model;
    if (auto finished = check_finish(*reply); !finished) co_return finished.error();
    auto document = judge(reply->content, *compiled, decode_check);
    if (document) {
      extracted.json = std::move(*document);
      extracted.repaired = round > 0;
      co_return std::move(extracted);
    }
    last = document.error();
    ask_for_repair(request, std::move(reply->content), last);
  }
  co_return Error(Errc::corrupt, extracted.model + " gave no answer that fits the schema")
      .with_cause(last);
}

}  // namespace rwp::ai::detail
