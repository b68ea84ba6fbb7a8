#pragma once

#include <rwp/core/async.hpp>
#include <rwp/core/sha256.hpp>
#include <rwp/server/message.hpp>

#include <boost/asio/awaitable.hpp>

#include <cstddef>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

namespace rwp::pods {

/// Honours Idempotency-Key: a call that is repeated with its key gets the first one's answer, also
/// while that is still under way. So a client whose connection broke asks again without paying
/// again.
///
/// The first call goes on when its client leaves. Kept are answers below 500 but 429, for a day,
/// 64 MiB and 10,000 in all, in this process.
/// Threads: confined to one runtime's I/O thread. Lifetime: may go before its calls end.
class IdempotentCalls {
 public:
  IdempotentCalls();
  ~IdempotentCalls();
  IdempotentCalls(const IdempotentCalls&) = delete;
  IdempotentCalls& operator=(const IdempotentCalls&) = delete;

  /// `place`: whose key it is, and the key. `digest`: of the request; another one than the key came
  /// with before is 409. `call` begins only when it is the first.
  boost::asio::awaitable<server::Response> answer(std::string place, Sha256 digest,
                                                  boost::asio::awaitable<server::Response> call,
                                                  SteadyTime deadline);

  /// All that is kept and under way.
  std::size_t size() const noexcept;

 private:
  struct Entry;
  struct State;
  static boost::asio::awaitable<void> run(std::shared_ptr<State> state,
                                          std::shared_ptr<Entry> entry,
                                          boost::asio::awaitable<server::Response> call);
  std::shared_ptr<State> state_;
};

}  // namespace rwp::pods
