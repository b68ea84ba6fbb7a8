#include "ai/decorator.hpp"
#include <rwp/ai/gathered.hpp>
#include <rwp/ai/token_estimate.hpp>
#include <rwp/core/async.hpp>

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <exception>
#include <map>
#include <optional>
#include <tuple>

namespace rwp::ai {
namespace {

using boost::asio::awaitable;

/// One caller's part of a request.
struct Part {
  EmbedRequest request{};
  std::int64_t tokens = 0;
  bool left = false;
  std::optional<Result<EmbedReply>> end{};
  Signal changed{};
};

/// Calls that go together.
struct Batch {
  std::vector<std::shared_ptr<Part>> parts{};
  std::size_t inputs = 0;
  std::int64_t tokens = 0;
  bool sent = false;
  Task task{};

  /// Whether it was the last to leave; then nobody joins it any more.
  bool leave() {
    const bool all_left = std::all_of(parts.begin(), parts.end(),
                                      [](const auto& part) { return part->left || part->end; });
    if (!all_left) return false;
    sent = true;
    task.cancel();
    return true;
  }
};

using Parts = std::vector<std::shared_ptr<Part>>;

void end_all(const Parts& parts, const Result<EmbedReply>& reply) {
  for (const auto& part : parts) {
    if (part->end) continue;
    part->end = reply;
    part->changed.notify_all();
  }
}

/// Gives each part its vectors and its share of the usage.
void hand_out(const Parts& parts, EmbedReply reply) {
  std::int64_t tokens_left = 0;
  for (const auto& part : parts) tokens_left += std::max<std::int64_t>(part->tokens, 1);
  std::int64_t usage_left = reply.usage.input_tokens;
  std::size_t at = 0;
  for (const auto& part : parts) {
    EmbedReply own;
    own.model = reply.model;
    own.source = reply.source;
    own.from_fallback = reply.from_fallback;
    for (std::size_t i = 0; i < part->request.inputs.size(); ++i) {
      own.vectors.push_back(std::move(reply.vectors[at++]));
    }
    const std::int64_t tokens = std::max<std::int64_t>(part->tokens, 1);
    const auto share =
        static_cast<std::int64_t>(static_cast<double>(usage_left) * static_cast<double>(tokens) /
                                  static_cast<double>(tokens_left));
    own.usage.input_tokens = tokens == tokens_left ? usage_left : share;
    usage_left -= own.usage.input_tokens;
    tokens_left -= tokens;
    part->end = std::move(own);
    part->changed.notify_all();
  }
}

class GatheredModel final : public Decorator {
 public:
  GatheredModel(std::shared_ptr<Model> inner, GatherOptions options)
      : Decorator(std::move(inner)), options_(std::move(options)) {}

 private:
  using Key = std::tuple<std::string, std::int64_t, std::string>;

  awaitable<Result<EmbedReply>> do_embed(EmbedRequest request) override {
    const auto tokens = estimate_input(request).at_most;
    const bool alone =
        request.inputs.size() >= options_.max_inputs || tokens >= options_.max_tokens;
    if (alone) co_return co_await pass_embed(inner(), std::move(request));
    const auto executor = co_await boost::asio::this_coro::executor;
    const SteadyTime deadline = request.deadline;
    auto part = std::make_shared<Part>();
    part->tokens = tokens;
    part->request = std::move(request);
    const Key key(part->request.model, part->request.dimensions,
                  options_.tenants_together ? std::string() : part->request.tenant);
    const auto batch = join(executor, key, part);
    const auto leave = [this, &batch, &key](Part* mine) {
      mine->left = true;
      if (!mine->end && batch->leave()) close(key, batch);
    };
    const std::unique_ptr<Part, decltype(leave)> guard(part.get(), leave);
    while (!part->end) {
      const auto woken = co_await part->changed.wait_until(deadline);
      if (part->end) break;
      if (woken == Wake::cancelled) co_return Error(Errc::cancelled, "the call was cancelled");
      if (woken == Wake::timed_out) {
        co_return Error(Errc::deadline_exceeded, "deadline passed; the outcome is unknown");
      }
    }
    co_return std::move(*part->end);
  }

