#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <chrono>

namespace rwp::tests {

/// Longest that one awaited operation of a test may take.
constexpr std::chrono::seconds kGuard{20};

/// Blocks until `operation` has run on the runtime; `Errc::deadline_exceeded` after the guard.
template <class T>
Result<T> run(Runtime& runtime, boost::asio::awaitable<Result<T>> operation) {
  return block_on(runtime,
                  with_deadline(std::move(operation), std::chrono::steady_clock::now() + kGuard));
}

}  // namespace rwp::tests
