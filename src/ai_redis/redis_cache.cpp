#include "ai_redis/redis_cache.hpp"

#include "ai_redis/packed.hpp"

#include <utility>

namespace rwp::ai_redis {
namespace {

using boost::asio::awaitable;
using net_redis::command;

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

 private:
  const std::shared_ptr<const Link> link_;
};

}  // namespace

std::shared_ptr<ai::Cache> make_redis_cache(std::shared_ptr<const Link> link) {
  return std::make_shared<RedisCache>(std::move(link));
}

}  // namespace rwp::ai_redis
