#pragma once

#include "net/redis/client.hpp"
#include <rwp/ai_redis/fleet.hpp>
#include <rwp/core/uuid.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>

namespace rwp::ai_redis {

/// What all parts of a fleet's membership have in common.
struct Link {
  boost::asio::any_io_executor executor{};
  std::shared_ptr<net_redis::Client> client{};
  FleetOptions options{};
  /// This process.
  std::string member = Uuid::make_v7().to_string();
  std::atomic<std::size_t> members{0};
  std::atomic<bool> is_there{false};

  /// Options of a call that answers within the patience, and does not wait for a connection.
  net_redis::CallOptions call(bool repeatable) const {
    net_redis::CallOptions made;
    made.timeout = options.patience;
    made.repeatable = repeatable;
    made.wait_for_connection = false;
    return made;
  }
  /// A key; all of one kind have one tag, so that a script may use several.
  std::string key(std::string_view kind, std::string_view name) const {
    return options.prefix + ":{" + std::string(kind) + "}:" + std::string(name);
  }
};

}  // namespace rwp::ai_redis
