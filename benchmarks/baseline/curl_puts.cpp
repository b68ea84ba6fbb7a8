#include "baseline/curl_puts.hpp"

#include <algorithm>
#include <curl/curl.h>

namespace rwp::benchmarks {
namespace {

std::size_t drop(char*, std::size_t size, std::size_t count, void*) { return size * count; }

/// One of those in parallel.
struct Lane {
  CURL* easy = nullptr;
  std::size_t sent = 0;
  const std::string* body = nullptr;
};

std::size_t give(char* out, std::size_t size, std::size_t count, void* self) {
  auto* lane = static_cast<Lane*>(self);
  const std::size_t bytes = std::min(size * count, lane->body->size() - lane->sent);
  std::copy_n(lane->body->data() + lane->sent, bytes, out);
  lane->sent += bytes;
  return bytes;
}

}  // namespace

bool put_by_curl(const std::vector<std::string>& urls, const std::string& body,
                 std::size_t parallel) {
  CURLM* multi = curl_multi_init();
  curl_slist* headers = curl_slist_append(nullptr, "Expect:");
  std::vector<Lane> lanes(parallel);
  std::size_t next = 0;
  std::size_t answered = 0;
  bool good = true;
  const auto start = [&](Lane& lane) {
    if (next == urls.size()) return;
    lane.sent = 0;
    curl_easy_setopt(lane.easy, CURLOPT_URL, urls[next++].c_str());
    curl_multi_add_handle(multi, lane.easy);
  };
  for (Lane& lane : lanes) {
    lane.easy = curl_easy_init();
    lane.body = &body;
    curl_easy_setopt(lane.easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(lane.easy, CURLOPT_READFUNCTION, &give);
    curl_easy_setopt(lane.easy, CURLOPT_READDATA, &lane);
    curl_easy_setopt(lane.easy, CURLOPT_WRITEFUNCTION, &drop);
    curl_easy_setopt(lane.easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(lane.easy, CURLOPT_PRIVATE, &lane);
    curl_easy_setopt(lane.easy, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(body.size()));
    start(lane);
  }
  while (answered < urls.size() && good) {
    int running = 0;
    good = curl_multi_perform(multi, &running) == CURLM_OK;
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      Lane* lane = nullptr;
      long status = 0;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &lane);
      curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
      good = good && message->data.result == CURLE_OK && status == 200;
      ++answered;
      curl_multi_remove_handle(multi, lane->easy);
      start(*lane);
    }
    if (answered < urls.size()) curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
  }
  for (const Lane& lane : lanes) {
    curl_multi_remove_handle(multi, lane.easy);
    curl_easy_cleanup(lane.easy);
  }
  curl_multi_cleanup(multi);
  curl_slist_free_all(headers);
  return good;
}

}  // namespace rwp::benchmarks
