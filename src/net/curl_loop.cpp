#include "net/curl_loop.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>

namespace rwp::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Executor = asio::io_context::executor_type;

struct MultiCleanup {
  void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
};

long as_curl_count(std::size_t count) {
  return static_cast<long>(std::min<std::size_t>(count, std::numeric_limits<int>::max()));
}

/// A socket that curl opened and closes; watched without owning it.
struct Watch {
  explicit Watch(const Executor& executor) : descriptor(executor) {}
  ~Watch() { let_go(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void let_go() noexcept {
    watched = false;
    if (descriptor.is_open()) descriptor.release();
  }

  asio::posix::stream_descriptor descriptor;
  bool watched = true;
  bool wants_read = false;
  bool wants_write = false;
  bool reading = false;
  bool writing = false;
};

/// What curl does itself, unless it is told to use no signals: a write to a closed socket is an
/// error and not the end of the process.
void block_pipe_signal() {
  ::sigset_t pipe{};
  ::sigaddset(&pipe, SIGPIPE);
  (void)::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
}

class AsioCurlLoop final : public CurlLoop, public std::enable_shared_from_this<AsioCurlLoop> {
 public:
  AsioCurlLoop(const Executor& executor, CurlLoopLimits limits)
      : executor_(executor), multi_(curl_multi_init()), timer_(std::in_place, executor) {
    CURLM* multi = multi_.get();
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS,
                      as_curl_count(limits.connections_per_host));
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, as_curl_count(limits.connections));
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, as_curl_count(limits.connections));
  }

  ~AsioCurlLoop() override { end(); }

  /// Learns of the io_context's end, which drops handlers that still wait.
  void watch_for_end() {
    struct Farewell {
      explicit Farewell(std::weak_ptr<AsioCurlLoop> to) : loop(std::move(to)) {}
      ~Farewell() {
        if (const auto still = loop.lock()) still->end();
      }
      Farewell(const Farewell&) = delete;
      Farewell& operator=(const Farewell&) = delete;
      std::weak_ptr<AsioCurlLoop> loop;
    };
    end_timer_.emplace(executor_, asio::steady_timer::time_point::max());
    end_timer_->async_wait(
        [farewell = std::make_unique<Farewell>(weak_from_this())](const error_code&) {});
  }

  Result<void> add(CURL* easy, CurlListener* listener) override {
    if (ended_) return Error(Errc::cancelled, "the runtime of the HTTP transport has ended");
    curl_easy_setopt(easy, CURLOPT_PRIVATE, listener);
    if (const CURLMcode problem = curl_multi_add_handle(multi_.get(), easy); problem != CURLM_OK) {
      return Error(Errc::unavailable, std::string("curl: ") + curl_multi_strerror(problem));
    }
    transfers_.emplace(easy, listener);
    return {};
  }

  void remove(CURL* easy) noexcept override {
    if (transfers_.erase(easy) == 0) return;
    curl_multi_remove_handle(multi_.get(), easy);
  }

  CURLcode pause(CURL* easy, int directions) noexcept override {
    if (!transfers_.contains(easy)) return CURLE_OK;
    return curl_easy_pause(easy, directions);
  }

  void release_on_io_thread(std::function<void()> release) noexcept override {
    if (ended_ || executor_.running_in_this_thread()) {
      release();
      return;
    }
    // Freed with the handler when the io_context ends before it ran.
    struct OnDestruction {
      explicit OnDestruction(std::function<void()> to_call) : call(std::move(to_call)) {}
      ~OnDestruction() { call(); }
      OnDestruction(const OnDestruction&) = delete;
      OnDestruction& operator=(const OnDestruction&) = delete;
      std::function<void()> call;
    };
    asio::post(executor_, [last = std::make_unique<OnDestruction>(std::move(release))] {});
  }

 private:
  void end() noexcept {
    if (ended_.exchange(true)) return;
    const auto transfers = std::exchange(transfers_, {});
    for (const auto& [easy, listener] : transfers) {
      curl_multi_remove_handle(multi_.get(), easy);
      listener->on_end(CURLE_ABORTED_BY_CALLBACK);
    }
    multi_.reset();
    for (const auto& [socket, watch] : watches_) watch->let_go();
    watches_.clear();
    timer_.reset();
    end_timer_.reset();
  }

  // What curl calls. Nothing here calls curl.

  static int on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) noexcept {
    try {
      return static_cast<AsioCurlLoop*>(self)->watch(socket, what) ? 0 : -1;
    } catch (const std::exception&) {
      return -1;
    }
  }

  static int on_timer(CURLM*, long wait_ms, void* self) noexcept {
    try {
      static_cast<AsioCurlLoop*>(self)->set_timer(wait_ms);
      return 0;
    } catch (const std::exception&) {
      return -1;
    }
  }

  bool watch(curl_socket_t socket, int what) {
    const auto found = watches_.find(socket);
    if (what == CURL_POLL_REMOVE) {
      if (found == watches_.end()) return true;
      found->second->let_go();
      watches_.erase(found);
      return true;
    }
    if (ended_) return false;
    std::shared_ptr<Watch> watch;
    if (found != watches_.end()) {
      watch = found->second;
    } else {
      watch = std::make_shared<Watch>(executor_);
      error_code problem;
      watch->descriptor.assign(socket, problem);
      if (problem) return false;
      watches_.emplace(socket, watch);
    }
    watch->wants_read = what == CURL_POLL_IN || what == CURL_POLL_INOUT;
    watch->wants_write = what == CURL_POLL_OUT || what == CURL_POLL_INOUT;
    await_socket(watch, socket);
    return true;
  }

  void set_timer(long wait_ms) {
    ++timer_turn_;
    if (ended_) return;
    timer_->cancel();
    if (wait_ms < 0) return;
    timer_->expires_after(std::chrono::milliseconds(wait_ms));
    timer_->async_wait([weak = weak_from_this(), turn = timer_turn_](const error_code& problem) {
      const auto self = problem ? nullptr : weak.lock();
      // One that had expired already cannot be cancelled; it is known by its turn.
      if (self && self->timer_turn_ == turn) self->drive(CURL_SOCKET_TIMEOUT, 0);
    });
  }

  void await_socket(const std::shared_ptr<Watch>& watch, curl_socket_t socket) {
    if (watch->wants_read && !watch->reading) {
      watch->reading = true;
      watch->descriptor.async_wait(
          asio::posix::stream_descriptor::wait_read,
          [weak = weak_from_this(), watch, socket](const error_code& problem) {
            watch->reading = false;
            const auto self = weak.lock();
            if (self) self->on_ready(watch, socket, problem, CURL_CSELECT_IN);
          });
    }
    if (watch->wants_write && !watch->writing) {
      watch->writing = true;
      watch->descriptor.async_wait(
          asio::posix::stream_descriptor::wait_write,
          [weak = weak_from_this(), watch, socket](const error_code& problem) {
            watch->writing = false;
            const auto self = weak.lock();
            if (self) self->on_ready(watch, socket, problem, CURL_CSELECT_OUT);
          });
    }
  }

  // What Asio calls.

  void on_ready(const std::shared_ptr<Watch>& watch, curl_socket_t socket,
                const error_code& problem, int how) {
    // Another socket may have this number by now; then this watch has been let go.
    if (!watch->watched || ended_) return;
    const bool wanted = how == CURL_CSELECT_IN ? watch->wants_read : watch->wants_write;
    if (wanted) drive(socket, problem ? how | CURL_CSELECT_ERR : how);
    if (watch->watched && !ended_) await_socket(watch, socket);
  }

  void drive(curl_socket_t socket, int how) {
    if (ended_) return;
    int running = 0;
    curl_multi_socket_action(multi_.get(), socket, how, &running);
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* easy = message->easy_handle;
      // NOLINTNEXTLINE(cppcoreguidelines-pro-type-union-access): curl's own, by the kind above.
      const CURLcode outcome = message->data.result;
      const auto found = transfers_.find(easy);
      CurlListener* listener = found == transfers_.end() ? nullptr : found->second;
      remove(easy);
      if (listener != nullptr) listener->on_end(outcome);
    }
  }

  const Executor executor_;
  std::atomic<bool> ended_ = false;
  std::unordered_map<curl_socket_t, std::shared_ptr<Watch>> watches_;
  std::unordered_map<CURL*, CurlListener*> transfers_;
  std::unique_ptr<CURLM, MultiCleanup> multi_;
  std::optional<asio::steady_timer> timer_;
  std::optional<asio::steady_timer> end_timer_;
  std::uint64_t timer_turn_ = 0;
};

}  // namespace

std::shared_ptr<CurlLoop> CurlLoop::make(const asio::any_io_executor& executor,
                                         CurlLoopLimits limits) {
  // Thread-safe since 7.84; what it sets up stays to the end of the process.
  static const CURLcode set_up = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)set_up;
  const auto* own = executor.target<Executor>();
  auto free_on_io_thread = [](AsioCurlLoop* loop) {
    // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): this is the deleter.
    loop->release_on_io_thread([loop] { delete loop; });
  };
  std::shared_ptr<AsioCurlLoop> loop(new AsioCurlLoop(*own, limits), free_on_io_thread);
  loop->watch_for_end();
  asio::post(*own, &block_pipe_signal);
  return loop;
}

}  // namespace rwp::net
