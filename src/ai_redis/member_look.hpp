#pragma once

#include "ai_redis/link.hpp"

#include <boost/asio/awaitable.hpp>

#include <memory>

namespace rwp::ai_redis {

/// Shows this process to the others and counts them, until it is cancelled.
boost::asio::awaitable<void> look_at_members(std::shared_ptr<Link> link);

}  // namespace rwp::ai_redis
