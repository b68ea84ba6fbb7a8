#include <rwp/core/async.hpp>
#include <rwp/core/child_process.hpp>

#include <boost/asio/this_coro.hpp>

#include <utility>

namespace rwp {

namespace asio = boost::asio;

namespace {

/// Its output to the end; more than `limit` bytes: `Errc::budget_exceeded`.
asio::awaitable<Result<std::string>> read_all(ChildProcess* child, std::size_t limit) {
  std::string output;
  for (;;) {
    auto bytes = co_await child->read();
    if (!bytes) co_return bytes.error();
    if (bytes->empty()) co_return output;
    if (bytes->size() > limit - output.size()) {
      co_return Error(Errc::budget_exceeded, "the child wrote more than it may");
    }
    output += *bytes;
  }
}

/// A child may close its output and live on: that counts as not ended.
asio::awaitable<Result<std::string>> read_to_end(ChildProcess* child, std::size_t limit) {
  auto output = co_await read_all(child, limit);
  if (!output) co_return output.error();
  const auto end = co_await child->wait();
  if (!end) co_return end.error();
  co_return output;
}

}  // namespace

asio::awaitable<Result<ChildRun>> run_child(ChildCommand command, ChildRunOptions options) {
  const auto deadline = std::chrono::steady_clock::now() + options.max_wall_time;
  auto started = ChildProcess::start(co_await asio::this_coro::executor, std::move(command));
  if (!started) co_return started.error();
  const std::unique_ptr<ChildProcess> child = std::move(*started);
  child->send(std::move(options.input));
  child->close_input();
  auto reading = read_to_end(child.get(), options.max_output_bytes);
  auto output = co_await with_deadline(std::move(reading), deadline);
  ChildRun run;
  if (output) {
    run.output = std::move(*output);
  } else if (output.error().code() == Errc::budget_exceeded) {
    run.wrote_too_much = true;
  } else if (output.error().code() == Errc::deadline_exceeded) {
    run.took_too_long = true;
  } else {
    co_return output.error();
  }
  child->kill();
  const auto end = co_await child->wait();
  if (!end) co_return end.error();
  run.end = *end;
  run.errors = child->errors();
  co_return run;
}

}  // namespace rwp
