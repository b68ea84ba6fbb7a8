#include "server/body_reader.hpp"

#include "server/target.hpp"

#include <algorithm>
#include <utility>

namespace rwp::server {
namespace {

using std::chrono::steady_clock;

/// Before this, a client's rate is not judged.
constexpr std::chrono::seconds kSlowStart{2};
/// A string grows as the bytes come, not as the head promises.
constexpr std::uint64_t kReadPiece = std::uint64_t{64} << 10U;
constexpr std::uint64_t kNearlyComplete = std::uint64_t{64} << 10U;

Problem own_problem(int status, std::string code, std::string detail) {
  Problem problem = malformed(std::move(detail), "body");
  problem.status = status;
  problem.code = std::move(code);
  return problem;
}

}  // namespace

Problem BodyReader::too_large(std::uint64_t max_bytes) {
  return own_problem(413, "payload_too_large",
                     "the body must not have more than " + std::to_string(max_bytes) + " bytes");
}

BodyReader::BodyReader(Connection& connection, const RequestHead& head, std::uint64_t max_bytes)
    : connection_(connection),
      head_(head),
      max_bytes_(max_bytes),
      chunks_(max_bytes),
      complete_(head.body == BodyKind::none) {}

bool BodyReader::is_nearly_complete() const noexcept {
  if (complete_) return true;
  const bool waits_to_be_asked = head_.expects_continue && !asked_ && received_ == 0;
  return !problem_ && head_.body == BodyKind::sized && !waits_to_be_asked &&
         head_.content_length - received_ <= kNearlyComplete;
}

bool BodyReader::take_at_once(std::string& out) {
  const std::string_view input = connection_.input();
  if (begun_ || head_.body != BodyKind::sized || head_.content_length > input.size()) return false;
  begun_ = true;
  received_ = head_.content_length;
  out.append(input.substr(0, static_cast<std::size_t>(received_)));
  connection_.consume(static_cast<std::size_t>(received_));
  complete_ = true;
  return true;
}

boost::asio::awaitable<BodyReader::Step> BodyReader::step(std::string& out) {
  if (complete_) co_return Step::complete;
  if (problem_) co_return Step::failed;
  if (!begun_) {
    begun_ = true;
    if (head_.expects_continue && connection_.input().empty()) {
      asked_ = true;
      const bool sent = co_await connection_.send("HTTP/1.1 100 Continue\r\n\r\n", {});
      if (!sent) co_return Step::failed;
    }
  }
  if (head_.body == BodyKind::sized) co_return co_await step_sized(out);
  co_return co_await step_chunked(out);
}

boost::asio::awaitable<BodyReader::Step> BodyReader::step_sized(std::string& out) {
  const std::uint64_t left = head_.content_length - received_;
  const auto piece = static_cast<std::size_t>(std::min(left, kReadPiece));
  std::size_t taken = std::min(piece, connection_.input().size());
  if (taken > 0) {
    out.append(connection_.input().data(), taken);
    connection_.consume(taken);
  } else {
    expect_input();
    const std::size_t before = out.size();
    out.resize(before + piece);
    taken = co_await connection_.read_into(out.data() + before, piece);
    end_input();
    out.resize(before + taken);
    if (taken == 0) co_return fail_to_read();
  }
  received_ += taken;
  complete_ = received_ == head_.content_length;
  co_return complete_ ? Step::complete : Step::more;
}

boost::asio::awaitable<BodyReader::Step> BodyReader::step_chunked(std::string& out) {
  if (connection_.input().empty()) {
    expect_input();
    const bool more = co_await connection_.fill();
    end_input();
    if (!more) co_return fail_to_read();
  }
  std::string_view rest = connection_.input();
  const std::size_t before = rest.size();
  const auto state = chunks_.decode(rest, out);
  connection_.consume(before - rest.size());
  received_ += before - rest.size();
  switch (state) {
    case ChunkDecoder::State::more:
      co_return Step::more;
    case ChunkDecoder::State::complete:
      complete_ = true;
      co_return Step::complete;
    case ChunkDecoder::State::too_large:
      problem_ = too_large(max_bytes_);
      reason_ = "body_too_large";
      co_return Step::failed;
    case ChunkDecoder::State::malformed:
      problem_ = malformed("the body is not in the chunked coding", "body");
      reason_ = "malformed";
      co_return Step::failed;
  }
  co_return Step::failed;
}

void BodyReader::expect_input() {
  const ServerOptions& options = connection_.shard().options();
  std::chrono::nanoseconds limit = options.body_timeout;
  if (options.min_body_rate > 0) {
    const auto earned = std::chrono::milliseconds(received_ * 1000 / options.min_body_rate);
    limit = std::min<std::chrono::nanoseconds>(limit, kSlowStart + earned);
  }
  asked_at_ = steady_clock::now();
  connection_.expect_input(asked_at_ + limit - waited_);
}

BodyReader::Step BodyReader::fail_to_read() {
  if (connection_.timed_out()) {
    problem_ = own_problem(408, "deadline_exceeded", "the body did not come in time");
    reason_ = "body_timeout";
  }
  return Step::failed;
}

}  // namespace rwp::server
