#include "pods/ctl/doctor.hpp"
#include "pods/event_sinks.hpp"
#include <rwp/ai/model.hpp>
#include <rwp/ai_openai/openai_model.hpp>
#include <rwp/analytics/sink.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/url.hpp>
#include <rwp/net/curl_transport.hpp>
#include <rwp/storage/object_store.hpp>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <unistd.h>
#include <utility>

namespace rwp::pods::ctl {
namespace {

using Clock = std::chrono::steady_clock;

/// After so long, jobs that are ready and not run mean that nobody runs them.
constexpr std::chrono::minutes kLongReady{1};

Check failed(Check check, const Error& error, std::string fix) {
  check.health = Health::failed;
  check.detail = error.message();
  check.fix = std::move(fix);
  return check;
}

Check skipped(Check check, std::string why) {
  check.health = Health::skipped;
  check.detail = std::move(why);
  return check;
}

template <class T>
Result<T> ask(Context& context, boost::asio::awaitable<Result<T>> operation) {
  return block_on(context.runtime, with_deadline(std::move(operation), Clock::now() + kCheckTime));
}

std::string fix_for_store(const Error& error, const std::string& path) {
  if (path.empty()) {
    return "is the database server running, and reachable from here with this user and password? "
           "Check RWP_JOBS_URL";
  }
  switch (error.code()) {
    case Errc::corrupt:
      return "`rwpctl verify` names the damage; restore the file from a backup";
    case Errc::permission_denied:
      return "give whoever runs the pods the right to read and write " + path + " and its folder";
    case Errc::unsupported:
      return "name another store in RWP_JOBS_URL, as the message says";
    case Errc::unavailable:
      return "see which process holds " + path + " (fuser), and whether its disk is full";
    default:
      return "check RWP_JOBS_URL";
  }
}

void judge_queues(Check& check, const std::vector<jobs::QueueCounts>& queues, jobs::TimePoint now) {
  std::array<std::int64_t, jobs::kJobStateCount> sums{};
  std::string stuck;
  for (const auto& queue : queues) {
    for (std::size_t i = 0; i < sums.size(); ++i) sums.at(i) += queue.states.at(i);
    const bool waits = queue.oldest_ready && now - *queue.oldest_ready > kLongReady;
    const bool runs = queue.states.at(static_cast<std::size_t>(jobs::JobState::running)) > 0;
    if (waits && !runs && !queue.paused) stuck += (stuck.empty() ? "'" : ", '") + queue.queue + "'";
  }
  const auto of = [&sums](jobs::JobState state) {
    return std::to_string(sums.at(static_cast<std::size_t>(state)));
  };
  check.detail = of(jobs::JobState::ready) + " ready, " + of(jobs::JobState::running) +
                 " running, " + of(jobs::JobState::failed) + " failed";
  if (stuck.empty()) return;
  check.health = Health::warning;
  check.fix = "jobs of " + stuck +
              " have waited for over a minute and none runs: is a worker pod up that knows their "
              "kinds?";
}

/// Whether the conditions hold by which pods keep out of each other's way.
boost::asio::awaitable<Result<void>> try_conditions(std::shared_ptr<storage::ObjectStore> store,
                                                    std::string key, std::string etag) {
  storage::PutOptions absent;
  absent.only_if_absent = true;
  const auto taken = co_await store->put(key, "rwpctl doctor", absent);
  if (taken) co_return Error(Errc::unsupported, "it overwrites what must not be there");
  if (taken.error().code() != Errc::already_exists) co_return taken.error();
  storage::PutOptions match;
  match.if_match = std::move(etag);
  const auto replaced = co_await store->put(key, "rwpctl doctor", match);
  if (!replaced) co_return replaced.error();
  co_return Result<void>();
}

/// Puts, replaces, reads and removes an object of its own.
boost::asio::awaitable<Result<void>> try_out(std::shared_ptr<storage::ObjectStore> store,
                                             std::string key) {
  const auto put = co_await store->put(key, "rwpctl doctor");
  if (!put) co_return put.error();
  const auto judged = co_await try_conditions(store, key, put->etag);
  const auto read = co_await store->get(key);
  const auto removed = co_await store->remove(key);
  if (!read) co_return read.error();
  if (*read != "rwpctl doctor") co_return Error(Errc::corrupt, "it gives back other bytes");
  if (!removed) co_return removed.error();
  if (!judged) co_return judged.error().with_context("conditional puts");
  co_return Result<void>();
}

struct Reply {
  int status = 0;
  std::string body{};
};

Result<Reply> request(Context& context, net::HttpRequest wanted) {
  wanted.connect_timeout = kCheckTime;
  wanted.deadline = Clock::now() + kCheckTime;
  const auto transport = net::make_curl_transport(context.runtime);
  auto response = block_on(context.runtime, transport->send(std::move(wanted)));
  if (!response) return response.error();
  return Reply{.status = response->status, .body = std::move(response->body)};
}

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

}  // namespace

Check check_job_store(Context& context) {
  const auto& url = context.configuration().jobs_url;
  Check check{.name = "job store", .target = masked_url(url)};
  if (is_untouched_default(context, "RWP_JOBS_URL", url)) {
    return skipped(std::move(check), "the default is not there, and no other is named");
  }
  const auto path = file_path_of(url);
  std::error_code code;
  if (!path.empty() && !std::filesystem::exists(path, code)) {
    auto folder = std::filesystem::path(path).parent_path();
    if (folder.empty()) folder = ".";
    check.health = Health::warning;
    check.detail = "is not there yet; the first pod makes it";
    if (::access(folder.c_str(), W_OK | X_OK) == 0) return check;
    check.health = Health::failed;
    check.detail = "is not there, and cannot be made in '" + folder.string() + "'";
    check.fix = "make that folder, and give whoever runs the pods the right to write there";
    return check;
  }
  auto store = context.schemes.open<jobs::JobStore>(url, context.runtime);
  if (!store) return failed(std::move(check), store.error(), fix_for_store(store.error(), path));
  const auto queues = ask(context, (*store)->counts());
  if (!queues) {
    return failed(std::move(check), queues.error(), fix_for_store(queues.error(), path));
  }
  judge_queues(check, *queues, (*store)->now());
  if (const auto handing = ask(context, (*store)->hands_out()); !handing) {
    check.health = Health::warning;
    check.detail += "; none is handed out: " + handing.error().to_string();
    check.fix =
        "is Redis running? It is opened again by itself; `rwpctl dispatch postgres` goes on "
        "without it";
  }
  return check;
}

Check check_object_store(Context& context) {
  const auto& url = context.configuration().objects_url;
  Check check{.name = "object store", .target = masked_url(url)};
  if (is_untouched_default(context, "RWP_OBJECTS_URL", url)) {
    return skipped(std::move(check), "the default is not there, and no other is named");
  }
  const auto path = file_path_of(url);
  const std::string fix = path.empty()
                              ? "check RWP_OBJECTS_URL, and that the service answers"
                              : "make '" + path + "' a folder that whoever runs the pods may write";
  std::error_code code;
  if (!path.empty() && !std::filesystem::exists(path, code)) {
    check.health = Health::warning;
    check.detail = "is not there yet; the first worker makes it";
    return check;
  }
  auto store = context.schemes.open<storage::ObjectStore>(url, context.runtime);
  if (!store) return failed(std::move(check), store.error(), fix);
  const auto tried = ask(context, try_out(*store, "rwp-doctor/" + Uuid::make_v7().to_string()));
  if (!tried && tried.error().code() == Errc::unsupported) {
    check.health = Health::warning;
    check.detail = tried.error().message();
    check.fix =
        "JobAdder's tokens and cursors need conditional puts: take a server that has them; Ceph 16 "
        "has none in a bucket that keeps versions";
    return check;
  }
  if (!tried) return failed(std::move(check), tried.error(), fix);
  check.detail = "an object was put, replaced on its condition, read and removed";
  return check;
}

Check check_model(Context& context) {
  const auto& url = context.configuration().ai_url;
  Check check{.name = "model", .target = masked_url(url)};
  const auto parsed = Url::parse(url);
  const bool openai = parsed && parsed->scheme() == "openai";
  const bool has_key = !context.configuration().ai_key.empty() ||
                       (openai && !context.configuration().openai_api_key.empty());
  if (openai && !has_key) {
    return failed(std::move(check), Error(Errc::unauthenticated, "no key is set"),
                  "set OPENAI_API_KEY_FILE to the path of a file that holds it");
  }
  auto model = context.schemes.open<ai::Model>(url, context.runtime);
  if (!model) return failed(std::move(check), model.error(), "check RWP_AI_URL");
  const auto service = std::dynamic_pointer_cast<ai_openai::OpenAiModel>(*model);
  if (!service) {
    check.detail = "built in; needs no service";
    return check;
  }
  const auto models = block_on(context.runtime, service->models(Clock::now() + kCheckTime));
  if (models) {
    check.detail = "answers; offers " + std::to_string(models->size()) + " models";
    return check;
  }
  switch (models.error().code()) {
    case Errc::unauthenticated:
    case Errc::permission_denied:
      return failed(std::move(check), models.error(),
                    openai ? "the key is wrong: OPENAI_API_KEY, or OPENAI_API_KEY_FILE"
                           : "the key is missing or wrong: RWP_AI_API_KEY_FILE (an ai_pod's needs "
                             "the scope ai:use)");
    case Errc::not_found:
      check.health = Health::warning;
      check.detail = "answers, and keeps no list of its models";
      check.fix = "does RWP_AI_URL end where the service's API begins, mostly /v1?";
      return check;
    default:
      return failed(std::move(check), models.error(),
                    "is the service running, and reachable from here? Check RWP_AI_URL");
  }
}

namespace {

Check check_event_sink(Context& context, const std::string& url) {
  Check check{.name = "analytics", .target = masked_url(url)};
  if (is_untouched_default(context, "RWP_ANALYTICS_URL", url)) {
    return skipped(std::move(check), "the default is not there, and no other is named");
  }
  const auto parsed = Url::parse(url);
  const std::string scheme = parsed ? parsed->scheme() : "";
  if (scheme == "http" || scheme == "https") {
    net::HttpRequest wanted;
    wanted.method = "POST";
    wanted.url = without_slash(url) + "/debug/mp/collect?measurement_id=G-DOCTOR&api_secret=" +
                 context.configuration().analytics_key.expose();
    wanted.headers.add("Content-Type", "application/json");
    wanted.body = R"({"client_id":"rwpctl","events":[{"name":"doctor"}]})";
    const auto reply = request(context, std::move(wanted));
    if (!reply) {
      return failed(std::move(check), reply.error(),
                    "is the analytics pod running, and is RWP_ANALYTICS_URL its address?");
    }
    if (reply->status == 401 || reply->status == 403) {
      return failed(std::move(check), Error(Errc::unauthenticated, "the key is refused"),
                    "RWP_ANALYTICS_API_KEY_FILE must name a file with a key of the scope "
                    "events:write");
    }
    if (reply->status != 200) {
      return failed(std::move(check),
                    Error(Errc::unavailable, "HTTP status " + std::to_string(reply->status)),
                    "is it an analytics pod that answers at RWP_ANALYTICS_URL?");
    }
    check.detail = "an event was judged, and not recorded";
    return check;
  }
  const auto path = file_path_of(url);
  if (!path.empty()) {
    auto folder = std::filesystem::path(path).parent_path();
    if (folder.empty()) folder = ".";
    std::error_code code;
    const bool there = std::filesystem::exists(path, code);
    const auto& tried = there ? std::filesystem::path(path) : folder;
    if (::access(tried.c_str(), there ? W_OK : (W_OK | X_OK)) != 0) {
      return failed(std::move(check),
                    Error(Errc::permission_denied, "'" + tried.string() + "' cannot be written"),
                    "make the folder, and give whoever runs the pods the right to write there");
    }
    check.detail = there ? "can be written" : "is not there yet; the first event makes it";
    return check;
  }
  auto sink = context.schemes.open<analytics::Sink>(url, context.runtime);
  if (!sink) {
    return failed(std::move(check), sink.error(),
                  "check RWP_ANALYTICS_URL and GA4_API_SECRET_FILE");
  }
  check.detail = scheme == "ga4"
                     ? "its settings are whole; Google does not tell whether a secret is right"
                     : "answers";
  return check;
}

}  // namespace

/// Of several sinks the first that is not well, or else the first.
Check check_analytics(Context& context) {
  std::optional<Check> first;
  for (const auto& url : split_urls(context.configuration().analytics_url)) {
    Check check = check_event_sink(context, url);
    if (check.health == Health::failed) return check;
    if (!first) first = std::move(check);
  }
  return std::move(*first);
}

Check check_api(Context& context) {
  const auto& url = context.configuration().api_url;
  Check check{.name = "API pod", .target = url.empty() ? "" : masked_url(url)};
  if (url.empty()) return skipped(std::move(check), "RWP_API_URL is not set");
  net::HttpRequest wanted;
  wanted.url = without_slash(url) + "/v1/queues";
  const auto& key = context.configuration().api_key;
  if (!key.empty()) wanted.headers.add("Authorization", "Bearer " + key.expose());
  const auto reply = request(context, std::move(wanted));
  if (!reply) {
    return failed(std::move(check), reply.error(),
                  "is the API pod running, and is RWP_API_URL its address?");
  }
  switch (reply->status) {
    case 200:
      check.detail = "answers, and takes the key";
      return check;
    case 401:
      return failed(std::move(check), Error(Errc::unauthenticated, "the key is missing or wrong"),
                    "RWP_API_KEY_FILE must name a file with a key of that pod's keys file; "
                    "`rwpctl keys create` makes one");
    case 403:
      return failed(std::move(check), Error(Errc::permission_denied, "the key may not look"),
                    "use a key with the scope jobs:read");
    default:
      return failed(std::move(check),
                    Error(Errc::unavailable, "HTTP status " + std::to_string(reply->status)),
                    "is it an API pod that answers at RWP_API_URL? Its log says more");
  }
}

}  // namespace rwp::pods::ctl
