#include "ai/decorator.hpp"
#include "ai/kept_answer.hpp"
#include "ai/schema_judge.hpp"
#include <rwp/ai/cached.hpp>
#include <rwp/ai/call_key.hpp>
#include <rwp/core/utf8.hpp>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string_view>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;

/// A piece of a stream that is played back.
constexpr std::size_t kPieceBytes = 1'024;

/// Of a stream's events: played back they come at once, and whoever reads them holds them all.
constexpr std::size_t kMostEventBytes = std::size_t{4} << 20U;

constexpr std::chrono::seconds kLongestKept = std::chrono::hours(24 * 3'650);

CachedOptions in_bounds(CachedOptions options) {
  options.time_to_live = std::clamp(options.time_to_live, std::chrono::seconds(1), kLongestKept);
  return options;
}

/// Hands an answer out in pieces that end between characters; false when the reader has enough.
bool play_back(std::string_view content, const OnDelta& on_delta) {
  while (!content.empty()) {
    std::size_t size = std::min(kPieceBytes, content.size());
    while (size < content.size() && size > 0 &&
           (static_cast<unsigned char>(content[size]) & 0xC0U) == 0x80U) {
      --size;
    }
    if (size == 0) size = std::min(kPieceBytes, content.size());
    if (!on_delta(content.substr(0, size))) return false;
    content.remove_prefix(size);
  }
  return true;
}

class CachedModel final : public Decorator {
 public:
  CachedModel(std::shared_ptr<Model> inner, CachedOptions options)
      : Decorator(std::move(inner)), options_(in_bounds(std::move(options))) {
    assert(options_.cache);
  }

 private:
  awaitable<Result<ChatReply>> do_chat(ChatRequest request) override {
    if (!wants_cache(request)) co_return co_await pass_chat(inner(), std::move(request));
    const std::string key = key_of(request, request.model);
    auto kept = co_await look_up(key);
    if (auto hit = kept ? read_chat_answer(*kept) : std::nullopt) {
      count(hit_);
      co_return std::move(*hit);
    }
    count(miss_);
    ChatRequest copy = request;
    auto reply = co_await pass_chat(inner(), std::move(copy));
    if (reply && is_whole(request, *reply)) {
      co_await keep(place_of(request, *reply, key), write_answer(*reply));
    }
    co_return reply;
  }

  awaitable<Result<ChatReply>> do_stream(ChatRequest request, OnDelta on_delta) override {
    if (!wants_cache(request)) {
      co_return co_await pass_stream(inner(), std::move(request), std::move(on_delta));
    }
    const std::string key = key_of(request, request.model);
    auto kept = co_await look_up(key);
    if (auto hit = kept ? read_chat_answer(*kept) : std::nullopt) {
      count(hit_);
      if (!play_back(hit->wire ? *hit->wire : hit->content, on_delta)) {
        co_return Error(Errc::cancelled, "the stream was ended by its reader");
      }
      co_return std::move(*hit);
    }
    count(miss_);
    ChatRequest copy = request;
    const auto bytes = std::make_shared<std::string>();
    if (request.wire) {
      on_delta = [bytes, on_delta = std::move(on_delta)](std::string_view piece) {
        *bytes += piece;
        return on_delta(piece);
      };
    }
    auto reply = co_await pass_stream(inner(), std::move(copy), std::move(on_delta));
    if (reply && request.wire) reply->wire = bytes;
    if (reply && bytes->size() <= kMostEventBytes && is_whole(request, *reply)) {
      co_await keep(place_of(request, *reply, key), write_answer(*reply));
    }
    co_return reply;
  }

  awaitable<Result<EmbedReply>> do_embed(EmbedRequest request) override {
    const std::string key = key_of(request, request.model);
    auto kept = co_await look_up(key);
    if (auto hit = kept ? read_embed_answer(*kept) : std::nullopt) {
      count(hit_);
      co_return std::move(*hit);
    }
    count(miss_);
    EmbedRequest copy = request;
    auto reply = co_await pass_embed(inner(), std::move(copy));
    if (reply && reply->source == AnswerSource::model) {
      co_await keep(place_of(request, *reply, key), write_answer(*reply));
    }
    co_return reply;
  }

  bool wants_cache(const ChatRequest& request) const {
    return options_.random_answers || request.temperature.value_or(0) <= 0;
  }

  template <class Request>
  std::string key_of(const Request& request, const std::string& model) const {
    std::string scope = options_.dialect;
    scope += '\n';
    if (options_.scope == CacheScope::tenant) scope += request.tenant;
    std::string key = call_key(request, model.empty() ? default_model() : model, scope);
    // Found by whom it is about, when that is to be forgotten.
    return request.subject.empty() ? key : subject_prefix(request.subject) + key;
  }

  bool is_whole(const ChatRequest& request, const ChatReply& reply) {
    if (reply.finish_reason != FinishReason::stop || reply.content.empty()) return false;
    // What is shared with another call is kept by that one.
    if (reply.source != AnswerSource::model) return false;
    const OutputSchema* wanted = request.output_schema ? &*request.output_schema : nullptr;
    return judge_.judge(wanted, reply.content).has_value();
  }

  awaitable<std::optional<std::string>> look_up(std::string key) {
    auto kept = co_await options_.cache->get(std::move(key));
    if (kept) co_return std::move(*kept);
    note_failure("read", kept.error());
    co_return std::nullopt;
  }

  /// Where an answer belongs: a fallback's under the model that gave it.
  template <class Request, class Reply>
  std::string place_of(const Request& request, const Reply& reply, const std::string& key) const {
    return reply.from_fallback ? key_of(request, reply.model) : key;
  }

  /// Before the answer is handed on, so that the next who asks finds it.
  awaitable<void> keep(std::string place, std::string value) {
    auto kept =
        co_await options_.cache->put(std::move(place), std::move(value), options_.time_to_live);
    if (!kept) note_failure("written", kept.error());
  }

  void note_failure(const char* what, const Error& error) {
    count(error_);
    options_.log.warn("answer cache could not be used", {{"what", what}, {"error", error}});
  }

  /// Looked up once each: a look-up of a series costs more than one in the cache.
  struct Outcome {
    const char* name = "";
    observability::Counter* times = nullptr;
  };

  void count(Outcome& outcome) {
    if (!options_.metrics) return;
    if (outcome.times == nullptr) {
      outcome.times = &options_.metrics->counter(
          "rwp_ai_cache_total", "Look-ups in the cache of AI answers", {{"outcome", outcome.name}});
    }
    outcome.times->add();
  }

  const CachedOptions options_;
  SchemaJudge judge_;
  Outcome hit_{"hit"};
  Outcome miss_{"miss"};
  Outcome error_{"error"};
};

}  // namespace

std::shared_ptr<Model> make_cached(std::shared_ptr<Model> model, CachedOptions options) {
  return std::make_shared<CachedModel>(std::move(model), std::move(options));
}

}  // namespace rwp::ai
