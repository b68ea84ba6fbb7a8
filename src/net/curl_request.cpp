#include "net/curl_transfer.hpp"
#include "net/http_url.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

/// What CurlTransfer asks of curl.
namespace rwp::net {

bool CurlTransfer::sends_body() const {
  constexpr std::array<std::string_view, 3> kWithBody = {"POST", "PUT", "PATCH"};
  return request_.body_source || !request_.body.empty() ||
         std::find(kWithBody.begin(), kWithBody.end(), request_.method) != kWithBody.end();
}

bool CurlTransfer::sends_at_once() const {
  constexpr std::size_t kMostBytes = std::size_t{16} << 10U;
  return sends_body() && !request_.body_source && request_.body.size() <= kMostBytes;
}

EasyHandle CurlHandles::take() {
  if (idle_.empty()) return nullptr;
  EasyHandle easy = std::move(idle_.back());
  idle_.pop_back();
  return easy;
}

void CurlHandles::give_back(EasyHandle easy) {
  constexpr std::size_t kMostIdle = 64;
  if (idle_.size() < kMostIdle) idle_.push_back(std::move(easy));
}

bool CurlTransfer::fits_used_handle() const { return sends_at_once() && request_.method == "POST"; }

void CurlTransfer::give_handle_back() {
  CURL* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, nullptr);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, nullptr);
  curl_easy_setopt(easy, CURLOPT_POSTFIELDS, nullptr);
  handles_->give_back(std::move(easy_));
}

Result<void> CurlTransfer::set_up(const CurlSettings& settings) {
  if (fits_used_handle()) easy_ = handles_->take();
  if (!easy_) {
    easy_.reset(curl_easy_init());
    if (!easy_) return Error(Errc::unavailable, shown_ + ": out of memory");
    set_what_stays(settings);
  }
  CURL* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail_.data());
  curl_easy_setopt(easy, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect_timeout_.count()));
  // Requests that start together then share one connection where the server speaks HTTP/2.
  curl_easy_setopt(easy, CURLOPT_PIPEWAIT, settings.http2 && is_https(request_.url) ? 1L : 0L);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, this);
  set_headers(settings);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, list_.data());
  // Thousands of streams may be silent at once; what comes in them is small.
  const bool is_stream = request_.headers.find("Accept") == "text/event-stream";
  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, is_stream ? 4'096L : CURL_MAX_WRITE_SIZE);
  curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, is_stream ? 16'384L : 65'536L);
  set_body();
  return {};
}

/// The same for all transfers of a transport, and left as it is when a handle is used again.
void CurlTransfer::set_what_stays(const CurlSettings& settings) {
  CURL* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  // Dots in paths may be meant, and signed.
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  // Nothing of the environment: an empty proxy is none, whatever http_proxy says.
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  // A look-up that is given up ends on its own thread; the I/O thread does not wait for it.
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!settings.ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, settings.ca_file.c_str());
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  }
  const long version = settings.http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1;
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &on_connected);
}

void CurlTransfer::set_body() {
  CURL* easy = easy_.get();
  if (request_.method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  if (sends_at_once()) {
    // Body and header in one segment: a send less, and one wake-up less on the other side.
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_.body.c_str());
  } else if (sends_body()) {
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, &on_send);
    curl_easy_setopt(easy, CURLOPT_READDATA, this);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, &on_rewind);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, this);
    auto bytes = static_cast<curl_off_t>(request_.body.size());
    if (request_.body_source) {
      bytes =
          request_.body_source_bytes ? static_cast<curl_off_t>(*request_.body_source_bytes) : -1;
    }
    curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, bytes);
  }
  const bool by_default =
      request_.method == (sends_at_once() ? "POST" : "GET") && (sends_at_once() || !sends_body());
  if (!by_default) {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }
}

void CurlTransfer::set_headers(const CurlSettings& settings) {
  std::size_t count = 0;
  const auto add = [this, &count](std::string_view name, std::string_view between,
                                  std::string_view value = "") {
    lines_.append(name).append(between).append(value).push_back('\0');
    ++count;
  };
  for (const auto& [name, value] : request_.headers) {
    // curl writes a field without a value when its line ends with a semicolon.
    add(name, value.empty() ? ";" : ": ", value);
  }
  if (!request_.headers.contains("user-agent")) add("User-Agent", ": ", settings.user_agent);
  if (request_.trace.valid() && !request_.headers.contains("traceparent")) {
    add("traceparent", ": ", request_.trace.to_traceparent());
  }
  // curl would name one of its own for what it sends at once.
  if (sends_at_once() && !request_.headers.contains("content-type")) add("Content-Type", ":");
  // Servers that do not know it would cost each large body a second.
  add("Expect", ":");
  list_.resize(count);
  char* line = lines_.data();
  for (std::size_t i = 0; i < count; ++i) {
    list_[i] = curl_slist{line, i + 1 < count ? &list_[i + 1] : nullptr};
    line += std::strlen(line) + 1;
  }
}

}  // namespace rwp::net
