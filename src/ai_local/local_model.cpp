#include "ai_local/analysis.hpp"
#include "ai_local/embedding.hpp"
#include "ai_local/schema_filler.hpp"
#include "ai_local/skills.hpp"
#include "ai_local/text.hpp"
#include <rwp/ai/json_schema.hpp>
#include <rwp/ai_local/local_model.hpp>
#include <rwp/core/json_view.hpp>

#include <algorithm>
#include <cassert>
#include <map>
#include <string_view>
#include <utility>

namespace rwp::ai_local {
namespace {

using boost::asio::awaitable;

constexpr std::int64_t kLeastDimensions = 8;
constexpr std::int64_t kMostDimensions = 4'096;
constexpr std::size_t kBytesPerToken = 4;
constexpr std::size_t kPieceBytes = 24;
/// Schemas come from program text: a few, over and over.
constexpr std::size_t kSchemasKept = 32;

std::int64_t tokens_of(std::size_t bytes) {
  return static_cast<std::int64_t>((bytes + kBytesPerToken - 1) / kBytesPerToken);
}

/// A schema read once for all calls that bring it.
struct ReadSchema {
  explicit ReadSchema(const JsonText& text) : document(text) {}
  JsonDocument document;
  ai::JsonSchema judge{};
};

class LocalModel final : public ai::Model {
 public:
  explicit LocalModel(LocalModelOptions options)
      : options_(std::move(options)),
        dictionary_(options_.extra_skills.empty()
                        ? std::string(skills_data())
                        : options_.extra_skills + "\n" + std::string(skills_data())) {
    assert(options_.embedding_dimensions >= kLeastDimensions &&
           options_.embedding_dimensions <= kMostDimensions);
  }

  std::string default_model() const override { return kLocalModelName; }

 private:
  awaitable<Result<ai::ChatReply>> do_chat(ai::ChatRequest request) override {
    co_return answer(request);
  }

  awaitable<Result<ai::ChatReply>> do_stream(ai::ChatRequest request,
                                             ai::OnDelta on_delta) override {
    auto reply = answer(request);
    if (!reply) co_return reply;
    std::string_view rest = reply->content;
    while (!rest.empty()) {
      std::size_t size = std::min(kPieceBytes, rest.size());
      while (size < rest.size() && (static_cast<unsigned char>(rest[size]) & 0xC0U) == 0x80U)
        ++size;
      if (!on_delta(rest.substr(0, size))) {
        co_return Error(Errc::cancelled, "the stream was ended by its reader");
      }
      rest.remove_prefix(size);
    }
    co_return reply;
  }

  awaitable<Result<ai::EmbedReply>> do_embed(ai::EmbedRequest request) override {
    const auto dimensions =
        request.dimensions == 0 ? options_.embedding_dimensions : request.dimensions;
    if (dimensions < kLeastDimensions || dimensions > kMostDimensions) {
      co_return Error(Errc::invalid_argument, "dimensions is not between 8 and 4096");
    }
    ai::EmbedReply reply;
    reply.model = kLocalModelName;
    for (const auto& input : request.inputs) {
      reply.vectors.push_back(embed_text(input, static_cast<std::size_t>(dimensions)));
      reply.usage.input_tokens += tokens_of(input.size());
    }
    co_return reply;
  }

  Result<ai::ChatReply> answer(const ai::ChatRequest& request) {
    std::size_t user_bytes = 0;
    std::size_t all_bytes = 0;
    const bool must_call = !request.tool_choice.empty() && request.tool_choice != "auto" &&
                           request.tool_choice != "none";
    if (must_call) return Error(Errc::unsupported, "tool_choice: rwp-local calls no tools");
    for (const auto& message : request.messages) {
      if (!message.images.empty()) {
        return Error(Errc::unsupported, "messages has images, which rwp-local does not see");
      }
      all_bytes += message.content.size();
      if (message.role == ai::Role::user) user_bytes += message.content.size();
    }
    if (user_bytes == 0) {
      return Error(Errc::invalid_argument, "messages has no user message, which rwp-local reads");
    }
    if (user_bytes > options_.max_input_bytes) {
      return Error(Errc::invalid_argument, "user messages hold more than " +
                                               std::to_string(options_.max_input_bytes) +
                                               " bytes (LocalModelOptions::max_input_bytes)");
    }
    Analysis analysis(read_source(request.messages), dictionary_);
    auto reply =
        request.output_schema ? answer_schema(request, analysis) : answer_text(request, analysis);
    if (!reply) return reply;
    reply->model = kLocalModelName;
    reply->usage.input_tokens = tokens_of(all_bytes);
    reply->usage.output_tokens = tokens_of(reply->content.size());
    return reply;
  }

