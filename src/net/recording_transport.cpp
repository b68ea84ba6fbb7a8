#include "net/recorded_exchange.hpp"
#include <rwp/net/replay_transport.hpp>

#include <fstream>
#include <utility>

namespace rwp::net {
namespace {

/// The file, shared by the exchanges that write to it.
class Recording {
 public:
  explicit Recording(const std::string& path) : file_(path, std::ios::app | std::ios::binary) {}
  bool is_open() const { return file_.is_open(); }
  void append(const RecordedExchange& exchange) {
    file_ << to_line(exchange) << '\n' << std::flush;
  }

 private:
  std::ofstream file_;
};

class RecordingExchange final : public HttpExchange {
 public:
  RecordingExchange(std::unique_ptr<HttpExchange> inner, std::shared_ptr<Recording> recording,
                    RecordedExchange recorded, std::size_t max_body_bytes)
      : inner_(std::move(inner)),
        recording_(std::move(recording)),
        recorded_(std::move(recorded)),
        max_body_bytes_(max_body_bytes) {}

  const HttpResponseHead& head() const noexcept override { return inner_->head(); }

  boost::asio::awaitable<Result<std::string>> read() override {
    auto piece = co_await inner_->read();
    if (ended_) co_return piece;
    if (!piece) {
      recorded_.error = piece.error();
    } else if (!piece->empty()) {
      recorded_.answer.body += *piece;
      if (recorded_.answer.body.size() <= max_body_bytes_) co_return piece;
      ended_ = true;
      co_return Error(Errc::unsupported, "an answer that is too large to be recorded");
    }
    ended_ = true;
    recording_->append(recorded_);
    co_return piece;
  }

 private:
  const std::unique_ptr<HttpExchange> inner_;
  const std::shared_ptr<Recording> recording_;
  RecordedExchange recorded_;
  const std::size_t max_body_bytes_;
  bool ended_ = false;
};

class RecordingTransport final : public HttpTransport {
 public:
  RecordingTransport(std::shared_ptr<HttpTransport> inner, std::shared_ptr<Recording> recording,
                     RecordOptions options)
      : inner_(std::move(inner)), recording_(std::move(recording)), options_(std::move(options)) {}

 private:
  boost::asio::awaitable<Result<std::unique_ptr<HttpExchange>>> do_open(
      HttpRequest request) override {
    if (request.body_source) {
      co_return Error(Errc::unsupported,
                      describe_request(request) + ": a body from a source is not recorded");
    }
    RecordedExchange recorded;
    recorded.method = request.method;
    recorded.url = masked_url(request.url, options_.masked);
    recorded.headers = masked_headers(request.headers, options_.masked);
    recorded.body = request.body;
    auto opening = inner_->open(std::move(request));
    auto opened = co_await std::move(opening);
    if (!opened) {
      recorded.error = opened.error();
      recording_->append(recorded);
      co_return opened;
    }
    static_cast<HttpResponseHead&>(recorded.answer) = (*opened)->head();
    recorded.answer.headers = masked_headers((*opened)->head().headers, options_.masked);
    co_return std::make_unique<RecordingExchange>(std::move(*opened), recording_,
                                                  std::move(recorded), options_.max_body_bytes);
  }

  const std::shared_ptr<HttpTransport> inner_;
  const std::shared_ptr<Recording> recording_;
  const RecordOptions options_;
};

}  // namespace

Result<std::shared_ptr<HttpTransport>> make_recording_transport(
    std::shared_ptr<HttpTransport> inner, const std::string& path, RecordOptions options) {
  auto recording = std::make_shared<Recording>(path);
  if (!recording->is_open()) {
    return Error(Errc::unavailable, path + ": the recording cannot be opened");
  }
  return std::make_shared<RecordingTransport>(std::move(inner), std::move(recording),
                                              std::move(options));
}

}  // namespace rwp::net
