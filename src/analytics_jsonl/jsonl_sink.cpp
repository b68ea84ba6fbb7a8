#include "analytics_jsonl/jsonl_file.hpp"
#include <rwp/analytics_jsonl/jsonl_sink.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/scheme_registry.hpp>

#include <chrono>
#include <string_view>
#include <utility>

namespace rwp::analytics {
namespace {

/// Gathers the lines of deliveries while a write is under way, and then writes them all at once.
/// The writer is a coroutine of its own, so that a caller who gives up takes no other's events
/// away.
class JsonlSink final : public Sink, public std::enable_shared_from_this<JsonlSink> {
 public:
  JsonlSink(Runtime& runtime, std::shared_ptr<JsonlFile> file)
      : executor_(runtime.executor()), pool_(runtime.blocking()), file_(std::move(file)) {}

 private:
  struct Batch {
    std::string lines{};
    bool ended = false;
    Result<void> outcome{};
  };

  boost::asio::awaitable<Result<void>> do_deliver(std::vector<Event> events) override {
    const auto self = shared_from_this();
    if (!gathering_) gathering_ = std::make_shared<Batch>();
    const std::shared_ptr<Batch> batch = gathering_;
    for (const Event& event : events) {
      batch->lines += to_json(event).view();
      batch->lines += '\n';
    }
    if (!writing_) {
      writing_ = true;
      spawn(executor_, write_batches(self));
    }
    while (!batch->ended) {
      const auto later = std::chrono::steady_clock::now() + std::chrono::hours(1);
      const Wake wake = co_await ended_.wait_until(later);
      if (wake == Wake::cancelled) {
        co_return Error(Errc::cancelled, "delivery of events cancelled; they may yet be written");
      }
    }
    co_return batch->outcome;
  }

  boost::asio::awaitable<Result<std::vector<Uuid>>> do_find_delivered(
      std::vector<Uuid> ids) override {
    auto work = [file = file_, ids = std::move(ids)] { return file->find(ids); };
    co_return co_await run_blocking(pool_, std::move(work));
  }

  boost::asio::awaitable<Result<std::size_t>> do_forget(std::string subject) override {
    auto work = [file = file_, text = R"("candidate":")" + subject + "\""] {
      return file->overwrite(text);
    };
    co_return co_await run_blocking(pool_, std::move(work));
  }

  static boost::asio::awaitable<void> write_batches(std::shared_ptr<JsonlSink> self) {
    while (self->gathering_) {
      const std::shared_ptr<Batch> batch = std::exchange(self->gathering_, nullptr);
      auto work = [file = self->file_, batch] { return file->append(batch->lines); };
      try {
        batch->outcome = co_await run_blocking(self->pool_, std::move(work));
      } catch (...) {
        batch->outcome = detail::from_exception(std::current_exception());
      }
      batch->ended = true;
      self->ended_.notify_all();
    }
    self->writing_ = false;
  }

  const boost::asio::any_io_executor executor_;
  const boost::asio::any_io_executor pool_;
  const std::shared_ptr<JsonlFile> file_;
  std::shared_ptr<Batch> gathering_;
  bool writing_ = false;
  Signal ended_;
};

}  // namespace

Result<std::shared_ptr<Sink>> open_jsonl_sink(Runtime& runtime, JsonlSinkOptions options) {
  auto file = std::make_shared<JsonlFile>();
  if (auto opened = file->open(options.path); !opened) return opened.error();
  return std::make_shared<JsonlSink>(runtime, std::move(file));
}

void register_jsonl(SchemeRegistry& registry) {
  registry.add<Sink>("jsonl",
                     [](const Url& url, Runtime& runtime) -> Result<std::shared_ptr<Sink>> {
                       if (auto known = url.allow_query({}); !known) return known.error();
                       std::string path = url.path();
                       if (path.empty() || path.find('\0') != std::string::npos) {
                         return Error(Errc::invalid_argument,
                                      url.masked() + ": names no file; write jsonl:events.jsonl");
                       }
                       JsonlSinkOptions options{.path = std::move(path)};
                       return open_jsonl_sink(runtime, std::move(options));
                     });
}

}  // namespace rwp::analytics
