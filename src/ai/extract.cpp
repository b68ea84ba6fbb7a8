#include "ai/repair.hpp"
#include "ai/schema_judge.hpp"
#include <rwp/ai/answer_fault.hpp>
#include <rwp/ai/extract.hpp>

#include <string_view>
#include <utility>

namespace rwp::ai::detail {
namespace {

using boost::asio::awaitable;

constexpr int kRounds = 2;

Result<JsonText> judge(std::string_view content, const JsonSchema& schema,
                       const DecodeCheck& decode_check) {
  auto document = JsonText::parse(std::string(without_fence(content)));
  if (!document) return document.error();
  if (auto valid = schema.validate(*document); !valid) return valid.error();
  if (auto decoded = decode_check(*document); !decoded) return decoded.error();
  return document;
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
    add_usage(extracted.usage, reply->usage);
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
  co_return misfit(extracted.model, last);
}

}  // namespace rwp::ai::detail
