#include "pods/artefact_model.hpp"

#include "pods/openai_reply.hpp"
#include "pods/time_text.hpp"
#include <rwp/ai/rate_allowance.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/storage/artefact.hpp>

#include <boost/asio/this_coro.hpp>

#include <cassert>
#include <chrono>
#include <exception>
#include <string>
#include <utility>

namespace rwp::pods {
namespace {

using boost::asio::awaitable;

constexpr int kMostUnderWay = 256;
/// Of a stream; what comes beyond is left out, and said to be.
constexpr std::size_t kMostStreamBytes = std::size_t{4} << 20U;

/// What the writes share, which outlive their calls.
struct Keeper {
  std::shared_ptr<storage::ObjectStore> objects{};
  std::shared_ptr<AiTenants> tenants{};
  observability::Logger log{};
  std::shared_ptr<observability::Metrics> metrics{};
  int under_way = 0;

  void lost(const Error& error) const {
    log.warn("AI artefact could not be kept", {{"error", error}});
    if (!metrics) return;
    metrics->counter("rwp_ai_artefacts_lost_total", "AI requests and answers that were not kept")
        .add();
  }
};

/// What is kept of one call.
struct Kept {
  std::string tenant{};
  std::string subject{};
  JsonWriter out{};
  std::string stream{};
  bool cut = false;
};

void write_request(JsonWriter& out, const ai::ChatRequest& request) {
  out.key("request");
  if (request.wire) {
    out.value(request.wire->body);
    return;
  }
  out.begin_object().key("messages").begin_array();
  for (const auto& message : request.messages) {
    out.begin_object().member("role", static_cast<std::int64_t>(message.role));
    out.member("content", std::string_view(message.content)).end_object();
  }
  out.end_array();
  if (request.output_schema) out.member("schema", request.output_schema->schema);
  out.end_object();
}

void write_request(JsonWriter& out, const ai::EmbedRequest& request) {
  out.key("request").begin_object().key("input").begin_array();
  for (const auto& input : request.inputs) out.value(std::string_view(input));
  out.end_array().end_object();
}

void write_reply(JsonWriter& out, const ai::ChatReply& reply) {
  out.key("response");
  if (reply.wire) {
    out.value(std::string_view(*reply.wire));
    return;
  }
  out.value(chat_completion_json(make_completion_head(reply.model), reply));
}

void write_reply(JsonWriter& out, const ai::EmbedReply& reply) {
  out.member("vectors", static_cast<std::int64_t>(reply.vectors.size()));
}

class ArtefactModel final : public ai::Model, public ai::ReportsRates {
 public:
  ArtefactModel(std::shared_ptr<ai::Model> inner, std::shared_ptr<Keeper> keeper)
      : inner_(std::move(inner)), keeper_(std::move(keeper)) {}

  std::string default_model() const override { return inner_->default_model(); }
  void on_rate_report(ai::OnRateReport listener) override {
    if (auto source = std::dynamic_pointer_cast<ai::ReportsRates>(inner_)) {
      source->on_rate_report(std::move(listener));
    }
  }

 private:
  awaitable<Result<ai::ChatReply>> do_chat(ai::ChatRequest request) override {
    auto kept = begin(request, "chat");
    return watched(keeper_, pass_chat(*inner_, std::move(request)), std::move(kept));
  }
  awaitable<Result<ai::ChatReply>> do_stream(ai::ChatRequest request,
                                             ai::OnDelta on_delta) override {
    auto kept = begin(request, "stream");
    if (!kept) return pass_stream(*inner_, std::move(request), std::move(on_delta));
    ai::OnDelta watching = [kept, on_delta = std::move(on_delta)](std::string_view piece) {
      const std::size_t left = kMostStreamBytes - kept->stream.size();
      kept->cut = kept->cut || piece.size() > left;
      kept->stream += piece.substr(0, left);
      return on_delta(piece);
    };
    return watched(keeper_, pass_stream(*inner_, std::move(request), std::move(watching)),
                   std::move(kept));
  }
  awaitable<Result<ai::EmbedReply>> do_embed(ai::EmbedRequest request) override {
    auto kept = begin(request, "embed");
    return watched(keeper_, pass_embed(*inner_, std::move(request)), std::move(kept));
  }

