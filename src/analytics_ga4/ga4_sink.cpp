#include "analytics_ga4/ga4_request.hpp"
#include "analytics_ga4/ga4_validation.hpp"
#include <rwp/analytics/sessions.hpp>
#include <rwp/analytics_ga4/ga4_sink.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/net/curl_transport.hpp>

#include <algorithm>
#include <list>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

namespace rwp::analytics {
namespace {

constexpr std::size_t kRequestsAtOnce = 8;

bool is_measurement_id(std::string_view text) {
  if (!text.starts_with("G-") || text.size() < 3 || text.size() > 34) return false;
  return std::all_of(text.begin() + 2, text.end(),
                     [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
}

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += kHex[byte >> 4U];
    out += kHex[byte & 15U];
  }
  return out;
}

std::string collect_url(const Ga4SinkOptions& options) {
  std::string url = options.base_url + (options.validate ? "/debug" : "") +
                    "/mp/collect?measurement_id=" + options.measurement_id;
  if (!options.api_secret.empty()) {
    url += "&api_secret=" + percent_encoded(options.api_secret.expose());
  }
  return url;
}

/// The groups of one delivery on their way, shared by those who send them.
struct Sending {
  std::vector<std::vector<Ga4Request>> groups{};
  std::size_t next = 0;
  std::size_t senders = 0;
  std::optional<Error> failure{};
  Signal ended{};
};

class Ga4Sink final : public Sink, public std::enable_shared_from_this<Ga4Sink> {
 public:
  Ga4Sink(boost::asio::any_io_executor executor, Ga4SinkOptions options)
      : executor_(std::move(executor)),
        clock_(std::move(options.clock)),
        metrics_(std::move(options.metrics)),
        log_(std::move(options.log)),
        timeout_(options.timeout),
        google_names_(options.google_names),
        validate_(options.validate),
        url_(collect_url(options)) {
    if (options.sessions) sessions_.emplace();
    options.retry.any_method = true;
    transport_ = net::make_retrying_transport(std::move(options.transport), options.retry);
  }

 private:
  boost::asio::awaitable<Result<void>> do_deliver(std::vector<Event> events) override {
    const auto self = shared_from_this();
    if (sessions_) {
      for (Event& event : events) sessions_->stamp(event);
    }
    const Ga4PlanOptions planned{
        .now = clock_->now(), .google_names = google_names_, .enforce = validate_};
    auto plan = plan_ga4_requests(events, planned);
    if (!plan) co_return plan.error();
    if (plan->too_old > 0) {
      log_.warn("events too old for GA4 were dropped", {{"events", plan->too_old}});
      count("too_old", plan->too_old);
    }
    auto sending = std::make_shared<Sending>();
    sending->groups = std::move(plan->groups);

    std::list<Task> senders;
    // The guard also stops them when this coroutine is dropped or cancelled.
    const auto stop = [&senders](void*) {
      for (Task& sender : senders) sender.cancel();
    };
    const std::unique_ptr<void, decltype(stop)> guard(&senders, stop);
    for (std::size_t i = 0; i < std::min(kRequestsAtOnce, sending->groups.size()); ++i) {
      ++sending->senders;
      senders.emplace_back(executor_, send_groups(self, sending),
                           [sending](std::exception_ptr thrown) {
                             if (thrown && !sending->failure)
                               sending->failure = detail::from_exception(thrown);
                             --sending->senders;
                             sending->ended.notify_all();
                           });
    }
    while (sending->senders > 0) {
      const Wake wake = co_await sending->ended.wait_until(SteadyTime::max());
      if (wake == Wake::cancelled) {
        co_return Error(Errc::cancelled, "delivery of events cancelled; they may have arrived");
      }
    }
    if (sending->failure) co_return *sending->failure;
    co_return Result<void>();
  }

  static boost::asio::awaitable<void> send_groups(std::shared_ptr<Ga4Sink> self,
                                                  std::shared_ptr<Sending> sending) {
    while (!sending->failure && sending->next < sending->groups.size()) {
      const auto& group = sending->groups[sending->next++];
      for (const Ga4Request& request : group) {
        auto sent = co_await self->post(request.body);
        const char* good = self->validate_ ? "valid" : "sent";
        self->count(sent ? good : "failed", request.events);
        if (sent) continue;
        if (!sending->failure) sending->failure = sent.error();
        break;
      }
    }
  }

