#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace rwp::ai {

/// What a board says to who is about to ask.
struct TakeOff {
  enum class Turn : std::uint8_t {
    leads,     ///< Ask, then land or give up.
    waits,     ///< Another asks: wait_landed().
    answered,  ///< Another has just asked: here is its answer.
  };
  Turn turn = Turn::leads;
  std::string answer{};
};

/// Which of a fleet's processes asks an upstream for an answer that several want, and what it got.
///
/// Who leads holds the key as long as its process lives, and a few seconds longer.
/// Errors: `Errc::unavailable` and the like: the board is away, so that each asks for itself;
/// `Errc::cancelled`.
/// Threads: confined to its runtime's I/O thread. Lifetime: outlives its calls in flight.
class FlightBoard {
 public:
  virtual ~FlightBoard() = default;
  FlightBoard(const FlightBoard&) = delete;
  FlightBoard& operator=(const FlightBoard&) = delete;

  virtual boost::asio::awaitable<Result<TakeOff>> take_off(std::string key) = 0;
  /// Hands the leader's answer to those who wait, and to who asks within `stays`; when it is too
  /// large for the board, as give_up().
  virtual boost::asio::awaitable<Result<void>> land(std::string key, std::string answer,
                                                    std::chrono::milliseconds stays) = 0;
  /// The leader has no answer: of those who wait one leads next. Waits for nothing.
  virtual void give_up(std::string key) = 0;
  /// The leader's answer; none when it gave up, when its time has passed, or at `deadline`.
  virtual boost::asio::awaitable<Result<std::optional<std::string>>> wait_landed(
      std::string key, SteadyTime deadline) = 0;

 protected:
  FlightBoard() = default;
};

}  // namespace rwp::ai
