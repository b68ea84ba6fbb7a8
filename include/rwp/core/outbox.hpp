#pragma once

#include <rwp/core/error.hpp>
#include <rwp/core/json_text.hpp>
#include <rwp/core/uuid.hpp>

#include <boost/asio/awaitable.hpp>

#include <string>
#include <vector>

namespace rwp {

/// One message on its way to a sink; delivered at least once, and recognised by its id.
struct OutboxMessage {
  /// Nil: made on emit.
  Uuid id{};
  /// Which sink's business it is, such as "analytics".
  std::string topic{};
  JsonText body{};
  /// Whom it is about, as a name that tells nobody who that is; 1 to 56 bytes, empty: nobody. Kept
  /// beside the message while it waits, so that it can be found and removed.
  std::string subject{};
};

/// Takes messages durably now, delivers them later. The jobs component implements it: a message is
/// a job in the job's own store.
///
/// Threads: confined to its runtime's I/O thread.
class Outbox {
 public:
  virtual ~Outbox() = default;
  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  /// Success once all messages are durable; then none is lost. Safe to repeat with the same ids.
  virtual boost::asio::awaitable<Result<void>> emit(std::vector<OutboxMessage> messages) = 0;

 protected:
  Outbox() = default;
};

}  // namespace rwp