  /// Null: the tenant's are not kept.
  template <class Request>
  std::shared_ptr<Kept> begin(const Request& request, const char* operation) {
    if (!keeper_->tenants->keeps_artefacts(request.tenant)) return nullptr;
    auto kept = std::make_shared<Kept>();
    kept->tenant = request.tenant;
    kept->subject = request.subject;
    kept->out.begin_object();
    kept->out.member("operation", operation);
    kept->out.member("tenant", std::string_view(request.tenant));
    kept->out.member("kind", std::string_view(request.kind));
    kept->out.member("model",
                     std::string_view(request.model.empty() ? default_model() : request.model));
    kept->out.member("at", std::string_view(to_rfc3339(std::chrono::system_clock::now())));
    write_request(kept->out, request);
    return kept;
  }

  template <class Reply>
  static awaitable<Result<Reply>> watched(std::shared_ptr<Keeper> keeper,
                                          awaitable<Result<Reply>> asked,
                                          std::shared_ptr<Kept> kept) {
    auto reply = co_await std::move(asked);
    if (!kept) co_return reply;
    if (!kept->stream.empty()) {
      kept->out.member("stream", std::string_view(kept->stream));
      if (kept->cut) kept->out.member("stream_is_cut", true);
    } else if (reply) {
      write_reply(kept->out, *reply);
    }
    if (!reply) kept->out.member("error", std::string_view(reply.error().to_string()));
    kept->out.end_object();
    const auto executor = co_await boost::asio::this_coro::executor;
    if (keeper->under_way >= kMostUnderWay) {
      keeper->lost(Error(Errc::unavailable, "too many are being written"));
      co_return reply;
    }
    ++keeper->under_way;
    auto done = [keeper](const std::exception_ptr& thrown) {
      --keeper->under_way;
      if (thrown) keeper->lost(detail::from_exception(thrown));
    };
    spawn(executor, put(keeper, kept), std::move(done));
    co_return reply;
  }

  static awaitable<void> put(std::shared_ptr<Keeper> keeper, std::shared_ptr<Kept> kept) {
    storage::Artefact artefact;
    artefact.kind = storage::ArtefactKind::ai_result;
    artefact.tenant = kept->tenant.empty() ? std::string("-") : kept->tenant;
    artefact.subject = kept->subject.empty()
                           ? to_rfc3339(std::chrono::system_clock::now()).substr(0, 10)
                           : kept->subject;
    artefact.content = kept->out.finish().release();
    artefact.extension = "json";
    artefact.content_type = "application/json";
    auto stored = co_await storage::put_artefact(keeper->objects, std::move(artefact));
    if (!stored) keeper->lost(stored.error());
  }

  const std::shared_ptr<ai::Model> inner_;
  const std::shared_ptr<Keeper> keeper_;
};

}  // namespace

std::shared_ptr<ai::Model> keep_artefacts(std::shared_ptr<ai::Model> inner,
                                          std::shared_ptr<storage::ObjectStore> objects,
                                          std::shared_ptr<AiTenants> tenants,
                                          observability::Logger log,
                                          std::shared_ptr<observability::Metrics> metrics) {
  assert(inner && objects && tenants);
  auto keeper = std::make_shared<Keeper>();
  keeper->objects = std::move(objects);
  keeper->tenants = std::move(tenants);
  keeper->log = std::move(log);
  keeper->metrics = std::move(metrics);
  return std::make_shared<ArtefactModel>(std::move(inner), std::move(keeper));
}

}  // namespace rwp::pods
