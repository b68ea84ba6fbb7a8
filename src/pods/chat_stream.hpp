#pragma once

#include "pods/openai_reply.hpp"
#include <rwp/ai/model.hpp>
#include <rwp/core/async.hpp>
#include <rwp/server/message.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace rwp::pods {

/// Carries the pieces of a streamed answer from the model's I/O thread to the connection's.
///
/// What the client has not taken is bounded (8 MiB); a client that falls further behind loses the
/// stream. Destruction cancels the model's call, so that it stops working for nobody.
/// Threads: confined to the connection's I/O thread. Lifetime: the runtime of the connection
/// outlives the model's call.
class ChatStream {
 public:
  /// Begins the call on `model_executor`; `connection`: the executor of the one who reads.
  ChatStream(const boost::asio::any_io_executor& model_executor,
             const boost::asio::any_io_executor& connection, std::shared_ptr<ai::Model> model,
             ai::ChatRequest request);
  ~ChatStream();
  ChatStream(const ChatStream&) = delete;
  ChatStream& operator=(const ChatStream&) = delete;

  /// Returns when there is a piece or the end, or at the deadline. `Errc::cancelled`: this
  /// coroutine was cancelled.
  boost::asio::awaitable<Result<void>> wait(SteadyTime deadline);
  /// The pieces that have come since the last call.
  std::vector<std::string> take_pieces();
  /// The model's last word; it comes after all pieces. None: not yet.
  const std::optional<Result<ai::ChatReply>>& end() const noexcept;
  bool has_pieces() const noexcept;

 private:
  struct State;
  static boost::asio::awaitable<void> run(std::shared_ptr<State> state,
                                          std::shared_ptr<ai::Model> model,
                                          ai::ChatRequest request);
  std::shared_ptr<State> state_;
  Task task_;
};

/// What is sent after the last piece of an answer of which `sent_bytes` have been; or why the
/// stream is no answer.
Result<std::string> chat_stream_end(const ai::ChatReply& reply, std::size_t sent_bytes,
                                    const ChunkWriter& chunks, bool include_usage);

/// Writes a stream whose pieces are events already. A model that fails makes an error event of the
/// API's form and an error, so that the connection is cut. Pings as below.
boost::asio::awaitable<Result<void>> send_wire_stream(std::shared_ptr<ChatStream> stream,
                                                      ai::WireApi api,
                                                      std::chrono::milliseconds ping_every,
                                                      server::ResponseWriter& writer);

/// Writes the stream as server-sent events, role first, then the pieces, the reason of its end, the
/// usage when it is wanted, and [DONE]. A model that fails makes an error event and an error, so
/// that the connection is cut: never a short answer that looks whole. After `ping_every` without a
/// piece a comment is sent.
boost::asio::awaitable<Result<void>> send_chat_stream(std::shared_ptr<ChatStream> stream,
                                                      std::shared_ptr<const ChunkWriter> chunks,
                                                      bool include_usage,
                                                      std::chrono::milliseconds ping_every,
                                                      server::ResponseWriter& writer);

}  // namespace rwp::pods