  static Result<ai::ChatReply> answer_text(const ai::ChatRequest& request, Analysis& analysis) {
    ai::ChatReply reply;
    reply.content = analysis.summary();
    std::string phrases;
    for (const auto& phrase : analysis.key_phrases())
      phrases += (phrases.empty() ? "" : ", ") + phrase;
    if (!phrases.empty()) {
      reply.content += (reply.content.empty() ? "Key phrases: " : "\n\nKey phrases: ") + phrases;
    }
    if (reply.content.empty()) reply.content = "The text says nothing that could be summarised.";
    if (request.max_output_tokens > 0 &&
        tokens_of(reply.content.size()) > request.max_output_tokens) {
      reply.content = shorten(reply.content,
                              static_cast<std::size_t>(request.max_output_tokens) * kBytesPerToken);
      reply.finish_reason = ai::FinishReason::length;
    }
    return reply;
  }

  Result<ai::ChatReply> answer_schema(const ai::ChatRequest& request, Analysis& analysis) {
    const auto schema = read_schema(request.output_schema->schema);
    if (!schema) return schema.error();
    auto filled = fill_schema((*schema)->document.root(), analysis);
    if (!filled) return filled.error();
    if (auto valid = (*schema)->judge.validate(*filled); !valid) {
      return Error(Errc::unsupported,
                   "rwp-local has no value for this schema: " + valid.error().message());
    }
    if (request.max_output_tokens > 0 && tokens_of(filled->size()) > request.max_output_tokens) {
      return Error(Errc::invalid_argument, "max_output_tokens does not hold the answer");
    }
    ai::ChatReply reply;
    reply.content = filled->release();
    return reply;
  }

  Result<std::shared_ptr<const ReadSchema>> read_schema(const JsonText& text) {
    if (const auto known = schemas_.find(text.str()); known != schemas_.end()) return known->second;
    auto judge = ai::JsonSchema::compile(text);
    if (!judge) return judge.error();
    auto schema = std::make_shared<ReadSchema>(text);
    schema->judge = std::move(*judge);
    if (schemas_.size() >= kSchemasKept) schemas_.clear();
    schemas_.emplace(text.str(), schema);
    return std::shared_ptr<const ReadSchema>(std::move(schema));
  }

  const LocalModelOptions options_;
  const SkillDictionary dictionary_;
  std::map<std::string, std::shared_ptr<const ReadSchema>> schemas_;
};

}  // namespace

std::shared_ptr<ai::Model> make_local_model(LocalModelOptions options) {
  return std::make_shared<LocalModel>(std::move(options));
}

void register_local(SchemeRegistry& registry) {
  registry.add<ai::Model>(
      "local", [](const Url& url, Runtime&) -> Result<std::shared_ptr<ai::Model>> {
        if (!url.rest().empty()) {
          return Error(Errc::invalid_argument, "local: takes nothing behind the colon but a query");
        }
        if (auto known = url.allow_query({"dimensions"}); !known) return known.error();
        LocalModelOptions options;
        const auto dimensions = url.integer("dimensions", options.embedding_dimensions,
                                            kLeastDimensions, kMostDimensions);
        if (!dimensions) return dimensions.error();
        options.embedding_dimensions = *dimensions;
        return make_local_model(std::move(options));
      });
}

}  // namespace rwp::ai_local
