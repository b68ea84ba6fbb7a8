#pragma once

#include "net/redis/reply.hpp"
#include "net/redis/script.hpp"
#include <rwp/ai/rate_allowance.hpp>
#include <rwp/core/error.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace rwp::ai_redis {

/// What a member asks of a shared rate, and tells.
struct RateAsk {
  double requests = 0;
  double tokens = 0;
  /// What the next call needs at once.
  double needed_tokens = 0;
  double returned_requests = 0;
  double returned_tokens = 0;
  /// The upstream's word; negative: it was silent.
  std::int64_t said_requests = -1;
  std::int64_t said_tokens = -1;
  std::int64_t left_requests = -1;
  std::int64_t left_tokens = -1;
  std::chrono::milliseconds pause{0};
  /// The members have shared by themselves, so nothing has come together meanwhile.
  bool was_away = false;
};

struct RateGrant {
  double requests = 0;
  double tokens = 0;
  /// When asking again may bring more; zero: all that was asked for is granted.
  std::chrono::milliseconds again_in{0};
  /// Members that want some, this one too.
  double members = 1;
  /// A minute's, as the fleet knows them; 0: not limited.
  double requests_per_minute = 0;
  double tokens_per_minute = 0;
  std::chrono::milliseconds paused{0};
  /// What is left in the bucket.
  double left_requests = 0;
  double left_tokens = 0;
};

/// The bucket of a shared rate, in Redis. Nothing is in it that was not there for a time: it begins
/// empty, but for a name that nobody has used since long after the data set began, and is emptied
/// when another server process (`run_id`) has it, whose data may be older than what was granted.
std::shared_ptr<const net_redis::Script> rate_script();

std::vector<std::string> rate_arguments(const RateAsk& ask, const ai::RateAllowanceOptions& options,
                                        const std::string& run_id, const std::string& member,
                                        std::chrono::milliseconds slice);

/// `Errc::corrupt`: no such answer.
Result<RateGrant> read_grant(const net_redis::Reply& reply);

}  // namespace rwp::ai_redis
