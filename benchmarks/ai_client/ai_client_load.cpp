/// What a call of the OpenAI client costs, against an upstream in another process; see run.py.
///
///     ai_client_load chat URL CALLS CONCURRENT     calls, and the CPU time of this process
///     ai_client_load curl URL CALLS CONCURRENT     the same requests by libcurl's multi interface
///     ai_client_load chat_1kB URL CALLS CONCURRENT as chat, with a question of 1 kB
///     ai_client_load hit_1kB URL CALLS CONCURRENT  the same through the decorators, all but one
///     from
///                                                  their cache
///     ai_client_load streams URL COUNT             holds streams open; peak resident memory

#include <rwp/ai/model_stack.hpp>
#include <rwp/ai_openai/openai_model.hpp>
#include <rwp/core/async.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/net/curl_transport.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <curl/curl.h>
#include <memory>
#include <string>
#include <sys/resource.h>
#include <utility>
#include <vector>

namespace {

using namespace std::chrono_literals;

constexpr const char* kQuestion =
    "Title: Community Nurse\n\nWe are looking for a community nurse who visits people at home in "
    "Leeds. You will plan care with patients and their families.";

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

long peak_kilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

struct Load {
  std::shared_ptr<rwp::ai::Model> model{};
  std::string text{kQuestion};
  long left = 0;
  long good = 0;
  int running = 0;
  rwp::Signal ended{};
};

rwp::ai::ChatRequest question(const Load& load) {
  rwp::ai::ChatRequest request;
  request.messages.push_back({rwp::ai::Role::user, load.text});
  return request;
}

boost::asio::awaitable<void> ask(Load* load) {
  while (load->left > 0) {
    --load->left;
    auto request = question(*load);
    const auto reply = co_await load->model->chat(std::move(request));
    load->good += reply ? 1 : 0;
  }
  --load->running;
  load->ended.notify_all();
}

boost::asio::awaitable<void> listen(Load* load) {
  auto request = question(*load);
  rwp::ai::OnDelta ignore = [](std::string_view) { return true; };
  const auto reply = co_await load->model->stream(std::move(request), std::move(ignore));
  load->good += reply ? 1 : 0;
  if (!reply && load->running < 3) std::fprintf(stderr, "%s\n", reply.error().to_string().c_str());
  --load->running;
  load->ended.notify_all();
}

boost::asio::awaitable<rwp::Result<bool>> run_all(Load* load, int count, bool streams,
                                                  boost::asio::any_io_executor executor) {
  load->running = count;
  for (int i = 0; i < count; ++i) {
    auto work = streams ? listen(load) : ask(load);
    rwp::spawn(executor, std::move(work));
  }
  while (load->running > 0) {
    (void)co_await load->ended.wait_until(rwp::SteadyTime::max());
  }
  co_return true;
}

/// The decorators as they come, with a cache in memory.
std::shared_ptr<rwp::ai::Model> cached(std::shared_ptr<rwp::ai::Model> model) {
  std::vector<rwp::ai::StackMember> members(1);
  members.front().model = std::move(model);
  rwp::ai::StackOptions options;
  options.cached = rwp::ai::CachedOptions();
  options.cached->cache = rwp::ai::make_memory_cache();
  return rwp::ai::build_model(std::move(members), std::move(options)).value();
}

int run_ours(const std::string& mode, const std::string& url, long calls, int concurrent) {
  rwp::Runtime runtime;
  rwp::net::CurlTransportOptions transport;
  transport.max_connections_per_host = 10'000;
  transport.max_connections = 10'000;
  rwp::ai_openai::OpenAiOptions options;
  options.base_url = url;
  options.model = "fake-gpt";
  options.max_attempts = 1;
  options.connect_timeout = 120s;
  auto load = std::make_unique<Load>();
  load->model =
      rwp::ai_openai::OpenAiModel::make(rwp::net::make_curl_transport(runtime, transport), options)
          .value();
  if (mode.ends_with("_1kB")) {
    while (load->text.size() < 1'024) load->text += kQuestion;
    load->text.resize(1'024);
  }
  if (mode == "hit_1kB") {
    load->model = cached(std::move(load->model));
    load->left = 1;
    (void)rwp::block_on(runtime, run_all(load.get(), 1, false, runtime.executor()));
    load->good = 0;
  }
  load->left = calls;
  const double before = cpu_seconds();
  const auto begun = std::chrono::steady_clock::now();
  const bool streams = mode == "streams";
  (void)rwp::block_on(runtime, run_all(load.get(), concurrent, streams, runtime.executor()));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("{\"good\":%ld,\"cpu_seconds\":%.3f,\"seconds\":%.3f,\"peak_kb\":%ld}\n", load->good,
              cpu_seconds() - before, took.count(), peak_kilobytes());
  return 0;
}

std::size_t take(char* bytes, std::size_t size, std::size_t count, void* body) {
  static_cast<std::string*>(body)->append(bytes, size * count);
  return size * count;
}

/// The least that libcurl's multi interface needs: the request's bytes made once, no JSON read.
int run_curl(const std::string& url, long calls, int concurrent) {
  curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::string target = url + "/chat/completions";
  std::string body = "{\"model\":\"fake-gpt\",\"messages\":[{\"role\":\"user\",\"content\":\"";
  for (const char* c = kQuestion; *c != '\0'; ++c) body += *c == '\n' ? "\\n" : std::string(1, *c);
  body += "\"}]}";
  CURLM* multi = curl_multi_init();
  curl_slist* headers = curl_slist_append(nullptr, "Content-Type: application/json");
  std::vector<std::string> answers(static_cast<std::size_t>(concurrent));
  long left = calls;
  long good = 0;
  const double before = cpu_seconds();
  const auto begun = std::chrono::steady_clock::now();
  int running = 0;
  for (int i = 0; i < concurrent && left > 0; ++i, --left) {
    CURL* easy = curl_easy_init();
    curl_easy_setopt(easy, CURLOPT_URL, target.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.c_str());
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(body.size()));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &answers[static_cast<std::size_t>(i)]);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, &answers[static_cast<std::size_t>(i)]);
    curl_multi_add_handle(multi, easy);
  }
  do {
    curl_multi_perform(multi, &running);
    int queued = 0;
    bool again = false;
    while (CURLMsg* message = curl_multi_info_read(multi, &queued)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* easy = message->easy_handle;
      std::string* answer = nullptr;
      curl_easy_getinfo(easy, CURLINFO_PRIVATE, &answer);
      good += message->data.result == CURLE_OK && !answer->empty() ? 1 : 0;
      answer->clear();
      curl_multi_remove_handle(multi, easy);
      if (left > 0) {
        --left;
        again = true;
        curl_multi_add_handle(multi, easy);
      } else {
        curl_easy_cleanup(easy);
      }
    }
    if (again) {
      running = 1;
      continue;
    }
    if (running > 0) curl_multi_poll(multi, nullptr, 0, 1'000, nullptr);
  } while (running > 0);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("{\"good\":%ld,\"cpu_seconds\":%.3f,\"seconds\":%.3f,\"peak_kb\":%ld}\n", good,
              cpu_seconds() - before, took.count(), peak_kilobytes());
  curl_slist_free_all(headers);
  curl_multi_cleanup(multi);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "streams" && argc == 4) {
    return run_ours(mode, argv[2], 0, std::atoi(argv[3]));
  }
  const bool known = mode == "chat" || mode == "curl" || mode == "chat_1kB" || mode == "hit_1kB";
  if (argc != 5 || !known) {
    std::fprintf(stderr,
                 "usage: ai_client_load chat|curl|chat_1kB|hit_1kB URL CALLS CONCURRENT\n"
                 "       ai_client_load streams URL COUNT\n");
    return 2;
  }
  const long calls = std::atol(argv[3]);
  const int concurrent = std::atoi(argv[4]);
  return mode == "curl" ? run_curl(argv[2], calls, concurrent)
                        : run_ours(mode, argv[2], calls, concurrent);
}
