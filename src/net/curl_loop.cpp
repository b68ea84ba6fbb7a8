#include "net/curl_loop.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <unordered_map>
#include <utility>
#include <vector>

namespace rwp::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Executor = asio::io_context::executor_type;
using SteadyTime = std::chrono::steady_clock::time_point;

/// Sockets that are heard in one turn; the others are in the next.
constexpr int kEventsAtOnce = 128;

struct MultiCleanup {
  void operator()(CURLM* multi) const noexcept { curl_multi_cleanup(multi); }
};

long as_curl_count(std::size_t count) {
  return static_cast<long>(std::min<std::size_t>(count, std::numeric_limits<int>::max()));
}

/// A socket of curl's in the loop's epoll set.
struct Watch {
  /// What curl wants to hear of, and what the set tells.
  std::uint32_t wanted = 0;
  std::uint32_t told = 0;
  /// Opened by on_open(), and so not closed without on_close().
  bool ours = false;
};

std::uint32_t as_events(int what) {
  std::uint32_t events = 0;
  if (what == CURL_POLL_IN || what == CURL_POLL_INOUT) events |= EPOLLIN;
  if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT) events |= EPOLLOUT;
  return events;
}

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
      : executor_(executor),
        multi_(curl_multi_init()),
        timer_(std::in_place, executor),
        poll_(std::in_place, executor, ::epoll_create1(EPOLL_CLOEXEC)) {
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

  /// Has on_ready() called once the set has something to tell.
  void await_sockets() {
    poll_->async_wait(asio::posix::stream_descriptor::wait_read,
                      [weak = weak_from_this()](const error_code& problem) {
                        const auto self = problem ? nullptr : weak.lock();
                        if (self && !self->ended_) self->on_ready();
                      });
  }

  Result<void> add(CURL* easy, CurlListener* listener) override {
    if (ended_) return Error(Errc::cancelled, "the runtime of the HTTP transport has ended");
    curl_easy_setopt(easy, CURLOPT_PRIVATE, listener);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, &on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, this);
    // curl wants to be called at once for what is new, and can be as soon as it has returned.
    const bool acts_soon = std::exchange(acts_soon_, true);
    asks_at_once_ = false;
    const CURLMcode problem = curl_multi_add_handle(multi_.get(), easy);
    acts_soon_ = acts_soon;
    if (problem != CURLM_OK) {
      return Error(Errc::unavailable, std::string("curl: ") + curl_multi_strerror(problem));
    }
    transfers_.emplace(easy, listener);
    if (asks_at_once_) {
      act(CURL_SOCKET_TIMEOUT, 0);
      tell_ended();
    }
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
    poll_.reset();
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

  static curl_socket_t on_open(void* self, curlsocktype, curl_sockaddr* address) noexcept {
    const int socket =
        ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (socket < 0) return CURL_SOCKET_BAD;
    try {
      Watch& watch = static_cast<AsioCurlLoop*>(self)->watch_of(socket);
      watch = Watch();
      watch.ours = true;
      return socket;
    } catch (const std::exception&) {
      ::close(socket);
      return CURL_SOCKET_BAD;
    }
  }

  static int on_close(void* self, curl_socket_t socket) noexcept {
    auto& watches = static_cast<AsioCurlLoop*>(self)->watches_;
    const auto place = static_cast<std::size_t>(socket);
    // Closing takes it out of the set.
    if (place < watches.size()) watches[place] = Watch();
    return ::close(socket);
  }

  Watch& watch_of(curl_socket_t socket) {
    const auto place = static_cast<std::size_t>(socket);
    if (place >= watches_.size()) watches_.resize(place + 1);
    return watches_[place];
  }

  bool watch(curl_socket_t socket, int what) {
    if (ended_) return what == CURL_POLL_REMOVE;
    Watch& watch = watch_of(socket);
    watch.wanted = as_events(what);
    if (what == CURL_POLL_REMOVE) {
      // A connection that is kept is soon used again, and stays. Of a socket that may be closed
      // without a word nothing stays.
      if (!watch.ours) {
        (void)tell(socket, watch);
        watch = Watch();
      }
      return true;
    }
    return (watch.wanted & ~watch.told) == 0 || tell(socket, watch);
  }

  /// Has the set tell what is wanted, and nothing else.
  bool tell(curl_socket_t socket, Watch& watch) noexcept {
    ::epoll_event event{};
    event.events = watch.wanted;
    event.data.fd = socket;
    int what = watch.told == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (watch.wanted == 0) what = EPOLL_CTL_DEL;
    const bool done = ::epoll_ctl(poll_->native_handle(), what, socket, &event) == 0;
    watch.told = done ? watch.wanted : 0;
    return done;
  }

  void set_timer(long wait_ms) {
    if (ended_) return;
    timer_due_ = SteadyTime::max();
    if (wait_ms == 0) {
      act_soon();
    } else if (wait_ms > 0) {
      timer_due_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(wait_ms);
      if (timer_due_ < timer_at_) start_timer();
    }
  }

  /// What curl wants done at once: after what runs now, and once for all who ask meanwhile.
  void act_soon() {
    asks_at_once_ = true;
    if (acts_soon_) return;
    acts_soon_ = true;
    asio::post(executor_, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self) return;
      self->acts_soon_ = false;
      self->act(CURL_SOCKET_TIMEOUT, 0);
      self->tell_ended();
    });
  }

  /// A timer that is due sooner than what curl waits for is left to run, and started anew then:
  /// curl's time limits are moved with each request, and seldom come.
  void start_timer() {
    timer_at_ = timer_due_;
    timer_->expires_at(timer_at_);
    timer_->async_wait([weak = weak_from_this(), at = timer_at_](const error_code& problem) {
      const auto self = problem ? nullptr : weak.lock();
      // One that had expired already cannot be cancelled; it is known by its time.
      if (self && !self->ended_ && self->timer_at_ == at) self->on_time();
    });
  }

  void on_time() {
    timer_at_ = SteadyTime::max();
    if (std::chrono::steady_clock::now() >= timer_due_) {
      timer_due_ = SteadyTime::max();
      act(CURL_SOCKET_TIMEOUT, 0);
      tell_ended();
    } else if (timer_due_ < SteadyTime::max()) {
      start_timer();
    }
  }

  // What Asio calls.

  void on_ready() {
    std::array<::epoll_event, kEventsAtOnce> events{};
    const int count = ::epoll_wait(poll_->native_handle(), events.data(), kEventsAtOnce, 0);
    for (int i = 0; i < count && !ended_; ++i) {
      const ::epoll_event& event = events[static_cast<std::size_t>(i)];
      on_event(event.data.fd, event.events);
    }
    tell_ended();
    if (!ended_) await_sockets();
  }

  void on_event(curl_socket_t socket, std::uint32_t events) {
    Watch& watch = watch_of(socket);
    // Closed by what came before it in this turn.
    if (watch.told == 0) return;
    constexpr std::uint32_t kTrouble = EPOLLERR | EPOLLHUP;
    if (watch.wanted == 0 || (events & (watch.wanted | kTrouble)) == 0) {
      (void)tell(socket, watch);
      return;
    }
    int how = 0;
    if ((events & EPOLLIN) != 0) how |= CURL_CSELECT_IN;
    if ((events & EPOLLOUT) != 0) how |= CURL_CSELECT_OUT;
    if ((events & kTrouble) != 0) how |= CURL_CSELECT_ERR;
    act(socket, how);
  }

  void act(curl_socket_t socket, int how) {
    if (ended_) return;
    int running = 0;
    curl_multi_socket_action(multi_.get(), socket, how, &running);
  }

  void tell_ended() {
    if (ended_) return;
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
  /// By the socket's number.
  std::vector<Watch> watches_;
  std::unordered_map<CURL*, CurlListener*> transfers_;
  std::unique_ptr<CURLM, MultiCleanup> multi_;
  std::optional<asio::steady_timer> timer_;
  std::optional<asio::steady_timer> end_timer_;
  /// When curl wants to be called, and when the timer ends.
  SteadyTime timer_due_ = SteadyTime::max();
  SteadyTime timer_at_ = SteadyTime::max();
  bool acts_soon_ = false;
  bool asks_at_once_ = false;
  std::optional<asio::posix::stream_descriptor> poll_;
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
  loop->await_sockets();
  asio::post(*own, &block_pipe_signal);
  return loop;
}

}  // namespace rwp::net
