#include <rwp/core/async.hpp>
#include <rwp/core/json_writer.hpp>
#include <rwp/core/runtime.hpp>
#include <rwp/core/uuid.hpp>
#include <rwp/observability/log.hpp>

#include <chrono>
#include <cstdio>

namespace {

boost::asio::awaitable<rwp::Result<int>> answer() {
  using namespace std::chrono_literals;
  const auto slept = co_await rwp::sleep_for(1ms);
  if (!slept) co_return slept.error();
  co_return 42;
}

}  // namespace

int main() {
  rwp::Runtime runtime;
  const auto number = rwp::block_on(runtime, answer());
  if (!number) {
    std::fprintf(stderr, "core_consumer: %s\n", number.error().to_string().c_str());
    return 1;
  }
  rwp::JsonWriter writer;
  writer.begin_object().member("answer", *number).end_object();
  const rwp::JsonText document = writer.finish();

  const rwp::observability::Logger log(rwp::observability::make_stderr_log_sink());
  log.info("consumer ran", {{"document", document.str()}});
  return document.str() == R"({"answer":42})" ? 0 : 1;
}
