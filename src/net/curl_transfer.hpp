#pragma once

#include "net/curl_answer.hpp"
#include "net/curl_loop.hpp"
#include <rwp/core/async.hpp>
#include <rwp/net/http_transport.hpp>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <curl/curl.h>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rwp::net {

/// What all transfers of a transport have in common.
struct CurlSettings {
  bool http2 = true;
  std::string ca_file{};
  std::string user_agent{};
};

struct EasyCleanup {
  void operator()(CURL* easy) const noexcept { curl_easy_cleanup(easy); }
};
using EasyHandle = std::unique_ptr<CURL, EasyCleanup>;

/// A transport's handles of curl that have posted a small body, and are asked to again: a new one
/// costs as much as reading the answer. Threads: confined to the I/O thread, but for its end.
class CurlHandles {
 public:
  /// Null: there is none.
  EasyHandle take();
  void give_back(EasyHandle easy);

 private:
  std::vector<EasyHandle> idle_;
};

/// One exchange on curl: request, time limits, what has been received and not read.
///
/// Threads: confined to the I/O thread. Lifetime: owned by its exchange and, while a body comes
/// from a source, by the coroutine that asks it; close() ends both.
class CurlTransfer final : public CurlListener, public std::enable_shared_from_this<CurlTransfer> {
 public:
  /// `on_end` is told once how the exchange ended; null: completely.
  using OnEnd = std::function<void(const CurlTransfer&, const Error*)>;

  CurlTransfer(std::shared_ptr<CurlLoop> loop, std::shared_ptr<CurlHandles> handles,
               boost::asio::any_io_executor executor, HttpRequest request, OnEnd on_end);
  ~CurlTransfer() override;

  Result<void> start(const CurlSettings& settings);
  boost::asio::awaitable<Result<void>> wait_for_head();
  boost::asio::awaitable<Result<std::string>> read();
  /// Ends it, whatever it does; harmless when it has ended.
  void close() noexcept;

  const HttpResponseHead& head() const noexcept { return header_.head(); }
  const std::string& shown() const noexcept { return shown_; }

 private:
  // curl_request.cpp: what is asked of curl.
  Result<void> set_up(const CurlSettings& settings);
  void set_what_stays(const CurlSettings& settings);
  void set_headers(const CurlSettings& settings);
  void set_body();
  bool sends_body() const;
  /// Whether header and body are one send of curl's: bodies that are small and here.
  bool sends_at_once() const;
  bool fits_used_handle() const;
  void give_handle_back();

  // What curl calls.
  static std::size_t on_header(char* data, std::size_t size, std::size_t count,
                               void* self) noexcept;
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self) noexcept;
  static std::size_t on_send(char* out, std::size_t size, std::size_t count, void* self) noexcept;
  static int on_rewind(void* self, curl_off_t offset, int origin) noexcept;
  static int on_connected(void* self, char*, char*, int, int) noexcept;
  void on_end(CURLcode outcome) noexcept override;
  std::size_t receive(std::string_view data);
  std::size_t give(char* out, std::size_t room);

  // The body's source.
  static boost::asio::awaitable<void> feed(std::shared_ptr<CurlTransfer> self);
  Result<void> offer(std::string piece);

  bool ended() const noexcept { return complete_ || failure_.has_value(); }
  void finish(std::optional<Error> failure);
  Error fail(Errc code, const std::string& text);
  SteadyTime head_limit() const;
  std::optional<Error> check_limits();
  void resume();

  const std::shared_ptr<CurlLoop> loop_;
  const std::shared_ptr<CurlHandles> handles_;
  const boost::asio::any_io_executor executor_;
  const HttpRequest request_;
  const std::string shown_;
  const std::chrono::milliseconds connect_timeout_;
  const std::chrono::milliseconds head_timeout_;
  const std::chrono::milliseconds idle_timeout_;
  OnEnd on_end_;

  EasyHandle easy_;
  /// The header's lines, each ended by a zero, and curl's list of them.
  std::string lines_;
  std::vector<curl_slist> list_;
  std::array<char, CURL_ERROR_SIZE> detail_{};

  Signal changed_;
  bool complete_ = false;
  std::optional<Error> failure_;
  bool connected_ = false;
  bool refused_to_send_again_ = false;

  AnswerHeader header_;
  std::string received_;
  bool receiving_paused_ = false;

  /// Of a body that comes from a source: what is to be sent next; else unused.
  std::string piece_;
  std::size_t sent_of_piece_ = 0;
  std::uint64_t offered_bytes_ = 0;
  bool source_ended_ = false;
  bool sending_paused_ = false;
  Signal piece_sent_;
  std::optional<Task> feeding_;
  /// Since when the request has been on the wire whole, and curl last took a piece of it.
  std::optional<SteadyTime> sent_at_;
  SteadyTime last_taken_at_{};
};

}  // namespace rwp::net