  boost::asio::awaitable<Result<void>> post(std::string body) {
    net::HttpRequest request;
    request.method = "POST";
    request.url = url_;
    request.headers.add("Content-Type", "application/json");
    request.body = std::move(body);
    request.connect_timeout = timeout_;
    request.head_timeout = timeout_;
    request.idle_timeout = timeout_;
    request.max_response_bytes = std::size_t{64} << 10U;
    const std::string shown = describe_request(request);
    const auto response = co_await transport_->send(std::move(request));
    if (!response) co_return response.error();
    const int status = response->status;
    if (validate_ && status == 200) co_return judge_ga4_validation(response->body);
    if (status >= 200 && status < 300) co_return Result<void>();
    const std::string text = shown + ": answered " + std::to_string(status);
    if (status == 408 || status == 429 || status >= 500) {
      Error error(status == 429 ? Errc::rate_limited : Errc::unavailable, text);
      const auto told = net::retry_after(response->headers, std::chrono::system_clock::now());
      if (told) error = error.with_retry_after(*told);
      co_return error;
    }
    if (status == 409) {
      // Our collector: an event with this id has been recorded, and the request's others are kept.
      // It is the same one, sent the first time without its time, which lay ahead of the clock.
      log_.warn("collector has an event of the same id already", {{"request", shown}});
      co_return Result<void>();
    }
    if (status == 401 || status == 403) co_return Error(Errc::permission_denied, text);
    // No word about the events: the address is wrong.
    if (status == 404 || status == 405) co_return Error(Errc::not_found, text);
    if (status >= 400) co_return Error(Errc::invalid_argument, text);
    co_return Error(Errc::unsupported, text + ", which is no answer of a collector");
  }

  void count(std::string_view outcome, std::size_t events) {
    if (!metrics_) return;
    metrics_
        ->counter("rwp_ga4_events_total", "Events for GA4 by their outcome.",
                  {{"outcome", std::string(outcome)}})
        .add(static_cast<double>(events));
  }

  const boost::asio::any_io_executor executor_;
  const std::shared_ptr<const Clock> clock_;
  const std::shared_ptr<observability::Metrics> metrics_;
  const observability::Logger log_;
  const std::chrono::milliseconds timeout_;
  const bool google_names_;
  const bool validate_;
  /// Holds the secret; messages have only what describe_request() shows.
  const std::string url_;
  std::optional<Sessions> sessions_;
  std::shared_ptr<net::HttpTransport> transport_;
};

}  // namespace

Result<std::shared_ptr<Sink>> make_ga4_sink(Runtime& runtime, Ga4SinkOptions options) {
  if (!is_measurement_id(options.measurement_id)) {
    return Error(Errc::invalid_argument,
                 "measurement_id: not of the form G-XXXXXXXXXX, capital letters and digits");
  }
  const std::string& base = options.base_url;
  if (!(base.starts_with("http://") || base.starts_with("https://")) ||
      base.find_first_of("?#@ ") != std::string::npos) {
    return Error(Errc::invalid_argument,
                 "base_url: not of the form http://host:port or https://host");
  }
  const bool is_google = base.find(".google-analytics.com") != std::string::npos;
  if (options.api_secret.empty() && is_google) {
    return Error(Errc::invalid_argument, "api_secret: Google Analytics asks for one");
  }
  if (options.timeout.count() <= 0) {
    return Error(Errc::invalid_argument, "timeout: not above zero");
  }
  while (options.base_url.ends_with('/')) options.base_url.pop_back();
  if (!options.transport) {
    net::CurlTransportOptions transport;
    transport.metrics = options.metrics;
    transport.log = options.log;
    options.transport = net::make_curl_transport(runtime, std::move(transport));
  }
  return std::make_shared<Ga4Sink>(runtime.executor(), std::move(options));
}

}  // namespace rwp::analytics
