#pragma once

#include <rwp/core/error.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <cstddef>
#include <curl/curl.h>
#include <functional>
#include <memory>

namespace rwp::net {

/// One transfer as the loop sees it.
class CurlListener {
 public:
  virtual ~CurlListener() = default;
  CurlListener(const CurlListener&) = delete;
  CurlListener& operator=(const CurlListener&) = delete;

  /// The transfer has ended and left the loop. Does not destroy itself, starts nothing.
  virtual void on_end(CURLcode outcome) noexcept = 0;

 protected:
  CurlListener() = default;
};

struct CurlLoopLimits {
  std::size_t connections_per_host = 0;
  std::size_t connections = 0;
};

/// A curl multi handle, its sockets and its timer, driven by the executor of an io_context.
///
/// curl is called by coroutines and by the handlers of sockets and timer only, never from within
/// its own callbacks; these only note what curl wants and leave it to Asio.
/// Threads: add, remove and resume on the I/O thread; the last owner may let go on any.
/// Lifetime: when the io_context ends first, all transfers end, and the loop is an empty shell.
class CurlLoop {
 public:
  /// The executor is an io_context's.
  static std::shared_ptr<CurlLoop> make(const boost::asio::any_io_executor& executor,
                                        CurlLoopLimits limits);
  virtual ~CurlLoop() = default;
  CurlLoop(const CurlLoop&) = delete;
  CurlLoop& operator=(const CurlLoop&) = delete;

  /// Starts the transfer; the listener stays until on_end() or remove(). `Errc::cancelled`: the
  /// io_context has ended.
  virtual Result<void> add(CURL* easy, CurlListener* listener) = 0;
  /// Takes a transfer away that has not ended; harmless for another.
  virtual void remove(CURL* easy) noexcept = 0;
  /// curl_easy_pause(), and what follows from it.
  virtual CURLcode pause(CURL* easy, int directions) noexcept = 0;
  /// Calls `release`, which frees what belongs to the I/O thread, there; at once when this is it,
  /// or when there is none any more.
  virtual void release_on_io_thread(std::function<void()> release) noexcept = 0;

 protected:
  CurlLoop() = default;
};

}  // namespace rwp::net
