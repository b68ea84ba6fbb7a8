#include "net/curl_transfer.hpp"
#include "net/http_url.hpp"

#include <algorithm>
#include <array>

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

Result<void> CurlTransfer::set_up(const CurlSettings& settings) {
  easy_.reset(curl_easy_init());
  if (!easy_ || !set_headers(settings)) {
    return Error(Errc::unavailable, shown_ + ": out of memory");
  }
  CURL* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, detail_.data());
  curl_easy_setopt(easy, CURLOPT_URL, request_.url.c_str());
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
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(connect_timeout_.count()));
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!settings.ca_file.empty()) {
    curl_easy_setopt(easy, CURLOPT_CAINFO, settings.ca_file.c_str());
    curl_easy_setopt(easy, CURLOPT_CAPATH, nullptr);
  }
  const long version = settings.http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1;
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, version);
  // Requests that start together then share one connection where the server speaks HTTP/2.
  if (settings.http2 && is_https(request_.url)) curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, &on_connected);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, this);
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_.get());
  // Thousands of streams may be silent at once; what comes in them is small.
  if (request_.headers.find("Accept") == "text/event-stream") {
    curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 4'096L);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 16'384L);
  }
  set_body();
  return {};
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

bool CurlTransfer::append_header(const std::string& line) {
  curl_slist* longer = curl_slist_append(headers_.get(), line.c_str());
  if (longer == nullptr) return false;
  (void)headers_.release();
  headers_.reset(longer);
  return true;
}

bool CurlTransfer::set_headers(const CurlSettings& settings) {
  bool fits = true;
  for (const auto& [name, value] : request_.headers) {
    // curl writes a field without a value when its line ends with a semicolon.
    std::string line = name;
    line.append(value.empty() ? ";" : ": ").append(value);
    fits = fits && append_header(line);
  }
  if (!request_.headers.contains("user-agent")) {
    fits = fits && append_header("User-Agent: " + settings.user_agent);
  }
  if (request_.trace.valid() && !request_.headers.contains("traceparent")) {
    fits = fits && append_header("traceparent: " + request_.trace.to_traceparent());
  }
  // curl would name one of its own for what it sends at once.
  if (sends_at_once() && !request_.headers.contains("content-type")) {
    fits = fits && append_header("Content-Type:");
  }
  // Servers that do not know it would cost each large body a second.
  return fits && append_header("Expect:");
}

}  // namespace rwp::net
