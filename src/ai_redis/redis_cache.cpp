#include "ai_redis/redis_cache.hpp"

#include "ai_redis/packed.hpp"

#include <utility>

namespace rwp::ai_redis {
namespace {

using boost::asio::awaitable;
using net_redis::command;

/// As a pattern that fits itself alone.
std::string glob_text(const std::string& text) {
  std::string pattern;
  for (const char c : text) {
    if (c == '*' || c == '?' || c == '[' || c == ']' || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern;
}

class RedisCache final : public ai::Cache {
 public:
  explicit RedisCache(std::shared_ptr<const Link> link) : link_(std::move(link)) {}

  awaitable<Result<std::optional<std::string>>> get(std::string key) override {
    net_redis::Command asked = command("GET", link_->key("answers", key));
    auto reply = co_await link_->client->call(std::move(asked), link_->call(true));
    if (!reply) co_return reply.error();
    if (reply->is_nil()) co_return std::optional<std::string>();
    co_return unpack(reply->text, link_->options.max_answer_bytes);
  }

  awaitable<Result<void>> put(std::string key, std::string value,
                              std::chrono::seconds time_to_live) override {
    if (value.size() > link_->options.max_answer_bytes) co_return Result<void>();
    net_redis::Command asked =
        command("SET", link_->key("answers", key), pack(value, link_->options.compress_from_bytes),
                "EX", time_to_live.count());
    auto reply = co_await link_->client->call(std::move(asked), link_->call(true));
    co_return reply ? Result<void>() : Result<void>(reply.error());
  }

  awaitable<Result<std::size_t>> remove_all(std::string prefix) override {
    auto answers = co_await remove_matches(glob_text(link_->key("answers", prefix)) + "*");
    if (!answers) co_return answers;
    // An answer stays in its flight for a while, behind the name of the upstream.
    auto landed = co_await remove_matches(glob_text(link_->key("flights", "")) + "*/" +
                                          glob_text(prefix) + "*");
    if (!landed) co_return landed;
    co_return *answers + *landed;
  }

 private:
  awaitable<Result<std::size_t>> remove_matches(std::string pattern) {
    std::size_t removed = 0;
    std::string cursor = "0";
    do {
      net_redis::Command look =
          command("SCAN", cursor, "MATCH", pattern, "COUNT", std::int64_t{1'000});
      auto reply = co_await link_->client->call(std::move(look), link_->call(true));
      if (!reply) co_return reply.error();
      if (reply->items.size() != 2) co_return Error(Errc::corrupt, "Redis: SCAN answers no page");
      cursor = reply->items[0].text;
      for (const auto& key : reply->items[1].items) {
        net_redis::Command gone = command("UNLINK", key.text);
        auto done = co_await link_->client->call(std::move(gone), link_->call(true));
        if (!done) co_return done.error();
        ++removed;
      }
    } while (cursor != "0");
    co_return removed;
  }

  const std::shared_ptr<const Link> link_;
};

}  // namespace

std::shared_ptr<ai::Cache> make_redis_cache(std::shared_ptr<const Link> link) {
  return std::make_shared<RedisCache>(std::move(link));
}

}  // namespace rwp::ai_redis
