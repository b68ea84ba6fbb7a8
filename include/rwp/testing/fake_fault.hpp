#pragma once

#include <rwp/core/error.hpp>

#include <cstdint>
#include <string_view>

namespace rwp::testing {

/// What the fake does with a request.
enum class Fault : std::uint8_t {
  none,            ///< "ok": a good answer.
  rate_limit,      ///< 429 with Retry-After and Retry-After-Ms (`value`: milliseconds, 1 s).
  rate_seconds,    ///< The same with Retry-After alone.
  rate_date,       ///< The same with an HTTP date.
  rate_ms,         ///< The same with Retry-After-Ms alone.
  rate_reset,      ///< The same with x-ratelimit-reset-requests alone.
  rate_bare,       ///< The same without any header.
  slow_down,       ///< 429: the traffic grew too fast.
  quota,           ///< 429, the money is spent.
  bad_key,         ///< 401, and repeats the key that it was sent.
  server_error,    ///< 500.
  overloaded,      ///< 503.
  bad_gateway,     ///< 502 with a page of HTML.
  reset,           ///< The connection ends without an answer.
  slow,            ///< A good answer after a while (`value`: milliseconds, 2 s).
  slow_token,      ///< A stream's head at once, its first piece after a while (as `slow`).
  hang,            ///< No answer until the client has gone.
  cut,             ///< Breaks off within the answer.
  stall,           ///< Falls silent within the answer, until the client has gone.
  malformed,       ///< Broken JSON, or an event that is none.
  wrong_type,      ///< 200 with a page of HTML.
  empty,           ///< 200 with nothing, or a stream that ends without saying why.
  huge,            ///< An answer of `value` MiB (64).
  error_event,     ///< 200, and then the error object.
  refusal,         ///< The model declines.
  length,          ///< The answer was cut at the token limit.
  content_filter,  ///< The filter withheld it.
  misfit,          ///< JSON that breaks the schema asked for.
};

/// One step of a script: "ok", "rate_limit", "rate_limit:250", "slow:1500", "cut", …
struct FakeStep {
  Fault fault = Fault::none;
  /// What it means stands at the fault; negative: its default.
  std::int64_t value = -1;
};

/// `Errc::invalid_argument` names the word that is no fault, and lists those that are.
Result<FakeStep> parse_fake_step(std::string_view text);
/// The fault's word.
std::string_view fault_name(Fault fault) noexcept;

/// What the fake does with an upload, or with a batch.
enum class FakeBatchFault : std::uint8_t {
  none,        ///< "ok".
  refuse,      ///< 400; nothing is made.
  rate_limit,  ///< 429, to be tried again at once; nothing is made.
  lost,        ///< Made at once, but the connection ends without an answer.
  late,     ///< The connection ends without an answer, and only `value` ms later (1 s) it is made.
  fail,     ///< A batch that fails as a whole: its file is refused.
  expire,   ///< A batch that expires with its first `value` lines answered (half of them).
  partial,  ///< Every `value`-th line (third) ends with an error of the server's in the error file.
  missing,  ///< Every `value`-th line (third) stands in no file.
  doubled,  ///< Every line stands twice in the output.
  zero_status,  ///< Every `value`-th line (third) has the status code 0.
  bad_line,     ///< The output's last line is not JSON.
};

struct FakeBatchStep {
  FakeBatchFault fault = FakeBatchFault::none;
  /// What it means stands at the fault; negative: its default.
  std::int64_t value = -1;
};

/// As parse_fake_step().
Result<FakeBatchStep> parse_fake_batch_step(std::string_view text);

}  // namespace rwp::testing
