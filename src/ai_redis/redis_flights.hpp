#pragma once

#include "ai_redis/link.hpp"
#include "net/redis/options.hpp"
#include <rwp/ai/flight_board.hpp>
#include <rwp/core/error.hpp>
#include <rwp/core/runtime.hpp>

#include <memory>
#include <string>

namespace rwp::ai_redis {

/// A key a flight, which its leader's process renews; landings are told by a channel.
Result<std::shared_ptr<ai::FlightBoard>> make_redis_flights(Runtime& runtime,
                                                            net_redis::ClientOptions connection,
                                                            std::shared_ptr<const Link> link);

/// The flights of one upstream on a board of all.
std::shared_ptr<ai::FlightBoard> flights_of(std::shared_ptr<ai::FlightBoard> board,
                                            const std::string& upstream);

}  // namespace rwp::ai_redis
