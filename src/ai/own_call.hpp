#pragma once

#include <rwp/ai/model.hpp>
#include <rwp/core/async.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <optional>
#include <string>

namespace rwp::ai {

/// A call that runs by itself, so that those who wait for it may leave before it ends.
///
/// Threads: confined to its executor's I/O thread.
struct OwnCall {
  /// What has been streamed; nobody takes it off.
  std::string content{};
  std::optional<Result<ChatReply>> end{};
  /// Told of each piece, and of the end.
  Signal changed{};
  /// Nobody listens any more: the stream ends at its next piece.
  bool abandoned = false;
  Task task{};

  void abandon() {
    if (abandoned) return;
    abandoned = true;
    if (!end) task.cancel();
  }
};

/// Starts chat() (`streamed` false: `content` stays empty) or stream(). The model is kept until the
/// call has ended.
std::shared_ptr<OwnCall> start_call(const boost::asio::any_io_executor& executor,
                                    std::shared_ptr<Model> model, ChatRequest request,
                                    bool streamed);

/// Abandons a call when its only listener goes, in whatever way.
class Listening {
 public:
  explicit Listening(std::shared_ptr<OwnCall> call) : call_(std::move(call)) {}
  ~Listening() { call_->abandon(); }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;
  OwnCall& operator*() const noexcept { return *call_; }
  OwnCall* operator->() const noexcept { return call_.get(); }

 private:
  std::shared_ptr<OwnCall> call_;
};

}  // namespace rwp::ai