  std::shared_ptr<Batch> join(const boost::asio::any_io_executor& executor, const Key& key,
                              const std::shared_ptr<Part>& part) {
    std::shared_ptr<Batch>& open = open_[key];
    const bool fits = open && !open->sent &&
                      open->inputs + part->request.inputs.size() <= options_.max_inputs &&
                      open->tokens + part->tokens <= options_.max_tokens;
    if (!fits) {
      if (open) open->sent = true;  // Its own window sends it.
      open = std::make_shared<Batch>();
      const auto batch = open;
      auto done = [batch](const std::exception_ptr& thrown) {
        if (thrown) end_all(batch->parts, detail::from_exception(thrown));
      };
      batch->task =
          Task(executor, send(this, options_.window, inner_pointer(), batch, key), std::move(done));
    }
    open->parts.push_back(part);
    open->inputs += part->request.inputs.size();
    open->tokens += part->tokens;
    return open;
  }

  /// `self` is alive while anybody waits for the batch, and is asked for nothing afterwards.
  static awaitable<void> send(GatheredModel* self, std::chrono::microseconds window,
                              std::shared_ptr<Model> model, std::shared_ptr<Batch> batch, Key key) {
    (void)co_await sleep_for(window);
    const bool wanted = std::any_of(batch->parts.begin(), batch->parts.end(),
                                    [](const auto& part) { return !part->left; });
    if (!wanted) co_return;
    batch->sent = true;
    self->close(key, batch);
    Parts parts;
    for (const auto& part : batch->parts) {
      if (!part->left) parts.push_back(part);
    }
    self->observe(parts.size());
    co_await ask(std::move(model), std::move(parts));
  }

  static awaitable<void> ask(std::shared_ptr<Model> model, Parts parts) {
    EmbedRequest all;
    all.model = parts.front()->request.model;
    all.dimensions = parts.front()->request.dimensions;
    all.tenant = parts.front()->request.tenant;
    all.kind = parts.front()->request.kind;
    all.trace = parts.front()->request.trace;
    all.progress = std::make_shared<CallProgress>();
    all.deadline = SteadyTime::min();
    std::size_t inputs = 0;
    for (const auto& part : parts) {
      if (part->request.progress) all.progress->parts.push_back(part->request.progress);
      all.deadline = std::max(all.deadline, part->request.deadline);
      all.inputs.insert(all.inputs.end(), part->request.inputs.begin(), part->request.inputs.end());
      inputs += part->request.inputs.size();
    }
    auto reply = co_await model->embed(std::move(all));
    if (reply && reply->vectors.size() == inputs) {
      hand_out(parts, std::move(*reply));
      co_return;
    }
    const Error error =
        reply ? Error(Errc::corrupt, "not one vector for each input") : reply.error();
    if (error.code() != Errc::invalid_argument || parts.size() == 1) {
      end_all(parts, error);
      co_return;
    }
    // By halves until the culprit stands alone.
    const auto middle = parts.begin() + static_cast<std::ptrdiff_t>(parts.size() / 2);
    Parts first(parts.begin(), middle);
    Parts second(middle, parts.end());
    co_await ask(model, std::move(first));
    co_await ask(std::move(model), std::move(second));
  }

  void close(const Key& key, const std::shared_ptr<Batch>& batch) {
    const auto found = open_.find(key);
    if (found != open_.end() && found->second == batch) open_.erase(found);
  }

  void observe(std::size_t calls) {
    if (!options_.metrics) return;
    const std::vector<double> bounds = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};
    options_.metrics->histogram("rwp_ai_gathered_calls", "Embedding calls in one request", bounds)
        .observe(static_cast<double>(calls));
  }

  const GatherOptions options_;
  std::map<Key, std::shared_ptr<Batch>> open_;
};

}  // namespace

std::shared_ptr<Model> make_gathered(std::shared_ptr<Model> model, GatherOptions options) {
  return std::make_shared<GatheredModel>(std::move(model), std::move(options));
}

}  // namespace rwp::ai
