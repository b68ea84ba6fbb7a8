#pragma once

#include <rwp/core/error.hpp>

#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>

namespace rwp::jobadder {

/// What a cell of a StateStore holds.
struct StateCell {
  std::string text{};
  /// Names this write of the cell and no other; opaque.
  std::string version{};
};

/// Small cells that processes change one after the other: tokens, cursors. Each write names the
/// version that it replaces, so that of two who read the same cell one alone can write it.
///
/// A write is atomic and durable. Names are relative paths such as "jobadder/acme/sync".
/// Errors: `Errc::unavailable` (a write may then have taken effect), `Errc::cancelled`.
/// Threads: confined to its runtime's I/O thread. Lifetime: outlives its calls in flight.
class StateStore {
 public:
  virtual ~StateStore() = default;
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;

  /// `Errc::not_found`: never written.
  virtual boost::asio::awaitable<Result<StateCell>> get(std::string name) = 0;
  /// Replaces `version` (empty: only what is not there yet) and answers the new one.
  /// `Errc::conflict`: another version stands.
  virtual boost::asio::awaitable<Result<std::string>> put(std::string name, std::string text,
                                                          std::string version) = 0;

 protected:
  StateStore() = default;
};

/// Kept in this process alone: for tests, and programs that sign in anew at each start.
std::shared_ptr<StateStore> make_memory_state_store();

}  // namespace rwp::jobadder
