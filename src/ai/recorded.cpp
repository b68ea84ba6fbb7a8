#include "ai/cassette.hpp"
#include "ai/decorator.hpp"
#include <rwp/ai/call_key.hpp>
#include <rwp/ai/recorded.hpp>

#include <deque>
#include <fstream>
#include <map>
#include <utility>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;

class RecordedModel final : public Decorator {
 public:
  RecordedModel(std::shared_ptr<Model> inner, std::ofstream file)
      : Decorator(std::move(inner)), file_(std::move(file)) {}

 private:
  awaitable<Result<ChatReply>> do_chat(ChatRequest request) override {
    ChatRequest copy = request;
    auto reply = co_await pass_chat(inner(), std::move(copy));
    keep(request, reply);
    co_return reply;
  }

  awaitable<Result<ChatReply>> do_stream(ChatRequest request, OnDelta on_delta) override {
    ChatRequest copy = request;
    auto reply = co_await pass_stream(inner(), std::move(copy), std::move(on_delta));
    keep(request, reply);
    co_return reply;
  }

  awaitable<Result<EmbedReply>> do_embed(EmbedRequest request) override {
    EmbedRequest copy = request;
    auto reply = co_await pass_embed(inner(), std::move(copy));
    keep(request, reply);
    co_return reply;
  }

  template <class Request, class Outcome>
  void keep(const Request& request, const Outcome& outcome) {
    const std::string model = request.model.empty() ? default_model() : request.model;
    const std::string key = call_key(request, request.model, "");
    file_ << cassette_line(key, model, request, outcome).view() << '\n';
    file_.flush();
  }

  std::ofstream file_;
};

class ReplayedModel final : public Model {
 public:
  void add(CassetteEntry entry) { entries_[entry.key].push_back(std::move(entry)); }
  void name(std::string model) { model_ = std::move(model); }

  std::string default_model() const override { return model_; }

 private:
  awaitable<Result<ChatReply>> do_chat(ChatRequest request) override {
    auto entry = take(call_key(request, request.model, ""), false);
    if (!entry) co_return entry.error();
    co_return std::move(entry->chat);
  }

  awaitable<Result<ChatReply>> do_stream(ChatRequest request, OnDelta on_delta) override {
    auto entry = take(call_key(request, request.model, ""), false);
    if (!entry) co_return entry.error();
    if (entry->chat && !entry->chat->content.empty() && !on_delta(entry->chat->content)) {
      co_return Error(Errc::cancelled, "the stream was ended by its reader");
    }
    co_return std::move(entry->chat);
  }

  awaitable<Result<EmbedReply>> do_embed(EmbedRequest request) override {
    auto entry = take(call_key(request, request.model, ""), true);
    if (!entry) co_return entry.error();
    co_return std::move(entry->embed);
  }

  Result<CassetteEntry> take(const std::string& key, bool embedding) {
    const auto found = entries_.find(key);
    if (found == entries_.end() || found->second.empty() ||
        found->second.front().embedding != embedding) {
      return Error(Errc::not_found, found == entries_.end()
                                        ? "the cassette has no answer to such a request"
                                        : "the cassette has no further answer to this request");
    }
    CassetteEntry entry = std::move(found->second.front());
    found->second.pop_front();
    return entry;
  }

  std::string model_;
  std::map<std::string, std::deque<CassetteEntry>> entries_;
};

}  // namespace

Result<std::shared_ptr<Model>> make_recorded(std::shared_ptr<Model> model, const std::string& path,
                                             RedactOptions options) {
  std::ofstream file(path, std::ios::app);
  if (!file) return Error(Errc::unavailable, "cannot write the cassette " + path);
  auto recorded = std::make_shared<RecordedModel>(std::move(model), std::move(file));
  return make_redacted(std::move(recorded), options);
}

Result<std::shared_ptr<Model>> open_replayed(const std::string& path, RedactOptions options) {
  std::ifstream file(path);
  if (!file) return Error(Errc::not_found, "there is no cassette " + path);
  auto replayed = std::make_shared<ReplayedModel>();
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.empty()) continue;
    const std::string where = path + ", line " + std::to_string(number);
    auto text = JsonText::parse(std::move(line));
    if (!text) return Error(Errc::corrupt, where + ": " + text.error().message());
    auto entry = read_cassette_line(*text);
    if (!entry) return entry.error().with_context(where);
    if (entry->chat && !entry->chat->model.empty()) replayed->name(entry->chat->model);
    replayed->add(std::move(*entry));
    line.clear();
  }
  return make_redacted(std::move(replayed), options);
}

}  // namespace rwp::ai
