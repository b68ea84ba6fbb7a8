#include "net/recorded_exchange.hpp"
#include <rwp/net/replay_transport.hpp>

#include <algorithm>
#include <deque>
#include <fstream>
#include <map>
#include <tuple>
#include <utility>

namespace rwp::net {
namespace {

/// Method, masked URL, body.
using Key = std::tuple<std::string, std::string, std::string>;
using Recorded = std::map<Key, std::deque<RecordedExchange>>;

class ReplayedExchange final : public HttpExchange {
 public:
  ReplayedExchange(HttpResponse answer, std::size_t piece_bytes)
      : answer_(std::move(answer)), piece_bytes_(piece_bytes) {}

  const HttpResponseHead& head() const noexcept override { return answer_; }

  boost::asio::awaitable<Result<std::string>> read() override {
    const std::size_t left = answer_.body.size() - read_;
    const std::size_t size = piece_bytes_ == 0 ? left : std::min(left, piece_bytes_);
    std::string piece = answer_.body.substr(read_, size);
    read_ += size;
    co_return piece;
  }

 private:
  const HttpResponse answer_;
  const std::size_t piece_bytes_;
  std::size_t read_ = 0;
};

class ReplayTransport final : public HttpTransport {
 public:
  ReplayTransport(Recorded recorded, ReplayOptions options)
      : recorded_(std::move(recorded)), options_(std::move(options)) {}

 private:
  boost::asio::awaitable<Result<std::unique_ptr<HttpExchange>>> do_open(
      HttpRequest request) override {
    const std::string url = masked_url(request.url, options_.masked);
    const auto found = recorded_.find(Key(request.method, url, request.body));
    if (found == recorded_.end() || found->second.empty() || request.body_source) {
      co_return miss(request, url, found != recorded_.end());
    }
    RecordedExchange exchange = std::move(found->second.front());
    found->second.pop_front();
    if (exchange.error) co_return *exchange.error;
    co_return std::make_unique<ReplayedExchange>(std::move(exchange.answer), options_.piece_bytes);
  }

  Error miss(const HttpRequest& request, const std::string& url, bool used_up) const {
    std::string text = describe_request(request);
    if (used_up) {
      text += ": all that was recorded for this request has been replayed";
    } else {
      const auto with_other_body =
          std::count_if(recorded_.begin(), recorded_.end(), [&](const Recorded::value_type& each) {
            return std::get<0>(each.first) == request.method && std::get<1>(each.first) == url;
          });
      text += ": nothing was recorded for this request (" + std::to_string(with_other_body) +
              " with the same URL and another body, " + std::to_string(recorded_.size()) +
              " in all)";
    }
    return Error(Errc::not_found, std::move(text));
  }

  Recorded recorded_;
  const ReplayOptions options_;
};

}  // namespace

Result<std::shared_ptr<HttpTransport>> open_replay_transport(const std::string& path,
                                                             ReplayOptions options) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error(Errc::not_found, path + ": no such recording");
  Recorded recorded;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (line.empty()) continue;
    auto exchange = exchange_from_line(std::move(line));
    if (!exchange) {
      return exchange.error().with_context(path + ":" + std::to_string(number));
    }
    Key key(exchange->method, exchange->url, exchange->body);
    recorded[std::move(key)].push_back(std::move(*exchange));
    line.clear();
  }
  return std::make_shared<ReplayTransport>(std::move(recorded), std::move(options));
}

}  // namespace rwp::net
